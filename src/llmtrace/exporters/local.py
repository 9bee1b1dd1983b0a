"""Writes spans into the local store, and what else is known of them: bytes, scores, which are still open."""

from __future__ import annotations

import base64
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.util.types import AnyValue

from llmtrace.exporters.unfinished import OpenSpans
from llmtrace.semconv import names
from llmtrace.semconv.names import STEP, STORE, Attribute
from llmtrace.semconv.sorting import facts
from llmtrace.store import Attributes, EventRow, LinkRow, Origin, Score, SpanRow, Store, StoreError, Value

logger = logging.getLogger("llmtrace")

MAX_BYTES = 2 << 30
"""How large the store may grow before its oldest traces go."""

PRUNE_EVERY = 100
"""Batches between two looks at the store's size; the first batch of a process looks too."""

_INT64 = range(-(1 << 63), 1 << 63)
_Kind = TypeVar("_Kind")


class LocalExporter(SpanExporter):
    """Sends spans to a file of this machine, and never raises: a batch that can't be written is counted and logged."""

    def __init__(self, path: Path, *, max_bytes: int | None = MAX_BYTES) -> None:
        self._store = Store(path)
        self._max_bytes = max_bytes
        self._batches = 0
        self._lost = 0
        self._told: set[str] = set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Writes a batch, all of it or nothing."""
        if not self._tried(lambda: self._write(spans)):
            self._lost += len(spans)
            return SpanExportResult.FAILURE
        self._batches += 1
        return SpanExportResult.SUCCESS

    def keep(self, sha256: str, body: bytes, mime_type: str) -> None:
        """Keeps bytes that were taken out of a message; where they can't be written, the message says their digest."""
        self._tried(lambda: self._store.put_blob(sha256, body, mime_type))

    def keep_score(
        self,
        trace_id: str,
        span_id: str | None,
        name: str,
        *,
        value: float | None = None,
        label: str | None = None,
        comment: str | None = None,
        user: str | None = None,
        at: int | None = None,
    ) -> bool:
        """Keeps what somebody thought of a trace or a span; ids are hex, `at` is nanoseconds since the epoch, or now.

        False where it could not be kept.
        """
        given = Score(
            trace_id=trace_id,
            span_id=span_id,
            name=name,
            value=value,
            label=label,
            comment=comment,
            user=user,
            at=time.time_ns() if at is None else at,
        )
        return self._tried(lambda: self._store.add_score(given))

    def companion(self) -> SpanProcessor:
        """What watches spans from their start, so that the store has them before they end."""
        return OpenSpans(self)

    def hold_open(self, writer: bytes, spans: Sequence[ReadableSpan], given_up: Sequence[tuple[int, int]]) -> bool:
        """Notes what a process has open, and what will never be finished."""
        try:
            rows = [_open(made) for made in map(row, spans) if made.ended is None]
        except (KeyError, RuntimeError):  # the app was setting an attribute meanwhile
            return False
        gone = [(f"{trace:032x}", f"{span:016x}") for trace, span in given_up]
        return self._tried(lambda: self._store.hold_open(writer, rows, gone))

    def let_go(self, writer: bytes) -> None:
        """Notes that a process ends."""
        self._tried(lambda: self._store.let_go(writer))

    def shutdown(self) -> None:
        """Closes the file and says what was lost, if anything was."""
        self._store.close()
        if self._lost:
            logger.warning("llmtrace: %d spans could not be written to %s", self._lost, self._store.path)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - export returns when all is written
        """Nothing waits here."""
        return True

    def _write(self, spans: Sequence[ReadableSpan]) -> None:
        rows = [row(span) for span in spans]
        judged = [score(made) if _judges(span) else None for span, made in zip(spans, rows, strict=True)]
        scores = [found for found in judged if found is not None]
        self._store.write([made for made, found in zip(rows, judged, strict=True) if found is None], scores)
        if self._batches % PRUNE_EVERY == 0:
            self._prune()

    def _tried(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except (sqlite3.Error, OSError, StoreError) as error:
            self._tell(error)
            return False
        return True

    def _prune(self) -> None:
        gone = self._store.prune(max_bytes=self._max_bytes)
        if gone:
            logger.info("llmtrace: %s was full; its %d oldest traces were removed", self._store.path, gone)

    def _tell(self, error: Exception) -> None:
        """Logs each kind of problem once: the same disk is full again a second later."""
        what = f"{type(error).__name__}: {error}"
        if what not in self._told:
            self._told.add(what)
            logger.warning("llmtrace: the local store %s can't be written: %s", self._store.path, error)


def row(span: ReadableSpan) -> SpanRow:
    """The span as the store keeps it."""
    attributes = _attributes(span.attributes)
    context, scope = span.context, span.instrumentation_scope
    return SpanRow(
        trace_id=f"{context.trace_id if context else 0:032x}",
        span_id=f"{context.span_id if context else 0:016x}",
        parent_id=f"{span.parent.span_id:016x}" if span.parent else None,
        name=span.name,
        kind=span.kind.name.lower(),
        started=span.start_time or 0,
        ended=span.end_time,
        status=span.status.status_code.name.lower(),
        status_message=span.status.description,
        operation=_operation(attributes),
        provider=_get(attributes, names.PROVIDER_NAME, str),
        model=_get(attributes, names.REQUEST_MODEL, str) or _get(attributes, names.RESPONSE_MODEL, str),
        conversation_id=_get(attributes, names.CONVERSATION_ID, str),
        user_id=_get(attributes, names.USER_ID, str),
        error_type=_get(attributes, names.ERROR_TYPE, str),
        input_tokens=_get(attributes, names.INPUT_TOKENS, int),
        output_tokens=_get(attributes, names.OUTPUT_TOKENS, int),
        cached_tokens=_get(attributes, names.CACHE_READ, int),
        cost=_get(attributes, names.COST_TOTAL, float),
        currency=_get(attributes, names.COST_CURRENCY, str),
        tags=tuple(tag for tag in _get(attributes, names.TAGS, list) or () if isinstance(tag, str)),
        attributes=attributes,
        events=[EventRow(event.name, event.timestamp, _attributes(event.attributes)) for event in span.events],
        links=[
            LinkRow(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}", _attributes(link.attributes))
            for link in span.links
        ],
        origin=Origin(
            _attributes(span.resource.attributes),
            scope.name if scope else "",
            (scope.version if scope else None) or None,
        ),
    )


def _operation(attributes: dict[str, Any]) -> str | None:
    """What is done; the conventions have no word for a plain step and for a request to a store."""
    said = _get(attributes, names.OPERATION_NAME, str)
    if said is None and names.STEP_NAME.key in attributes:
        return STEP
    return said or (STORE if names.DB_SYSTEM.key in attributes else None)


def _open(made: SpanRow) -> SpanRow:
    """A span that is still open, as it may be kept: the content rules are applied when a call has ended.

    Ours hold no content until then; those that libraries make themselves may.
    """
    if made.operation is None:
        return made
    return replace(made, attributes=facts(made.attributes), events=[])


def _judges(span: ReadableSpan) -> bool:
    """Whether the span only says what somebody thought of another one, as feedback does long after that one's trace."""
    return span.parent is not None and span.parent.is_remote and names.EVALUATION_NAME.key in (span.attributes or {})


def score(judgement: SpanRow) -> Score | None:
    """The score that such a span tells, which is kept with the span that it judges; None where it tells none."""
    told = judgement.attributes
    name = _get(told, names.EVALUATION_NAME, str)
    if name is None or judgement.ended is None:
        return None
    return Score(
        trace_id=judgement.trace_id,
        span_id=judgement.parent_id,
        name=name,
        value=_get(told, names.EVALUATION_VALUE, float),
        label=_get(told, names.EVALUATION_LABEL, str),
        comment=_get(told, names.EVALUATION_EXPLANATION, str),
        user=judgement.user_id,
        at=judgement.ended,
    )


def _get(attributes: Attributes, attribute: Attribute, kind: type[_Kind]) -> _Kind | None:
    """An attribute under its current or its older name, where it has the type it should have."""
    value = attributes.get(attribute.key)
    if value is None and attribute.formerly is not None:
        value = attributes.get(attribute.formerly)
    return value if isinstance(value, kind) else None


def _attributes(given: Mapping[str, AnyValue] | None) -> Attributes:
    return {key: _value(value) for key, value in (given or {}).items()}


def _value(value: AnyValue) -> Value:
    """The value as JSON can hold it: bytes as base64, as OTLP's own JSON has them, and what no 64 bits hold as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return _attributes(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_value(item) for item in value]
    if isinstance(value, int) and value not in _INT64:
        return hex(value)
    return value
