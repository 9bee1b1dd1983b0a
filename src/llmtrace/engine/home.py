"""Gives a generator one home for its context variables, whichever threads and tasks its steps are asked for in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, ContextVar, Token, copy_context
from typing import Any, TypeVar

T = TypeVar("T")

_NOTHING = object()


class Home:
    """Where the steps of one generator run: a `contextvars.Context` of its own.

    A body that sets a variable in one step and resets it in a later one, as `with tracer.start_as_current_span()` does
    around a `yield`, needs both to happen in the same `Context`; a server that asks for each step in another thread
    gives each another one. In all else it is as if the step ran where it was asked for: before it the caller's
    variables are brought in, after it those that it changed are brought out.
    """

    __slots__ = ("_context", "_in", "_out")

    def __init__(self) -> None:
        self._context = Context()
        # Only the token of the first setting can make a variable unset again.
        self._in: dict[ContextVar[Any], Token[Any]] = {}
        self._out: dict[ContextVar[Any], Token[Any]] = {}

    def run(self, step: Callable[[Any], T], value: Any) -> T:
        """One step, with this value sent or thrown in."""
        caller = copy_context()
        try:
            return self._context.run(self._step, caller, step, value)
        finally:
            _bring(self._context, caller, self._out)

    def _step(self, caller: Context, step: Callable[[Any], T], value: Any) -> T:
        _bring(caller, self._context, self._in)
        return step(value)


def _bring(source: Context, target: Context, first: dict[ContextVar[Any], Token[Any]]) -> None:
    """Makes the variables of `target`, which is like the current context, what they are in `source`."""
    for variable, value in source.items():
        was = target.get(variable, _NOTHING)
        if was is value:
            continue
        token = variable.set(value)
        if was is _NOTHING:
            first[variable] = token
    for variable in [variable for variable in target if variable not in source and variable in first]:
        with suppress(ValueError):  # it was set in another thread's context, and cannot be unset in this one
            variable.reset(first.pop(variable))
