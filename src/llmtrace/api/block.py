"""A step as a block of code: begins a call of the engine, and ends it however the block is left."""

from __future__ import annotations

from contextvars import Token
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from opentelemetry.context import Context, attach, detach

from llmtrace.api.current import Current
from llmtrace.api.marks import Marks, point
from llmtrace.api.shapes import SHAPES
from llmtrace.api.wrapping import wrapped
from llmtrace.engine.guard import Guard
from llmtrace.engine.run import begin

if TYPE_CHECKING:
    from llmtrace.engine.call import Call

F = TypeVar("F")


class Block:
    """What `step("name")` gives: a decorator, and a context manager for `with` and `async with`.

    The block's value is the same as `llmtrace.current()` inside it.
    """

    def __init__(self, kind: str, marks: Marks) -> None:
        self._kind = kind
        self._marks = marks
        self._entered: list[tuple[Call, Token[Context]] | None] = []

    def __call__(self, function: F, /) -> F:
        """Marks a function as the step."""
        marked: F = wrapped(function, self._kind, self._marks)
        return marked

    def __enter__(self) -> Current:
        name = self._marks.name or self._kind
        guard = Guard(f"the {self._kind} {name!r}")
        operation = SHAPES[self._kind](name, self._marks, None)
        call = begin(point(operation, name, self._marks), guard, (), {})
        self._entered.append(None if call is None else (call, attach(call.context)))
        return Current(call)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        entered = self._entered.pop()
        if entered is None:
            return
        call, token = entered
        detach(token)
        with call.guard:
            call.back() if error is None else call.finish(error)

    async def __aenter__(self) -> Current:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)
