"""What an app says when it marks a function or a block as a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmtrace.facts.operation import Begin, Operation, Start


@dataclass(frozen=True)
class Marks:
    """See `Kind`. `description` is a tool's: its docstring."""

    name: str | None = None
    inputs: Any = True
    output: Any = True
    capture: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    provider: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        if self.capture not in (None, "full", "none"):
            raise ValueError(f"capture is {self.capture!r}; it must be 'full' or 'none'")


Shape = Callable[[str, Marks, Any], Operation]
"""(name, marks, function or None) → the operation of one kind of step."""


def point(operation: Operation, name: str, marks: Marks) -> Begin:
    """Where the engine begins a call for a marked function or block."""
    inputs: Callable[..., Any] | None = marks.inputs if callable(marks.inputs) else None
    target = marks.model if operation.kind == "client" else name

    def start(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start:
        given = (args, kwargs) if inputs is None else inputs(*args, **kwargs)
        return Start(operation, marks.provider, marks.model, target=target, capture=marks.capture, request=given)

    return Begin(start, result=marks.output if callable(marks.output) else None)
