"""Gives a generator one home for its context variables, whichever threads and tasks its steps are asked for in."""

from __future__ import annotations

from contextlib import suppress
from contextvars import Context, ContextVar, Token, copy_context
from typing import Any

_NOTHING = object()


class Home:
    """Where the steps of one generator run: a `contextvars.Context` of its own.

    A body that sets a variable in one step and resets it in a later one, as `with tracer.start_as_current_span()` does
    around a `yield`, needs both to happen in the same `Context`; a server that asks for each step in another thread
    gives each another one. In all else it is as if the step ran where it was asked for: before it the caller's
    variables are brought in, after it those that it changed are brought out.
    """

    __slots__ = ("_caller", "_in", "_out", "context")

    def __init__(self) -> None:
        self.context = Context()
        self._caller = self.context
        # Only the token of the first setting can make a variable unset again.
        self._in: dict[ContextVar[Any], Token[Any]] = {}
        self._out: dict[ContextVar[Any], Token[Any]] = {}

    def enter(self) -> None:
        """Brings the caller's variables in, before a step."""
        self._caller = copy_context()
        self.context.run(_bring, self._caller, self.context, self._in)

    def leave(self) -> None:
        """Brings the variables out to the caller, after the step."""
        _bring(self.context, self._caller, self._out)
        self._caller = self.context


def _bring(source: Context, target: Context, first: dict[ContextVar[Any], Token[Any]]) -> None:
    """Makes the variables of `target`, which is like the current context, what they are in `source`."""
    beside = len(target)
    for variable, value in source.items():
        was = target.get(variable, _NOTHING)
        if was is _NOTHING:
            first[variable] = variable.set(value)
            continue
        beside -= 1
        if was is not value:
            variable.set(value)
    if beside:
        for variable in [variable for variable in target if variable not in source and variable in first]:
            with suppress(ValueError):  # it was set in another thread's context, and cannot be unset in this one
                variable.reset(first.pop(variable))
