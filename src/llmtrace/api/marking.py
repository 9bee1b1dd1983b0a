"""Makes a step of whatever can be called: each of its calls is a call of the engine."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llmtrace.api.marks import Marks, point
from llmtrace.api.shapes import SHAPES
from llmtrace.api.wrapping import wrapped
from llmtrace.engine.guard import Guard
from llmtrace.engine.run import calling
from llmtrace.settings.switch import disabled


def marked(target: Any, kind: str, marks: Marks) -> Any:
    """The target as a step of this kind; the target itself where the environment switches llmtrace off."""
    return target if disabled() else wrapped(target, kind, functools.partial(_stepping, kind, marks))


def _stepping(kind: str, marks: Marks, named: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    name: str = marks.name or getattr(named, "__name__", None) or type(named).__name__
    if kind == "tool":
        marks = replace(marks, description=inspect.getdoc(named))
    operation = SHAPES[kind](name, marks, function)
    return calling(point(operation, name, marks), Guard(f"the {kind} {name!r}"), function)
