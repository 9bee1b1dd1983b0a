"""Runs code that pauses, with a context of its own: current while it runs, and gone between two of its steps."""

from __future__ import annotations

import functools
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from opentelemetry.context import Context, attach, detach, get_current

T = TypeVar("T")


class Inside:
    """The context inside a piece of code that pauses. What the code itself makes current stays so when it goes on."""

    __slots__ = ("context",)

    def __init__(self, context: Context) -> None:
        self.context = context


def driven(
    inside: Inside, inner: Generator[Any, Any, T], heard: Callable[[Any], None] | None = None
) -> Generator[Any, Any, T]:
    """Stands in for a generator: every `send`, `throw` and `close` reaches it, and `heard` gets what it yields."""
    step: Callable[[Any], Any] = inner.send
    value: Any = None
    while True:
        token = attach(inside.context)
        try:
            pause = step(value)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            inside.context = get_current()
            detach(token)
        if heard is not None:
            heard(pause)
        try:
            value = yield pause
            step = inner.send
        except BaseException as error:  # noqa: BLE001 - thrown in from outside, and thrown on into the generator
            step, value = inner.throw, error


@types.coroutine
def within(inside: Inside, awaitable: Awaitable[T]) -> Generator[Any, Any, T]:
    """Awaits in the context inside; between two steps the task is the app's own."""
    inner: Any = awaitable.__await__()
    result: T = yield from driven(inside, inner)
    return result


@dataclass(frozen=True, slots=True)
class Watch:
    """What is done around one run of an async generator: its context, and who is told of its chunks and its end."""

    inside: Inside
    heard: Callable[[Any], None] = lambda _: None
    ended: Callable[[BaseException | None], None] = lambda _: None


def adriving(function: Callable[..., Any], watching: Callable[[Any, Any], Watch]) -> Callable[..., Any]:
    """Stands in for an async generator function. `watching` gets the arguments when the first chunk is asked for.

    An async generator cannot delegate to another as a generator can: what is sent and thrown is handed on by hand.
    """

    @functools.wraps(function)
    async def generating(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        watch = watching(args, kwargs)
        inner = function(*args, **kwargs)
        step, value = inner.asend, None
        while True:
            try:
                chunk = await within(watch.inside, step(value))
            except StopAsyncIteration:
                watch.ended(None)
                return
            except BaseException as error:
                watch.ended(error)
                raise
            watch.heard(chunk)
            try:
                value = yield chunk
                step = inner.asend
            except BaseException as error:  # noqa: BLE001 - thrown in from outside, and thrown on into the generator
                step, value = inner.athrow, error

    return generating
