"""Drives a call by the shape of its function and its result: a value, an awaitable, a generator, a body read later."""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from opentelemetry.context import Context, attach, detach, get_current

from llmtrace.engine.call import Call
from llmtrace.engine.context import call_in, suppressed
from llmtrace.engine.drive import Inside, Watch, adriving, shaped, within
from llmtrace.engine.engine import SWITCH
from llmtrace.engine.guise import guise
from llmtrace.engine.home import Home
from llmtrace.engine.nesting import same_store
from llmtrace.engine.travel import carried

if TYPE_CHECKING:
    from llmtrace.engine.guard import Guard
    from llmtrace.facts.operation import Begin

T = TypeVar("T")


def calling(point: Begin, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes a call of every run of the original, and looks like it."""
    begin_, run_, told_ = begin, run, _told

    @guise(original)
    def plain(*args: Any, **kwargs: Any) -> Any:
        call = begin_(point, guard, args, kwargs)
        if call is None:
            return original(*args, **kwargs)
        told = told_(call, guard, args, kwargs) or (args, kwargs)
        return run_(call, guard, original, *told)

    @guise(original)
    async def awaiting(*args: Any, **kwargs: Any) -> Any:
        call = begin_(point, guard, args, kwargs)
        if call is None:
            return await original(*args, **kwargs)
        told = told_(call, guard, args, kwargs) or (args, kwargs)
        return await run_(call, guard, original, *told)

    def watching(args: Any, kwargs: Any) -> Watch:
        call = begin(point, guard, args, kwargs)
        return Watch(None) if call is None else _watching(call, guard)

    if point.deferred:
        return _handing(point, guard, original, watching)
    return shaped(original, plain, awaiting, watching)


def _handing(
    point: Begin, guard: Guard, original: Callable[..., Any], watching: Callable[[Any, Any], Watch]
) -> Callable[..., Any]:
    """Stands in for a coroutine function that gives an async generator, of which a call is made when it runs."""
    is_call, handed = _is_call, _handed

    @guise(original)
    async def handing(*args: Any, **kwargs: Any) -> Any:
        made = await original(*args, **kwargs)
        return handed(made, watching, args, kwargs) if is_call(point, guard, made, args, kwargs) else made

    return handing


def _is_call(point: Begin, guard: Guard, made: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    # Before the generator is asked: where it is none of ours, it is to be the very same object.
    with guard:
        on = SWITCH.engine is not None and guard.armed
        return on and isinstance(made, types.AsyncGeneratorType) and point.start(args, kwargs) is not None
    return False


def _handed(made: Any, watching: Callable[[Any, Any], Watch], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What stands in for the async generator."""

    def function(*_args: Any, **_kwargs: Any) -> Any:
        return made

    function.__name__, function.__qualname__ = made.__name__, made.__qualname__
    return adriving(function, watching)(*args, **kwargs)


def begin(point: Begin, guard: Guard, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
    """The call that these arguments begin; None where they begin none, or nothing is to be traced here."""
    with guard:
        return None if SWITCH.engine is None else opened(point, guard, get_current(), args, kwargs)
    return None


def opened(
    point: Begin, guard: Guard, context: Context, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Call | None:
    """As `begin`, in a context other than the current one."""
    with guard:
        engine = SWITCH.engine
        if engine is None or not guard.armed or suppressed(context):
            return None
        start = point.start(args, kwargs)
        if start is None or same_store(start, cast("Call | None", call_in(context))):
            return None
        headers = None if point.carrier is None else point.carrier(args, kwargs)
        return Call(engine, start, point, guard, context, headers)
    return None


def _told(
    call: Call, guard: Guard, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]] | None:
    """The arguments that the call goes on with, where these are others."""
    with guard:
        carrying = call.point.carrying
        return None if carrying is None else carried(carrying, call.engine.propagate_hosts, call.context, args, kwargs)
    return None


class Work(Protocol):
    """What is under way while a function runs."""

    @property
    def context(self) -> Context:
        """The context inside."""

    def back(self, result: Any = None) -> None:
        """The function returned."""

    def finish(self, error: BaseException | None = None) -> None:
        """The function raised."""


def run(call: Work, guard: Guard, function: Callable[..., T], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> T:
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


async def awaited(call: Work, guard: Guard, coroutine: Awaitable[T]) -> T:
    """Awaits a call's coroutine, and ends the call with it."""
    try:
        result = await within(Inside(call.context), coroutine)
    except BaseException as error:
        with guard:
            call.finish(error)
        raise
    with guard:
        call.back(result)
    return result


def _watching(call: Call, guard: Guard) -> Watch:
    """A generator's chunks are what its call hears; its end is the call's."""

    def heard(chunk: Any) -> None:
        with guard:
            call.hear(chunk)

    def ended(error: BaseException | None, result: Any) -> None:
        with guard:
            if error is None:
                call.back(result)
            else:
                call.finish(error)

    return Watch(Inside(call.context, Home()), heard, ended)
