"""Makes a function pass for the one that it stands in for, wherever somebody asks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any


def guise(original: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """As `functools.wraps`; and the function is of the original's module, in which doctest looks for examples.

    So it must name nothing of its own module: what it needs are variables of the function around it.
    """

    def disguised(function: Callable[..., Any]) -> Callable[..., Any]:
        if isinstance(original, FunctionType) and isinstance(function, FunctionType):
            function = FunctionType(function.__code__, original.__globals__, closure=function.__closure__)
        return functools.wraps(original)(function)

    return disguised
