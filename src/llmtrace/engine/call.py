"""One call from its first instruction to its hand-over; on the caller's thread it does little but take references."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.context import get_current, set_value
from opentelemetry.trace import SpanKind, set_span_in_context

from llmtrace.content.snapshot import snapshot
from llmtrace.engine.context import PLACE_KEY, Place, call_in, place_in, scope_begun, standing
from llmtrace.engine.guests import cover
from llmtrace.engine.heard import Heard, length
from llmtrace.engine.nesting import repeats, stepped
from llmtrace.engine.settle import describe, facts_of, outcome_of, unread
from llmtrace.engine.travel import joined
from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.facts.records import Course, Failure
from llmtrace.semconv.attributes import span_name, start_attributes
from llmtrace.semconv.errors import error_type, failure_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from llmtrace.engine.engine import Engine
    from llmtrace.engine.guard import Guard
    from llmtrace.facts.operation import Begin

_KINDS = {"client": SpanKind.CLIENT, "server": SpanKind.SERVER, "internal": SpanKind.INTERNAL}


class Call:
    """One call under way. Its end may come from several sides at once (value, error, stream, collector): one wins."""

    __slots__ = (
        "attempts",
        "began",
        "context",
        "course",
        "covered",
        "ear",
        "ears",
        "engine",
        "guard",
        "heard",
        "notes",
        "outer",
        "pending",
        "pid",
        "place",
        "point",
        "request",
        "response",
        "returned",
        "scope",
        "shed_for",
        "siblings",
        "size",
        "span",
        "start",
        "started",
        "steps",
    )

    def __init__(
        self,
        engine: Engine,
        start: Start,
        point: Begin,
        guard: Guard,
        context: Context,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.outer = cast("Call | None", call_in(context))
        operation = start.operation
        if operation.inside is not None and repeats(start, self.outer, context):
            start = replace(start, operation=operation.inside)
            operation = operation.inside
        self.engine = engine
        self.start = start
        self.point = point
        self.pid = engine.worker.pid
        self.guard = guard
        self.started = time.time_ns()
        self.began = time.perf_counter_ns()
        self.scope = scope_begun(context)
        with guard:
            self.scope = engine.guests.received(self.scope, context, bears_usage=operation.bears_usage)
        if start.conversation_id is not None and self.scope.conversation_id is None:
            self.scope = replace(self.scope, conversation_id=start.conversation_id)
        if operation.step:
            self.scope = stepped(start, self.outer, self.scope)
        self.request: Any = None
        if not start.wire:
            with guard:
                self.request = snapshot(start.request)
        self.response: Received | None = None
        self.attempts = 0
        self.size = 0
        self.ear = self.ears = 0
        self.returned = False
        self.covered = False
        self.steps = 0
        self.siblings: dict[str, int] = {}
        self.notes: dict[str, Any] = {}
        self.shed_for: str | None = None
        self.heard: Heard | None = None
        self.pending = [True]
        self.course: Course | None = None
        if operation.bears_usage:
            cover(self.outer)
        name, known = operation.name, None
        with guard:
            name, known = span_name(start), start_attributes(start, self.scope, engine.names)
        kind = _KINDS[operation.kind]
        context, links = joined(*standing(context), headers)
        self.place = Place(self.scope, context, self)
        # From here on nothing may fail: the span would never end.
        self.span: Span = engine.tracer.start_span(name, context, kind, known, links, start_time=self.started)
        self.place.span = self.span
        self.context = set_value(PLACE_KEY, self.place, set_span_in_context(self.span, context))

    # -- while it runs

    def sent(self, material: Any) -> None:
        """A request went out; the last attempt's is the one that was answered. None stands for one that isn't read."""
        self.attempts += 1
        self.request = snapshot(self.start.request) if material is None else material

    def answered(self, received: Received) -> None:
        """The answer's head is here, and its body, or the place to listen for it."""
        self.response = received

    def listening(self) -> int:
        """A new ear was put on; returns its number. Only the last one counts: an earlier attempt's is stale."""
        self.ears += 1
        self.ear = self.ears
        self.heard = None
        return self.ear

    def hear(self, chunk: Any) -> None:
        """A chunk came by."""
        if self.heard is None:
            self.heard = Heard()
        self.heard.add(chunk if self.start.wire else snapshot(chunk))

    # -- how it ends

    def left(self, ear: int, error: BaseException | None, *, exhausted: bool) -> None:
        """The stream that ear number `ear` listened to came to its end: raised, exhausted, or else left by the app."""
        if ear != self.ear:
            return
        self.ear = 0
        if self.returned:
            self.finish(error, outcome="completed" if exhausted else "abandoned")

    def returns(self, result: Any) -> None:
        """What the function made is the answer."""
        with self.guard:
            made = result if self.point.result is None else self.point.result(result)
            self.response = Received(body=snapshot(made))

    def back(self, result: Any = None, outcome: str = "completed") -> None:
        """The library returned to the app. A body still to be read keeps the call open."""
        self.returned = True
        if not self.start.wire:
            self.returns(result)
        if not self.ear:
            self.finish(outcome=outcome)

    def finish(self, error: BaseException | None = None, outcome: str = "completed") -> None:
        """Ends the call and hands it over, once."""
        try:
            self.pending.pop()
        except IndexError:
            return
        ended = self.started + time.perf_counter_ns() - self.began
        self.course = Course(
            self.started, ended, outcome, attempts=max(self.attempts, 1), streamed=self.heard is not None
        )
        try:
            self.place.leave()
            if error is not None:
                self._failed(error, self.course)
            if self.start.wire and not self.attempts:
                self.request = snapshot(self.start.request)
            self.size += length(self.request) + (self.heard.size if self.heard is not None else 0)
            if self.response is not None:
                self.size += length(self.response.body)
        finally:
            self.engine.worker.put(self)

    def _failed(self, error: BaseException, course: Course) -> None:
        course.outcome = outcome_of(error)
        if not isinstance(error, Exception):
            return
        course.failure = Failure(error_type(error))
        with self.engine.describing:  # its `__str__` is the app's or the library's, and may raise
            course.failure = failure_of(error)
        received = self.point.failed(error)
        if received is not None:
            self.response = received
            if received.excused:
                course.outcome, course.failure = "completed", None

    # -- off the caller's thread

    def shed(self, reason: str) -> None:
        """Lets go of what would have to be parsed for its content."""
        self.shed_for = reason
        self.request = None
        if self.heard is not None:
            self.heard.shed()

    def settle(self) -> None:
        """Describes the call on its span, which ends here, and lets go of all that is the app's."""
        if self.course is not None:
            self._settle(self.course)
        self.request = self.response = self.outer = self.course = None
        self.heard = None
        self.notes = {}

    def _settle(self, course: Course) -> None:
        # Not the point's guard: an answer that can't be read costs this span its facts, not the next calls their spans.
        with self.engine.describing:
            heard = self.heard or Heard()
            if heard.times:
                course.first_chunk = (heard.times[0] - self.began) / 1e9
                course.chunk_gaps = heard.gaps()
            course.content_dropped = self.shed_for or ("too large" if heard.gap is not None else None)
            evidence = Evidence(self.start, self.request, self.response, list(heard.all()), heard.gap, self.notes)
            record = facts_of(self.engine, self.span, evidence, course, self.scope, covered=self.covered)
            describe(self.engine, self.span, record, course)
            return
        describe(self.engine, self.span, unread(self.engine, self.start, course), course)


def current_call() -> Call | None:
    """The call that is under way in this context, or was when the context was copied."""
    place = place_in(get_current())
    return None if place is None else cast("Call | None", place.call)
