"""One call from its first instruction to its hand-over; on the caller's thread it does little but take references."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.context import Context, get_current

from llmtrace.content.snapshot import snapshot
from llmtrace.engine.context import PLACE_KEY, SPAN_KEY, Place, call_in, place_in, scope_begun, standing
from llmtrace.engine.guests import cover
from llmtrace.engine.heard import Heard, length
from llmtrace.engine.nesting import repeats, stepped
from llmtrace.engine.settle import describe, facts_of, outcome_of, unread
from llmtrace.engine.travel import joined
from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.facts.records import Course, Failure
from llmtrace.semconv.errors import error_type, failure_of

if TYPE_CHECKING:
    from llmtrace.engine.engine import Engine
    from llmtrace.engine.guard import Guard
    from llmtrace.facts.operation import Begin


class Call:
    """One call under way. Its end may come from several sides at once (value, error, stream, collector): one wins."""

    # What most calls never change, in place of an assignment each: a call begins on its caller's time.
    attempts = 0
    size = 0
    ear = ears = 0
    steps = 0
    returned = False
    covered = False
    request: Any = None
    response: Received | None = None
    heard: Heard | None = None
    shed_for: str | None = None
    course: Course | None = None
    siblings: dict[str, int] | None = None
    notes: dict[str, Any] | None = None

    def __init__(
        self,
        engine: Engine,
        start: Start,
        point: Begin,
        guard: Guard,
        context: Context,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.outer = outer = cast("Call | None", call_in(context))
        operation = start.operation
        if operation.inside is not None and repeats(start, outer, context):
            start = replace(start, operation=operation.inside)
            operation = operation.inside
        self.engine = engine
        self.start = start
        self.point = point
        self.pid = engine.worker.pid
        self.guard = guard
        self.started = started = time.time_ns()
        self.began = time.perf_counter_ns()
        scope = scope_begun(context)
        with guard:
            scope = engine.guests.received(scope, context, bears_usage=operation.bears_usage)
        if start.conversation_id is not None and scope.conversation_id is None:
            scope = replace(scope, conversation_id=start.conversation_id)
        if operation.step:
            scope = stepped(start, outer, scope)
        self.scope = scope
        self.pending = [True]
        if operation.bears_usage:
            cover(outer)
        with guard:
            if not start.wire:
                self.request = snapshot(start.request)
        context, links = standing(context)
        if headers:
            context, links = joined(context, links, headers)
        self.place = place = Place(scope, context, self)
        # From here on nothing may fail: the span would never end.
        self.span = place.span = span = engine.spans.begin(start, scope, context, links, started)
        self.context = Context({**context, SPAN_KEY: span, PLACE_KEY: place})

    # -- while it runs

    def note(self) -> dict[str, Any]:
        """What the app says of this call, by the name of a record's field."""
        if self.notes is None:
            self.notes = {}
        return self.notes

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
        heard, response = self.heard, self.response
        ended = self.started + time.perf_counter_ns() - self.began
        self.course = course = Course(self.started, ended, outcome, None, heard is not None)
        try:
            self.place.leave()
            if error is not None:
                self._failed(error, course)
            if self.start.wire:
                course.attempts = self.attempts or 1
                if not self.attempts:
                    self.request = snapshot(self.start.request)
                self.size = length(self.request)
                if response is not None:
                    self.size += length(response.body)
                if heard is not None:
                    self.size += heard.size
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
        self.notes = None

    def _settle(self, course: Course) -> None:
        # Not the point's guard: an answer that can't be read costs this span its facts, not the next calls their spans.
        with self.engine.describing:
            heard = self.heard or Heard()
            if heard.times:
                course.first_chunk = (heard.times[0] - self.began) / 1e9
                course.chunk_gaps = heard.gaps()
            course.content_dropped = self.shed_for or ("too large" if heard.gap is not None else None)
            if self.response is not None:
                self.response.settle()
            evidence = Evidence(self.start, self.request, self.response, list(heard.all()), heard.gap, self.notes or {})
            record = facts_of(self.engine, self.span, evidence, course, self.scope, covered=self.covered)
            describe(self.engine, self.span, record, course)
            return
        describe(self.engine, self.span, unread(self.engine, self.start, course), course)


def current_call() -> Call | None:
    """The call that is under way in this context, or was when the context was copied."""
    place = place_in(get_current())
    return None if place is None else cast("Call | None", place.call)
