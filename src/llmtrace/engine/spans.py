"""Begins the spans of calls: light ones where nobody but llmtrace would see them begin, else the SDK's."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, DEFAULT_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
)
from opentelemetry.util.types import AnyValue, Attributes, AttributeValue

from llmtrace.facts.operation import Start
from llmtrace.facts.records import Scope
from llmtrace.semconv.attributes import span_name, start_attributes
from llmtrace.semconv.names import Names

if TYPE_CHECKING:
    from llmtrace.engine.guard import Guard

KINDS = {"client": SpanKind.CLIENT, "server": SpanKind.SERVER, "internal": SpanKind.INTERNAL}
_EVERYTHING = (ALWAYS_ON, DEFAULT_ON)
_UNSET = Status(StatusCode.UNSET)
_AT_RANDOM = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)


class Watching(Protocol):
    """Our own processor, as far as a span of ours needs it."""

    def watch(self, span: Any, context: Context) -> None:
        """A span of ours began."""

    def deliver(self, span: ReadableSpan) -> None:
        """A span of ours ended."""


class LightSpan(ReadableSpan, Span):
    """A span without locks, limits, and checks of attributes, which are llmtrace's own and legal.

    What it is called and what is known of it from the start is put in words when somebody asks, which for most is
    once, off the caller's thread. What an app writes on it, being inside, is checked as the SDK checks it.
    """

    _instrumentation_info = None
    _attributes: Mapping[str, Any] | None = None
    _status = _UNSET
    _end_time: int | None = None
    _events: Sequence[Event] = ()
    _links: Sequence[Link] = ()
    _name: str = ""
    _known: Mapping[str, Any] | None = None
    _said: Mapping[str, Any] = MappingProxyType({})
    _described: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self, spans: Spans, start: Start, scope: Scope, context: SpanContext, parent: SpanContext | None, started: int
    ) -> None:
        # Not by the constructor above, which would ask for a name, and takes its time.
        self._spans = spans
        self._start = start
        self._scope = scope
        self._kind = KINDS[start.operation.kind]
        self._resource = spans.resource
        self._instrumentation_scope = spans.scope
        self._context = self._ids = context
        self._parent = parent
        self._start_time = started

    @property
    def name(self) -> str:
        """As the app renamed it, or as the conventions say."""
        if not self._name:
            self._name = self._start.operation.name
            with self._spans.describing:
                self._name = span_name(self._start)
        return self._name

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is known so far: from the start, from the app, and last what the call turned out to be."""
        if self._attributes is not None:
            return self._attributes
        if self._known is None:
            self._known = {}
            with self._spans.describing:
                self._known = start_attributes(self._start, self._scope, self._spans.names)
        return {**self._known, **self._said, **self._described}

    def get_span_context(self) -> SpanContext:
        """Its ids."""
        return self._ids

    def is_recording(self) -> bool:
        """Whether it can still be written on."""
        return self._end_time is None

    def describe(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Takes what the call turned out to be, as it is."""
        self._described = attributes

    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:
        """As the SDK does: what is no legal value is left out, with a word in the log."""
        if self._end_time is None:
            self._said = {**self._said, **BoundedAttributes(None, attributes)}

    def set_attribute(self, key: str, value: AnyValue) -> None:
        """As above."""
        self.set_attributes({key: value})

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Adds a moment: now, unless it is said when."""
        if self._end_time is None:
            self._events = (*self._events, Event(name, BoundedAttributes(None, attributes), timestamp))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Adds a link to another span."""
        if self._end_time is None:
            self._links = (*self._links, Link(context, attributes))

    def update_name(self, name: str) -> None:
        """Renames it."""
        if self._end_time is None:
            self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """What the app said to be well stays so, and nothing unsets."""
        made = status if isinstance(status, Status) else Status(status, description)
        if self._end_time is None and self._status.status_code is not StatusCode.OK and not made.is_unset:
            self._status = made

    record_exception = SdkSpan.record_exception

    def end(self, end_time: int | None = None) -> None:
        """Ends it, and hands it to our destinations."""
        if self._end_time is None:
            self._end_time = time.time_ns() if end_time is None else end_time
            # From here on it is as the SDK leaves its own: some exporters do not ask by the public names.
            with self._spans.describing:
                self._name, self._attributes = self.name, self.attributes
            self._spans.watching.deliver(self)


class Spans:
    """Begins spans: light ones, unless the provider has processors of the app's own, or a sampler that looks at each.

    `ours` are the classes of our processors, and `watching` is the one that has our destinations.
    """

    def __init__(self, provider: Any, tracer: Any, names: Names, ours: Sequence[type], describing: Guard) -> None:
        self.tracer = tracer
        self.names = names
        self.describing = describing
        self.watching: Watching
        self.resource: Any = getattr(provider, "resource", None)
        self.scope: Any = getattr(tracer, "_instrumentation_scope", None)
        self._ours = tuple(ours)
        self._behind = getattr(provider, "_active_span_processor", None)
        self._seen: Any = None
        self._light = False
        ids: Any = getattr(provider, "id_generator", None)
        self._can = getattr(provider, "sampler", None) in _EVERYTHING and ids is not None and self.scope is not None
        if self._can:
            self._new_span, self._new_trace = ids.generate_span_id, ids.generate_trace_id
            at_random = getattr(ids, "is_trace_id_random", bool)()
            self._flags = TraceFlags(TraceFlags.SAMPLED | (_AT_RANDOM if at_random else 0))

    def begin(self, start: Start, scope: Scope, context: Context, links: Sequence[Link], started: int) -> Span:
        """The span of a call that begins in this context."""
        seen = getattr(self._behind, "_span_processors", None)
        if seen is not self._seen:
            self._look(seen)
        if not self._light:
            name, known = start.operation.name, None
            with self.describing:
                name, known = span_name(start), start_attributes(start, scope, self.names)
            kind = KINDS[start.operation.kind]
            made: Span = self.tracer.start_span(name, context, kind, known, links, start_time=started)
            return made
        parent: SpanContext | None = get_current_span(context).get_span_context()
        if parent is None or not parent.is_valid:
            parent, ids = None, SpanContext(self._new_trace(), self._new_span(), False, self._flags)
        else:
            ids = SpanContext(parent.trace_id, self._new_span(), False, parent.trace_flags, parent.trace_state)
            if not parent.trace_flags & TraceFlags.SAMPLED:
                return NonRecordingSpan(ids)
        span = LightSpan(self, start, scope, ids, parent, started)
        if links:
            span._links = links
        with self.describing:
            self.watching.watch(span, context)
        return span

    def _look(self, processors: Any) -> None:
        """Whether all of the provider's processors are ours; an app may add one at any time."""
        self._seen = processors
        self._light = self._can and isinstance(processors, tuple) and all(type(p) in self._ours for p in processors)
