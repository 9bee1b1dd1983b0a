"""What stands in for a function at a point, by the point's role; in all else it is as the function is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from llmtrace.engine.backstop import beneath
from llmtrace.engine.call import Call, current_call
from llmtrace.engine.engine import SWITCH
from llmtrace.engine.guard import Guard
from llmtrace.engine.homed import homed
from llmtrace.engine.run import calling
from llmtrace.engine.stream import listen
from llmtrace.facts.operation import NOT_OURS, Answered, Around, Begin, Homed, Sending, Sent, Silenced, Wrapped


def wrapper(point: Around, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does what the point's role says around the original, and looks like the original."""
    match point:
        case Begin():
            return (beneath if point.backstop else calling)(point, guard, original)
        case Homed():
            return homed(guard, original)
        case Sent():
            made = _sending(point, guard, original)
        case Sending():
            made = _as_async_as(original, _about_to_send(point, guard, original))
        case Answered():
            made = _as_async_as(original, _answering(point, guard, original))
        case Silenced():
            made = _silencing(point, guard, original)
        case Wrapped():
            made = point.make(original)
    return functools.wraps(original)(made)


def _as_async_as(original: Callable[..., Any], made: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine function for one: libraries ask, and drive it another way."""

    async def awaiting(*args: Any, **kwargs: Any) -> Any:
        return await made(*args, **kwargs)

    return awaiting if inspect.iscoroutinefunction(original) else made


def _under_way(guard: Guard) -> Call | None:
    """The call of ours that this runs inside of, unless it ended or the point is disarmed."""
    call = current_call() if SWITCH.engine is not None and guard.armed else None
    return call if call is not None and call.pending else None


def _on_the_wire(guard: Guard) -> Call | None:
    """As `_under_way`, where the call is one that is read from what is sent and answered."""
    call = _under_way(guard)
    return call if call is not None and call.start.wire else None


def _sending(point: Sent, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def sent(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        with guard:
            call = _on_the_wire(guard)
            if call is not None:
                call.sent(point.read(result))
        return result

    return sent


def _about_to_send(point: Sending, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def sending(*args: Any, **kwargs: Any) -> Any:
        with guard:
            call = _on_the_wire(guard)
            material = NOT_OURS if call is None else point.read(args, kwargs)
            if call is not None and material is not NOT_OURS:
                call.sent(material)
        return original(*args, **kwargs)

    return sending


def _answering(point: Answered, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def answered(*args: Any, **kwargs: Any) -> Any:
        with guard:
            call = _on_the_wire(guard)
            received = None if call is None else point.read(args, kwargs)
            if call is not None and received is not None:
                call.answered(received)
                listen(call, received, guard)
        return original(*args, **kwargs)

    return answered


def _silencing(point: Silenced, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def silenced(*args: Any, **kwargs: Any) -> Any:
        with guard:
            if _under_way(guard) is not None or (point.always and guard.armed and SWITCH.engine is not None):
                return point.value
        return original(*args, **kwargs)

    return silenced
