"""A step as a block of code: begins a call of the engine, and ends it however the block is left."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from llmtrace.api.current import Current
from llmtrace.api.marking import marked
from llmtrace.api.marks import Marks, point
from llmtrace.api.shapes import SHAPES
from llmtrace.api.wrapping import F
from llmtrace.engine.context import Place, current_scope, enter, leave, place_in, with_scope
from llmtrace.engine.guard import Guard
from llmtrace.engine.run import begin

if TYPE_CHECKING:
    from llmtrace.engine.call import Call


class Block:
    """What `step("name")` gives: a decorator, and a context manager for `with` and `async with`.

    The block's value is the same as `llmtrace.current()` inside it.
    """

    def __init__(self, kind: str, marks: Marks) -> None:
        self._kind = kind
        self._marks = marks
        self._entered: list[tuple[Place | None, Call | None]] = []

    def __call__(self, function: F, /) -> F:
        """Marks a function as the step."""
        step: F = marked(function, self._kind, self._marks)
        return step

    def __enter__(self) -> Current:
        name = self._marks.name or self._kind
        guard = Guard(f"the {self._kind} {name!r}")
        operation = SHAPES[self._kind](name, self._marks, None)
        call = begin(point(operation, name, self._marks), guard, (), {})
        inside = with_scope(current_scope()) if call is None else call.context
        self._entered.append((place_in(inside), call))
        enter(self, inside)
        return Current(call)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        call = self._left()
        if call is not None:
            with call.guard:
                call.back() if error is None else call.finish(error)

    def _left(self) -> Call | None:
        # One object may be entered by many tasks at once: which time this one is, its context knows.
        place = leave(self)
        entered = next((one for one in self._entered if one[0] is place), self._entered[-1])
        self._entered[:] = [one for one in self._entered if one is not entered]
        return entered[1]

    async def __aenter__(self) -> Current:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)
