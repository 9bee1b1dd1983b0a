"""Carries the trace and what the app said of it to the app's own services, when asked; never to a model provider."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, MutableMapping

from opentelemetry.baggage import get_baggage, set_baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from llmtrace.api.context import Saying
from llmtrace.engine.context import current_scope, scope_begun, with_scope
from llmtrace.facts.records import Scope
from llmtrace.facts.shape import mapping, text

_ENTRY = "llmtrace"
_TRACE = TraceContextTextMapPropagator()
_BAGGAGE = W3CBaggagePropagator()


def inject(headers: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Adds to the headers of a request to a service of your own what `extract` there needs, and gives them back.

    That is the W3C trace context, and as W3C baggage the conversation, the user, metadata and tags of this block.
    """
    headers = {} if headers is None else headers
    _TRACE.inject(headers)
    scope = current_scope()
    told = {
        "conversation": scope.conversation_id,
        "user": scope.user_id,
        "metadata": dict(scope.metadata) or None,
        "tags": list(scope.tags) or None,
        "capture": scope.capture,
    }
    if said := {name: value for name, value in told.items() if value is not None}:
        _BAGGAGE.inject(headers, set_baggage(_ENTRY, json.dumps(said, default=str), Context()))
    return headers


def extract(headers: Mapping[str, str]) -> Saying:
    """Goes on with a caller's trace inside the block, from its request's headers; without one there it changes nothing.

    Call it only on requests from services of your own: who sends the headers decides on the conversation and the user.
    """
    return Saying(functools.partial(_extracted, {name.lower(): value for name, value in headers.items()}))


def _extracted(headers: Mapping[str, str], context: Context) -> Context:
    told = _told(_BAGGAGE.extract(headers, Context()))
    return with_scope(_scope(told, scope_begun(context)), _TRACE.extract(headers, context), around=context)


def _told(context: Context) -> dict[str, object]:
    entry = get_baggage(_ENTRY, context)
    try:
        return mapping(json.loads(entry)) if isinstance(entry, str) else {}
    except ValueError:
        return {}


def _scope(told: dict[str, object], scope: Scope) -> Scope:
    tags = told.get("tags")
    return Scope(
        conversation_id=text(told.get("conversation")) or scope.conversation_id,
        user_id=text(told.get("user")) or scope.user_id,
        metadata={**scope.metadata, **mapping(told.get("metadata"))},
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else scope.tags,
        capture="none" if "none" in (told.get("capture"), scope.capture) else scope.capture,
    )
