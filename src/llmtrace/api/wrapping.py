"""Puts a step around whatever can be called, and leaves it what it was: function, method, class, partial, callable."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import wrapt

from llmtrace.api.marks import Marks, point
from llmtrace.api.shapes import SHAPES
from llmtrace.engine.guard import Guard
from llmtrace.engine.run import calling
from llmtrace.settings.switch import disabled


def wrapped(target: Any, kind: str, marks: Marks) -> Any:
    """The target as a step of this kind; the target itself where the environment switches llmtrace off.

    A class is given back with its `__call__` as the step. Raises TypeError for what can't be called.
    """
    if disabled():
        return target
    if isinstance(target, staticmethod | classmethod):
        return type(target)(wrapped(target.__func__, kind, marks))
    if isinstance(target, type):
        return _class(target, kind, marks)
    if not callable(target):
        raise TypeError(f"@{kind} marks functions, methods and other callables, not a {type(target).__name__}")
    if inspect.isroutine(target):
        return _calling(target, target, kind, marks)
    return TracedCallable(target, kind, marks)


def _calling(target: Any, function: Callable[..., Any], kind: str, marks: Marks) -> Callable[..., Any]:
    named = target.func if isinstance(target, functools.partial) else target
    name: str = marks.name or getattr(named, "__name__", None) or type(named).__name__
    if kind == "tool":
        marks = replace(marks, description=inspect.getdoc(named))
    operation = SHAPES[kind](name, marks, function)
    return calling(point(operation, name, marks), Guard(f"the {kind} {name!r}"), function)


def _class(target: type, kind: str, marks: Marks) -> type:
    if "__call__" not in vars(target):
        raise TypeError(
            f"@{kind} on the class {target.__name__} needs a __call__ there; mark one of its methods instead"
        )
    named = replace(marks, name=marks.name or target.__name__)
    type.__setattr__(target, "__call__", wrapped(vars(target)["__call__"], kind, named))
    return target


class TracedCallable(wrapt.ObjectProxy):  # type: ignore[type-arg]  # not a generic before wrapt 2
    """A callable object as a step: in all else it is that object, also to `isinstance`, copies and pickles."""

    def __init__(self, target: Any, kind: str, marks: Marks) -> None:
        super().__init__(target)
        self._self_marked = (kind, marks)
        function = target if isinstance(target, functools.partial) else target.__call__
        self._self_calling = _calling(target, function, kind, marks)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the object, as the step."""
        return self._self_calling(*args, **kwargs)

    def __copy__(self) -> Any:
        return type(self)(self.__wrapped__, *self._self_marked)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        import copy  # noqa: PLC0415 - only here

        return type(self)(copy.deepcopy(self.__wrapped__, memo), *self._self_marked)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.__wrapped__, *self._self_marked)
