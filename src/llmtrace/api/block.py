"""A step as a block of code: begins a call of the engine, and ends it however the block is left."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.context import Context, attach, create_key, get_current, get_value, set_value

from llmtrace.api.current import Current
from llmtrace.api.marking import marked
from llmtrace.api.marks import Marks, point
from llmtrace.api.shapes import SHAPES
from llmtrace.api.wrapping import F
from llmtrace.engine.guard import Guard
from llmtrace.engine.run import begin

if TYPE_CHECKING:
    from llmtrace.engine.call import Call

_ENTERED_KEY = create_key("llmtrace-entered")


class Entered(NamedTuple):
    """One time that a block was entered: its call, if it is traced, and the context before."""

    block: Block
    call: Call | None
    before: Context


class Block:
    """What `step("name")` gives: a decorator, and a context manager for `with` and `async with`.

    The block's value is the same as `llmtrace.current()` inside it.
    """

    def __init__(self, kind: str, marks: Marks) -> None:
        self._kind = kind
        self._marks = marks
        self._entered: list[Entered] = []

    def __call__(self, function: F, /) -> F:
        """Marks a function as the step."""
        step: F = marked(function, self._kind, self._marks)
        return step

    def __enter__(self) -> Current:
        name = self._marks.name or self._kind
        guard = Guard(f"the {self._kind} {name!r}")
        operation = SHAPES[self._kind](name, self._marks, None)
        call = begin(point(operation, name, self._marks), guard, (), {})
        before = get_current()
        entered = Entered(self, call, before)
        self._entered.append(entered)
        attach(set_value(_ENTERED_KEY, entered, before if call is None else call.context))
        return Current(call)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        call = self._leave().call
        if call is not None:
            with call.guard:
                call.back() if error is None else call.finish(error)

    def _leave(self) -> Entered:
        # One object may be entered by many tasks at once: which time this one is, its context knows.
        entered: Any = get_value(_ENTERED_KEY)
        if entered is not None and entered.block is self:
            # No token: it would be of no use where a generator is left in another thread than it was entered in.
            attach(entered.before)
        else:
            entered = self._entered[-1]
        self._entered[:] = [one for one in self._entered if one is not entered]
        return entered  # type: ignore[no-any-return]  # the key is ours alone

    async def __aenter__(self) -> Current:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)
