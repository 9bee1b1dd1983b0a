"""Puts something around whatever can be called, and leaves it what it was: function, method, class, callable object."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable
from typing import Any, TypeVar

import wrapt

F = TypeVar("F", bound="Callable[..., Any] | classmethod[Any, ..., Any]")
"""What can be decorated. (A static method is callable, a class method is not.)"""

Around = Callable[[Any, Callable[..., Any]], Callable[..., Any]]
"""(whose name it has, what is to be called) → what is called instead."""

_ROUTINES = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.ClassMethodDescriptorType,
)
"""What a function can stand in for. Others, such as `lru_cache` makes, have methods of their own."""


def wrapped(target: Any, what: str, around: Around) -> Any:
    """The target with something around each of its calls. A class is given back, with that around its `__call__`.

    Raises TypeError for what can't be called; `what` names the decorator there.
    """
    if isinstance(target, staticmethod | classmethod):
        return type(target)(wrapped(target.__func__, what, around))
    if isinstance(target, type):
        return _class(target, what, around)
    if not callable(target):
        raise TypeError(f"@{what} marks functions, methods and other callables, not a {type(target).__name__}")
    if isinstance(target, _ROUTINES):
        return around(target, target)
    return (WrappedFunction if hasattr(type(target), "__get__") else WrappedCallable)(target, around)


def _class(target: type, what: str, around: Around) -> type:
    if "__call__" not in vars(target):
        raise TypeError(
            f"@{what} on the class {target.__name__} needs a __call__ there; mark one of its methods instead"
        )
    method = wrapped(vars(target)["__call__"], what, lambda _, function: around(target, function))
    type.__setattr__(target, "__call__", method)
    return target


class WrappedCallable(wrapt.ObjectProxy):  # type: ignore[type-arg]  # not a generic before wrapt 2
    """A callable object with something around its calls: else it is that object, also to `isinstance` and copies."""

    def __init__(self, target: Any, around: Around) -> None:
        super().__init__(target)
        self._self_around = around
        named = target.func if isinstance(target, functools.partial) else target
        function = target if isinstance(target, functools.partial) else target.__call__
        self._self_calling = around(named, function)

    @property
    def __call__(self) -> Callable[..., Any]:
        """What is called: a property, so that it still is a coroutine function to frameworks that ask."""
        calling: Callable[..., Any] = self._self_calling
        return calling

    def __copy__(self) -> Any:
        return type(self)(copy.copy(self.__wrapped__), self._self_around)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return type(self)(copy.deepcopy(self.__wrapped__, memo), self._self_around)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.__wrapped__, self._self_around)


class WrappedFunction(WrappedCallable):
    """A function of another kind than Python's own, which is a method where it is an attribute of a class."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)
