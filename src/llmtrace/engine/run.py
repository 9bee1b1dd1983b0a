"""Drives a call by the shape of its result: a value, an awaitable, or a body that the app reads later."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.context import attach, detach, get_current

from llmtrace.engine.call import Call
from llmtrace.engine.context import suppressed
from llmtrace.engine.engine import SWITCH

if TYPE_CHECKING:
    from llmtrace.engine.guard import Guard
    from llmtrace.facts.operation import Begin

T = TypeVar("T")


def calling(point: Begin, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes a call of every run of the original, and looks like it: plain, or a coroutine function."""

    @functools.wraps(original)
    def plain(*args: Any, **kwargs: Any) -> Any:
        call = begin(point, guard, args, kwargs)
        return original(*args, **kwargs) if call is None else run(call, guard, original, args, kwargs)

    @functools.wraps(original)
    async def awaiting(*args: Any, **kwargs: Any) -> Any:
        call = begin(point, guard, args, kwargs)
        return await (original(*args, **kwargs) if call is None else run(call, guard, original, args, kwargs))

    return awaiting if inspect.iscoroutinefunction(original) else plain


def begin(point: Begin, guard: Guard, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
    """The call that these arguments begin; None where they begin none, or nothing is to be traced here."""
    with guard:
        engine = SWITCH.engine
        if engine is None or not guard.armed:
            return None
        context = get_current()
        if suppressed(context):
            return None
        start = point.start(args, kwargs)
        return None if start is None else Call(engine, start, point, guard, context)
    return None


def run(call: Call, guard: Guard, function: Callable[..., T], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> T:
    """Calls a plain function with the span current. A result that must be awaited is driven step by step."""
    token = attach(call.context)
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        detach(token)
        with guard:
            call.finish(error)
        raise
    detach(token)
    if isinstance(result, types.CoroutineType):
        return awaited(call, guard, result)  # type: ignore[return-value]  # a coroutine for a coroutine
    with guard:
        call.back(result)
    return result


async def awaited(call: Call, guard: Guard, coroutine: Awaitable[T]) -> T:
    """Awaits a call's coroutine, and ends the call with it."""
    try:
        result = await within(call, coroutine)
    except BaseException as error:
        with guard:
            call.finish(error)
        raise
    with guard:
        call.back(result)
    return result


@types.coroutine
def within(call: Call, awaitable: Awaitable[T]) -> Generator[Any, Any, T]:
    """Awaits with the span current while the library's code runs; between two steps the task is the app's own.

    What the code itself makes current across an await (a span of its own, say) is current again when it goes on.
    """
    inner: Any = awaitable.__await__()
    step, value = inner.send, None
    context = call.context
    while True:
        token = attach(context)
        try:
            pause = step(value)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # what the coroutine returned
        finally:
            context = get_current()
            detach(token)
        try:
            value = yield pause
            step = inner.send
        except BaseException as error:  # noqa: BLE001 - thrown in by the event loop, and thrown on to the library
            step, value = inner.throw, error
