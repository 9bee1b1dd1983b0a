"""Stands in for a transport's function, and lets through all but the calls of models that nobody else sees."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.context import create_key, get_current, set_value
from opentelemetry.trace import get_current_span

from llmtrace.content.snapshot import snapshot
from llmtrace.engine.call import Call
from llmtrace.engine.context import call_in, suppressed
from llmtrace.engine.engine import SWITCH
from llmtrace.engine.guise import guise
from llmtrace.engine.run import run
from llmtrace.engine.stream import listen
from llmtrace.semconv.reading import bears_usage

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from llmtrace.engine.engine import Engine
    from llmtrace.engine.guard import Guard
    from llmtrace.engine.uncovered import Uncovered
    from llmtrace.facts.operation import Begin, Start

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]

_KEY = create_key("llmtrace-sighting")


class Sighting:
    """One such call: under way like any, with nothing kept of it, and counted off the caller's thread."""

    __slots__ = ("_engine", "_library", "_start", "_uncovered", "context", "pending", "pid", "size")

    def __init__(self, engine: Engine, uncovered: Uncovered, start: Start, library: str, context: Context) -> None:
        self._engine = engine
        self._uncovered = uncovered
        self._start = start
        self._library = library
        self.pid = engine.worker.pid
        self.size = 0
        self.pending = True
        self.context = set_value(_KEY, self, context)

    def back(self, result: Any = None) -> None:  # noqa: ARG002 - nothing is kept of it
        """The transport returned."""
        self.finish()

    def finish(self, error: BaseException | None = None) -> None:  # noqa: ARG002 - as above
        """Hands itself over."""
        self.pending = False
        self._engine.worker.put(self)

    def settle(self) -> None:
        """Counts it."""
        self._uncovered.count(self._start, self._library, self._engine.metrics)

    def shed(self, reason: str) -> None:
        """It holds nothing to let go of."""


class Transported(Call):
    """A call that is read from what a transport sent and was answered."""

    def back(self, result: Any = None, outcome: str = "completed") -> None:
        """The answer's head is here, and its body, or the place to listen for it."""
        with self.guard:
            received = None if self.point.result is None else self.point.result(result)
            if received is not None:
                self.answered(received)
                listen(self, received, self.guard)
        super().back(result, outcome)


def beneath(point: Begin, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does what the original does, and looks like it. All requests of an app come through here."""
    noticed_, run_ = _noticed, run

    @guise(original)
    def plain(*args: Any, **kwargs: Any) -> Any:
        call = noticed_(point, guard, args, kwargs)
        return original(*args, **kwargs) if call is None else run_(call, guard, original, args, kwargs)

    @guise(original)
    async def awaiting(*args: Any, **kwargs: Any) -> Any:
        call = noticed_(point, guard, args, kwargs)
        return await (original(*args, **kwargs) if call is None else run_(call, guard, original, args, kwargs))

    return awaiting if inspect.iscoroutinefunction(original) else plain


def _noticed(point: Begin, guard: Guard, args: Args, kwargs: Kwargs) -> Call | Sighting | None:
    """What begins with a request; None for nearly all of them, which is decided before anything else is looked at."""
    with guard:
        engine = SWITCH.engine
        if engine is None or engine.uncovered is None or not guard.armed:
            return None
        start = point.start(args, kwargs)
        if start is None or _known(context := get_current()):
            return None
        if not engine.uncovered.tracing:
            return Sighting(engine, engine.uncovered, start, guard.place.partition(".")[0], context)
        call = Transported(engine, start, point, guard, context)
        call.sent(snapshot(start.request))
        return call
    return None


def _known(context: Context) -> bool:
    """Whether somebody at work here knows of the call: an integration, another tracer, or who wants it left alone."""
    if suppressed(context) or _sighted(context):
        return True
    call = cast("Call | None", call_in(context))
    while call is not None:
        if call.pending and (call.start.wire or call.start.operation.bears_usage):
            return True
        call = call.outer
    span: Any = get_current_span(context)
    return span.is_recording() and bears_usage(getattr(span, "attributes", None) or {})


def _sighted(context: Context) -> bool:
    """Whether a call that is being counted is under way here: one request may pass through two libraries."""
    sighting: Any = context.get(_KEY)
    return sighting is not None and sighting.pending
