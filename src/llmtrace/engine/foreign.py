"""Describes a span that a library made itself anew, off the caller's thread: as ours are, by the facts read from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from llmtrace.content.fields import strip
from llmtrace.engine.settle import bill, infer_tools, let_through, reconcile
from llmtrace.facts.operation import Foreign
from llmtrace.facts.records import Course, Record, ToolCall
from llmtrace.semconv import reading, sorting
from llmtrace.semconv.attributes import attributes, name_of
from llmtrace.semconv.values import scalar

if TYPE_CHECKING:
    from llmtrace.engine.engine import Engine
    from llmtrace.engine.guests import Guest

Attributes = Mapping[str, Any]
Sieve = Callable[[Attributes], dict[str, Any]]


class Arrival:
    """A guest's span that ended, on its way to our destinations through the worker."""

    __slots__ = ("_conversation_id", "_deliver", "_engine", "_guest", "_shed_for", "_span", "pid", "size")

    def __init__(
        self, engine: Engine, guest: Guest, span: ReadableSpan, deliver: Callable[[ReadableSpan], None]
    ) -> None:
        self.pid = guest.pid
        self.size = _weight(span.attributes) + sum(_weight(event.attributes) for event in span.events)
        self._engine = engine
        self._guest = guest
        self._span = span
        self._deliver = deliver
        self._shed_for: str | None = None
        if reading.bears_usage(span.attributes or {}):
            # Now, and not when it is read: what is around it may be settled before that.
            guest.cover_outer()
        self._conversation_id = guest.conversation_id  # what is around it is still open

    def shed(self, reason: str) -> None:
        """Leaves the content out."""
        self._shed_for = reason

    def settle(self) -> None:
        """Delivers the span as the facts have it; where that fails, with what can't be content."""
        with self._engine.describing:
            self._deliver(self._described())
            return
        self._deliver(_sifted(self._span, _sieve(self._engine, secret=True)))

    def _described(self) -> ReadableSpan:
        engine, guest, span = self._engine, self._guest, self._span
        secret = "none" in (engine.policy.capture, guest.scope.capture) or self._shed_for is not None
        foreign = _foreign(span, shed=self._shed_for is not None)
        record = guest.reader(foreign)
        sieve = _sieve(engine, secret=secret or not engine.span_content)
        if record is None:
            return _sifted(span, sieve)
        course = _course(span, foreign)
        course.content_dropped = self._shed_for
        record.conversation_id = self._conversation_id or reading.conversation_id(foreign.attributes)
        if course.failure is not None:
            record.failure = None  # what was raised says more than that something was
        reconcile(course, record)
        bill(engine, record, covered=guest.covered)
        if isinstance(record, ToolCall):
            infer_tools(engine, span, record, course, guest.scope, "none" if secret else None)
        let_through(engine, record, course, "none" if secret else None)
        if not (record.bears_usage and guest.covered):
            _report(engine, span, record, course)
        if not engine.span_content:
            strip(record)
        made = attributes(record, course, engine.names)
        kind = SpanKind.CLIENT if record.bears_usage and not guest.covered else span.kind
        return _copy(
            span,
            name=name_of(record),
            kind=kind,
            attributes=sieve(sorting.beside(foreign.attributes)) | made,
            events=_events(span, sieve, kept=lambda name: not sorting.is_told(name)),
            status=_status(span, course),
            sieve=sieve,
        )


def _foreign(span: ReadableSpan, *, shed: bool) -> Foreign:
    sieve = sorting.facts if shed else dict
    events = [(event.name, sieve(event.attributes or {})) for event in span.events]
    said = reading.with_details(sieve(span.attributes or {}), events)
    scope = "" if span.instrumentation_scope is None else span.instrumentation_scope.name
    return Foreign(scope, span.name, said, events, reading.record(span.name, said))


def _course(span: ReadableSpan, foreign: Foreign) -> Course:
    course = Course(span.start_time or 0, span.end_time or 0, first_chunk=reading.first_chunk(foreign.attributes))
    course.streamed = course.first_chunk is not None
    if span.status.status_code is StatusCode.ERROR:
        course.outcome = "failed"
        course.failure = reading.failure(foreign.attributes, foreign.events, span.status.description)
    return course


def _report(engine: Engine, span: ReadableSpan, record: Record, course: Course) -> None:
    """Emits the event and the metrics of what no call of ours is inside of."""
    context = span.get_span_context()
    with engine.describing:
        if engine.events is not None and context is not None:
            engine.events.emit(record, course, context)
    with engine.describing:
        if engine.metrics is not None:
            engine.metrics.record(record, course)


def _status(span: ReadableSpan, course: Course) -> Status:
    return span.status if course.failure is None else Status(StatusCode.ERROR, course.failure.message or None)


def _sieve(engine: Engine, *, secret: bool) -> Sieve:
    """What takes secrets out of attributes, and with `secret` all that might be content."""
    policy = engine.policy

    def sifted(values: Attributes) -> dict[str, Any]:
        kept = policy.facts(sorting.facts(values)) if secret else policy.loose(values)
        return {key: legal for key, value in kept.items() if (legal := scalar(value)) is not None}

    return sifted


def _sifted(span: ReadableSpan, sieve: Sieve) -> ReadableSpan:
    """The span as its library made it, but for what must not leave."""
    described = {"status": span.status.description} if span.status.description else {}
    return _copy(
        span,
        name=span.name,
        kind=span.kind,
        attributes=sieve(span.attributes or {}),
        events=_events(span, sieve),
        status=Status(span.status.status_code, sieve(described).get("status")),
        sieve=sieve,
    )


def _events(span: ReadableSpan, sieve: Sieve, kept: Callable[[str], bool] = lambda _: True) -> list[Event]:
    return [
        Event(event.name, sieve(event.attributes or {}), event.timestamp) for event in span.events if kept(event.name)
    ]


def _copy(span: ReadableSpan, *, sieve: Sieve, attributes: Attributes, **changed: Any) -> ReadableSpan:
    """A span like the other but for its attributes and what else is `changed`."""
    return ReadableSpan(
        attributes=BoundedAttributes(attributes=attributes),
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        links=[Link(link.context, sieve(link.attributes or {})) for link in span.links],
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
        **changed,
    )


def _weight(values: Attributes | None) -> int:
    return sum(len(value) for value in (values or {}).values() if isinstance(value, str))
