"""Decorators that turn the app's own functions into steps of the trace, through the engine of every library call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, overload

from llmtrace.api.shapes import READERS
from llmtrace.engine.guard import Guard
from llmtrace.engine.run import calling
from llmtrace.facts.operation import Begin, Start

F = TypeVar("F", bound=Callable[..., Any])


class Decorator(Protocol):
    """A decorator in its bare form (`@step`) and its called form (`@step(name="rank")`); a function keeps its type."""

    @overload
    def __call__(self, function: F, /) -> F: ...
    @overload
    def __call__(self, *, name: str | None = None) -> Callable[[F], F]: ...


def _decorator(kind: str, doc: str) -> Decorator:
    """The decorator of one kind of step; all are made here."""

    def decorate(function: Any = None, /, *, name: str | None = None) -> Any:
        if function is None:
            return functools.partial(_traced, kind=kind, name=name)
        return _traced(function, kind=kind, name=name)

    decorate.__name__ = decorate.__qualname__ = kind
    decorate.__doc__ = doc
    return decorate


def _traced(function: Callable[..., Any], *, kind: str, name: str | None) -> Callable[..., Any]:
    own_name: str = getattr(function, "__name__", kind)
    point = _point(function, kind, name or own_name)
    guard = Guard(f"the {kind} decorator of {own_name}")
    return calling(point, guard, function)


def _point(function: Callable[..., Any], kind: str, name: str) -> Begin:
    operation = READERS[kind](name, function)

    def start(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start:
        return Start(operation, target=name, request=(args, kwargs))

    return Begin(start)


workflow = _decorator(
    "workflow", "A whole chain of the app, from question to answer: `invoke_workflow` in the conventions."
)
step = _decorator("step", "One step of a chain. Its name joins the path that every span below it carries.")
tool = _decorator("tool", "A tool that the model may ask for: `execute_tool`, with its arguments and its result.")
retrieval = _decorator(
    "retrieval", "A search for documents: the first argument is the query, the result the documents."
)
