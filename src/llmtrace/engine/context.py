"""Where code is: inside which calls and blocks, what was said up to there, and how much of it still holds."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Protocol, cast

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, attach, create_key, get_current, set_value
from opentelemetry.trace import INVALID_SPAN, Link, Span, get_current_span, set_span_in_context

from llmtrace.facts.records import Scope

PLACE_KEY = create_key("llmtrace-place")
_EMPTY = Scope()


class Work(Protocol):
    """A call, as far as this module needs to know it."""

    @property
    def pending(self) -> Sequence[bool]:
        """Empty when it is over."""


class Place:
    """A call or a block, while code is inside and after; what was started inside has it in its context for good.

    `around` is the context outside of it, `span` what is current inside, `call` the call that this is or is inside of,
    and `by` the object that was entered, which many tasks may be inside of at once.
    """

    __slots__ = ("around", "by", "call", "open", "runner", "scope", "span")

    def __init__(self, scope: Scope, around: Context, call: Work | None) -> None:
        self.scope = scope
        self.around = around
        self.span: Span = INVALID_SPAN
        self.call = call
        self.by: object = None
        self.open = True
        self.runner = _runner()

    def leave(self) -> None:
        """It is over, for all that was started inside, too."""
        self.open = False
        # Else tasks that start one another would keep all those before them.
        self.call = self.by = None
        while (outer := place_in(self.around)) is not None and not outer.open:
            self.around = outer.around


class Job(threading.local):
    """The job of an executor that this thread is at, as a number that is no thread's and no task's."""

    number: int | None = None


JOB = Job()

_BEGUN: ContextVar[tuple[int, Place] | None] = ContextVar("llmtrace-begun", default=None)
"""Who last began something at a place that it was started in. A task started in turn has a copy that names another."""


def _runner() -> int:
    """Who runs this: the task, the executor's job or the thread."""
    asyncio: Any = sys.modules.get("asyncio")  # an app that did not load it has no tasks
    if asyncio is not None and (loop := asyncio._get_running_loop()) is not None:
        task = asyncio.current_task(loop)
        if task is not None:
            return id(task)
    return JOB.number or threading.get_ident()


def place_in(context: Context) -> Place | None:
    """The innermost call or block of this context."""
    return cast("Place | None", context.get(PLACE_KEY))


def outwards(place: Place | None) -> list[Place]:
    """The place and those around it, from the inside out."""
    places = []
    while place is not None:
        places.append(place)
        place = place_in(place.around)
    return places


def call_in(context: Context) -> Work | None:
    """The call under way in this context."""
    place = place_in(context)
    if place is None or (place.call is not None and place.call.pending):
        return None if place is None else place.call
    return next((each.call for each in outwards(place) if each.call is not None and each.call.pending), None)


def current_scope(context: Context | None = None) -> Scope:
    """What the app said about everything in this context; an empty scope where it said nothing that still holds."""
    return _scope(context, begins=False)


def scope_begun(context: Context) -> Scope:
    """As `current_scope`, where something begins: what was said where a task was started holds for its first call."""
    return _scope(context, begins=True)


def with_scope(scope: Scope, context: Context | None = None, around: Context | None = None) -> Context:
    """The context inside a new block that has the scope; `around` is the context outside, where that is another one."""
    context = get_current() if context is None else context
    around = context if around is None else around
    place = Place(scope, around, call_in(around))
    place.span = get_current_span(context)
    return set_value(PLACE_KEY, place, context)


SPAN_KEY = next(iter(set_span_in_context(INVALID_SPAN, Context())))
"""The key under which OpenTelemetry keeps the current span, which it has no name for in public."""


def enter(by: object, inside: Context) -> None:
    """Makes the context inside a new place current, until `leave`."""
    place = place_in(inside)
    if place is not None and place is not place_in(get_current()):
        place.by = by
    attach(inside)


def leave(by: object) -> Place | None:
    """Leaves the place that `by` was entered at, and gives it; None where this code is not inside of it.

    No token is used: it would be of no use where a generator is left in another thread than it was entered in.
    """
    now = place_in(get_current())
    place = next((each for each in outwards(now) if each.by is by and each.open), None)
    if place is None:
        return None
    if place is now:
        attach(_outside(place))
    place.leave()
    return place


def _outside(place: Place) -> Context:
    """The context around the place, and around those that the same code left already, out of their order."""
    around = place.around
    while (outer := place_in(around)) is not None and not outer.open and outer.runner == place.runner:
        around = outer.around
    return around


def left_over() -> None:
    """Leaves what is over and was left by other code than entered it, so that it is no longer current where it was."""
    place = place_in(get_current())
    if place is not None and not place.open and place.runner == _runner():
        attach(_outside(place))


def left(context: Context, around: Context) -> None:
    """The block that made the one context of the other is over."""
    place = place_in(context)
    if place is not None and place is not place_in(around):
        place.leave()


def _scope(context: Context | None, *, begins: bool) -> Scope:
    place = place_in(get_current() if context is None else context)
    if place is None:
        return _EMPTY
    first = _first(place, begins=begins)
    if place.open:
        return place.scope
    held = next((each.scope for each in outwards(place) if each.open), _EMPTY)
    if first:
        return replace(place.scope, path=held.path, index=held.index, iteration=held.iteration)
    return replace(held, capture="none") if place.scope.capture == "none" else held


def _first(place: Place, *, begins: bool) -> bool:
    """Whether nothing was begun before by this task or thread, which was started inside the place."""
    runner = _runner()
    if runner == place.runner:
        return False
    begun = _BEGUN.get()
    if begun is not None and begun[0] == runner and begun[1] is place:
        return False
    if begins:
        _BEGUN.set((runner, place))
    return True


def standing(context: Context) -> tuple[Context, Sequence[Link]]:
    """The context without what is over, and a link to the span that was the parent if that is over.

    The parent is then the nearest one around that is still open; for want of such a new trace begins.
    """
    span, place = get_current_span(context), place_in(context)
    if (place is None or place.open) and _open(span, place):
        return context, ()
    parent = _parent(span, place)
    held = next((each for each in outwards(place) if each.open), None)
    links = [] if parent is span else [Link(span.get_span_context())]
    return set_value(PLACE_KEY, held, set_span_in_context(parent, context)), links


def _parent(span: Span, place: Place | None) -> Span:
    while place is not None and not _open(span, place):
        if place.span is span:
            span, place = get_current_span(place.around), place_in(place.around)
        else:
            span = place.span
    return span if _open(span, place) else INVALID_SPAN


def _open(span: Span, place: Place | None) -> bool:
    """Whether the span is under way; where that isn't known, as of a span of another process, the answer is yes.

    A span that a place brought with it is over with the place; ours end later than their calls.
    """
    while place is not None:
        if place.span is span and get_current_span(place.around) is not span:
            return place.open
        place = place_in(place.around)
    return getattr(span, "end_time", None) is None


def suppressed(context: Context) -> bool:
    """Whether somebody asked that nothing be traced here (the OpenTelemetry convention, which exporters use)."""
    return bool(context.get(_SUPPRESS_INSTRUMENTATION_KEY))
