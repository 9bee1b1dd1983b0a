"""Stands in for a homed function: what its runs make current is so inside alone, and none outlives its failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.context import attach, detach, get_current

from llmtrace.engine.context import left, left_over, place_in, scope_begun, with_scope
from llmtrace.engine.drive import Inside, Watch, shaped, within
from llmtrace.engine.engine import SWITCH
from llmtrace.engine.guise import guise
from llmtrace.engine.home import Home
from llmtrace.engine.runs import Household

if TYPE_CHECKING:
    from llmtrace.engine.guard import Guard


class _Stay:
    """One run of a homed function: the household inside of it, and the contexts around and inside."""

    __slots__ = ("around", "guard", "household", "inside")

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.household = Household()
        self.around = self.inside = get_current()
        with guard:
            self.inside = with_scope(scope_begun(self.around), self.around)
            place = place_in(self.inside)
            if place is not None:
                place.by = self.household

    def over(self, error: BaseException | None) -> None:
        """The function is over: returned, or raised out of."""
        with self.guard:
            self.household.left(error)
            left(self.inside, self.around)

    def thrown(self, error: BaseException) -> None:
        """Something was thrown into the function's generator."""
        self.household.closing = isinstance(error, GeneratorExit)


def homed(guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does what the original does, and looks like it."""
    run_, awaited_ = _run, _awaited

    @guise(original)
    def plain(*args: Any, **kwargs: Any) -> Any:
        return run_(guard, original, args, kwargs)

    @guise(original)
    async def awaiting(*args: Any, **kwargs: Any) -> Any:
        return await awaited_(guard, original(*args, **kwargs))

    def watching(*_: Any) -> Watch:
        if SWITCH.engine is None:
            return Watch(None)
        stay = _Stay(guard)
        return Watch(Inside(stay.inside, Home()), ended=lambda error, _: stay.over(error), thrown=stay.thrown)

    return shaped(original, plain, awaiting, watching)


def _run(guard: Guard, original: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    if SWITCH.engine is None:
        return original(*args, **kwargs)
    stay = _Stay(guard)
    token = attach(stay.inside)
    try:
        result = original(*args, **kwargs)
    except BaseException as error:
        stay.over(error)
        raise
    finally:
        detach(token)
    stay.over(None)
    return result


async def _awaited(guard: Guard, awaitable: Awaitable[Any]) -> Any:
    if SWITCH.engine is None:
        return await awaitable
    stay = _Stay(guard)
    try:
        result = await within(Inside(stay.inside), awaitable)
    except BaseException as error:
        stay.over(error)
        raise
    finally:
        with guard:
            left_over()
    stay.over(None)
    return result
