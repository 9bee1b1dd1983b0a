"""What travels in the OpenTelemetry context besides the span: the call under way, and what the app said here."""

from __future__ import annotations

from typing import cast

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, create_key, get_value, set_value

from llmtrace.facts.records import Scope

CALL_KEY = create_key("llmtrace-call")
_SCOPE_KEY = create_key("llmtrace-scope")
_EMPTY = Scope()


def current_scope(context: Context | None = None) -> Scope:
    """What the app said about everything in this context; an empty scope where it said nothing."""
    return cast("Scope | None", get_value(_SCOPE_KEY, context)) or _EMPTY


def with_scope(scope: Scope, context: Context | None = None) -> Context:
    """A copy of the context that carries the scope."""
    return set_value(_SCOPE_KEY, scope, context)


def suppressed(context: Context) -> bool:
    """Whether somebody asked that nothing be traced here (the OpenTelemetry convention, which exporters use)."""
    return bool(context.get(_SUPPRESS_INSTRUMENTATION_KEY))
