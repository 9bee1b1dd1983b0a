"""Runs code that pauses, with a context of its own: current while it runs, and gone between two of its steps."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from opentelemetry.context import Context, attach, detach, get_current

from llmtrace.engine.guise import guise
from llmtrace.engine.home import Home

T = TypeVar("T")
Step = Callable[[Any], Any]


class Inside:
    """The context inside a piece of code that pauses. What the code itself makes current stays so when it goes on.

    `home` is for a generator: nobody says that all of its steps are asked for in one thread and one task.
    """

    __slots__ = ("_home", "context")

    def __init__(self, context: Context, home: Home | None = None) -> None:
        self.context = context
        self._home = home

    def run(self, step: Step, value: Any) -> Any:
        """One step of the code, up to its next pause."""
        token = attach(self.context)
        home = self._home
        try:
            if home is None:
                return step(value)
            home.enter()
            return home.context.run(step, value)
        finally:
            value = None  # an exception thrown in has this frame in its traceback: no cycle
            if home is not None:
                home.leave()
            self.context = get_current()
            detach(token)


def _nothing(*_: Any) -> None:
    """What is told to nobody."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is done around one run of a generator: its context, and who is told of what it yields and of its end.

    `thrown` is told of what is thrown into it from outside, before the generator is.

    Where the context is None, its steps run as if nobody stood in for it.
    """

    inside: Inside | None
    heard: Callable[[Any], None] = _nothing
    ended: Callable[[BaseException | None, Any], None] = _nothing
    thrown: Callable[[BaseException], None] = _nothing


@types.coroutine
def within(inside: Inside | None, awaitable: Awaitable[T]) -> Generator[Any, Any, T]:
    """Awaits in the context inside; between two steps the task is the app's own."""
    inner: Any = awaitable.__await__()
    if inside is None:
        given: T = yield from inner
        return given
    step: Step = inner.send
    value: Any = None
    while True:
        try:
            pause = inside.run(step, value)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            value = None  # as above
        try:
            value = yield pause
            step = inner.send
        except BaseException as error:  # noqa: BLE001 - thrown in from outside, and thrown on
            step, value = inner.throw, error


def shaped(
    function: Callable[..., Any],
    plain: Callable[..., Any],
    awaiting: Callable[..., Any],
    watching: Callable[[Any, Any], Watch],
) -> Callable[..., Any]:
    """What stands in for a function of its shape: one of the two given, or a generator that is watched."""
    if inspect.isasyncgenfunction(function):
        return adriving(function, watching)
    if inspect.isgeneratorfunction(function):
        return driving(function, watching)
    return awaiting if inspect.iscoroutinefunction(function) else plain


def driving(function: Callable[..., Any], watching: Callable[[Any, Any], Watch]) -> Callable[..., Any]:
    """Stands in for a generator function. `watching` gets the arguments when the first value is asked for.

    `yield from` would do for all but `close` and a thrown `GeneratorExit`: it lets neither be answered with a value.
    """

    @guise(function)
    def generating(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        watch = watching(args, kwargs)
        step, value, closing = inner.send, None, False
        while True:
            try:
                given = step(value) if watch.inside is None else watch.inside.run(step, value)
            except StopIteration as done:
                watch.ended(GeneratorExit() if closing else None, done.value)
                return done.value
            except BaseException as error:
                watch.ended(error, None)
                raise
            finally:
                value = None
            watch.heard(given)
            if closing:  # who closes it is done with it, whatever its body makes of that
                watch.ended(GeneratorExit(), None)
            try:
                value = yield given
                step, closing = inner.send, False
            except BaseException as error:  # noqa: BLE001 - thrown in from outside, and thrown on into the generator
                step, value, closing = inner.throw, error, isinstance(error, GeneratorExit)
                watch.thrown(error)
            finally:
                given = None

    return generating


def adriving(function: Callable[..., Any], watching: Callable[[Any, Any], Watch]) -> Callable[..., Any]:
    """Stands in for an async generator function. `watching` gets the arguments when the first value is asked for."""
    within_, adopted = within, _adopted

    @guise(function)
    async def generating(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        watch = watching(args, kwargs)
        step, value, closing = adopted(inner), None, False
        while True:
            try:
                given = await within_(watch.inside, step(value))
            except StopAsyncIteration:
                watch.ended(GeneratorExit() if closing else None, None)
                return
            except BaseException as error:
                watch.ended(error, None)
                raise
            finally:
                value = None
            watch.heard(given)
            if closing:  # as above; and nobody can ask it for more
                watch.ended(GeneratorExit(), None)
            try:
                value = yield given
                step, closing = inner.asend, False
            except BaseException as error:  # noqa: BLE001 - thrown in from outside, and thrown on into the generator
                step, value, closing = inner.athrow, error, isinstance(error, GeneratorExit)
                watch.thrown(error)
            finally:
                given = None

    return generating


def _adopted(inner: AsyncGenerator[Any, Any]) -> Step:
    """How an async generator is asked for its first value such that the event loop never hears of it.

    The loop closes every async generator that it knows of when it shuts down. It knows the one that stands in for this
    one; to close both at once fails. Nor is this one closed when it is collected, which cannot be waited for: the other
    one is, and closes it.
    """

    def first(value: Any) -> Any:
        known = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, lambda _: None)
        try:
            return inner.asend(value)
        finally:
            sys.set_asyncgen_hooks(*known)

    return first
