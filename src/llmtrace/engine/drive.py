"""Runs code that pauses, with a context of its own: current while it runs, and gone between two of its steps."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from opentelemetry.context import Context, attach, detach, get_current

from llmtrace.engine.home import Home

T = TypeVar("T")
Step = Callable[[Any], Any]


class Inside:
    """The context inside a piece of code that pauses. What the code itself makes current stays so when it goes on."""

    __slots__ = ("context",)

    def __init__(self, context: Context) -> None:
        self.context = context

    def run(self, step: Step, value: Any) -> Any:
        """One step of the code, up to its next pause."""
        token = attach(self.context)
        try:
            return step(value)
        finally:
            self.context = get_current()
            detach(token)


class Iterating(Inside):
    """As `Inside`, for a generator: nobody says that all of its steps are asked for in one thread and one task."""

    __slots__ = ("_home",)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._home = Home()

    def run(self, step: Step, value: Any) -> Any:
        """One step of the generator, up to its next `yield` or `await`."""
        return super().run(functools.partial(self._home.run, step), value)


@dataclass(frozen=True, slots=True)
class Watch:
    """What is done around one run of a generator: its context, and who is told of what it yields and of its end.

    Where the context is None, its steps run as if nobody stood in for it.
    """

    inside: Inside | None
    heard: Callable[[Any], None] = lambda _: None
    ended: Callable[[BaseException | None, Any], None] = lambda *_: None


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
            value = None  # an exception that was thrown in holds this frame; holding it, too, would make a cycle
        try:
            value = yield pause
            step = inner.send
        except BaseException as error:  # noqa: BLE001 - thrown in from outside, and thrown on
            step, value = inner.throw, error


def driving(function: Callable[..., Any], watching: Callable[[Any, Any], Watch]) -> Callable[..., Any]:
    """Stands in for a generator function. `watching` gets the arguments when the first value is asked for.

    `yield from` would do for all but `close` and a thrown `GeneratorExit`: it lets neither be answered with a value.
    """

    @functools.wraps(function)
    def generating(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        inner = function(*args, **kwargs)
        watch = watching(args, kwargs)
        step, value, closing = inner.send, None, None
        while True:
            try:
                given = step(value) if watch.inside is None else watch.inside.run(step, value)
            except StopIteration as done:
                watch.ended(closing, done.value)
                return done.value
            except BaseException as error:
                watch.ended(error, None)
                raise
            finally:
                value = closing = None
            watch.heard(given)
            try:
                value = yield given
                step = inner.send
            except BaseException as error:  # noqa: BLE001 - thrown in from outside, and thrown on into the generator
                step, value = inner.throw, error
                closing = error if isinstance(error, GeneratorExit) else None
            finally:
                given = None

    return generating


def adriving(function: Callable[..., Any], watching: Callable[[Any, Any], Watch]) -> Callable[..., Any]:
    """Stands in for an async generator function. `watching` gets the arguments when the first value is asked for."""

    @functools.wraps(function)
    async def generating(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner = function(*args, **kwargs)
        watch = watching(args, kwargs)
        step, value, closing = _adopted(inner), None, None
        while True:
            try:
                given = await within(watch.inside, step(value))
            except StopAsyncIteration:
                watch.ended(closing, None)
                return
            except BaseException as error:
                watch.ended(error, None)
                raise
            finally:
                value = closing = None
            watch.heard(given)
            try:
                value = yield given
                step = inner.asend
            except BaseException as error:  # noqa: BLE001 - thrown in from outside, and thrown on into the generator
                step, value = inner.athrow, error
                closing = error if isinstance(error, GeneratorExit) else None
            finally:
                given = None

    return generating


def _adopted(inner: AsyncGenerator[Any, Any]) -> Step:
    """How an async generator is asked for its first value such that the event loop never hears of it.

    The loop closes every async generator that it knows of when it shuts down. It knows the one that stands in for this
    one; to close both at once fails.
    """

    def first(value: Any) -> Any:
        known = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)
        try:
            return inner.asend(value)
        finally:
            sys.set_asyncgen_hooks(*known)

    return first
