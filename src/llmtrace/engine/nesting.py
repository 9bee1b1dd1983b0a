"""How calls lie within one another: what is the same call seen twice, and what is another within it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.trace import get_current_span

from llmtrace.facts.operation import Start
from llmtrace.facts.records import Scope
from llmtrace.semconv import mcp


class Outer(Protocol):
    """A call around another, as far as this module needs to know it."""

    steps: int
    siblings: dict[str, int] | None

    @property
    def start(self) -> Start:
        """What is known of it."""

    @property
    def outer(self) -> Outer | None:
        """The call around it."""

    @property
    def pending(self) -> Sequence[bool]:
        """Empty when it is over."""


def same_store(start: Start, outer: Outer | None) -> bool:
    """Whether it is the very store's own call that this one would begin inside of."""
    within = None if outer is None else outer.start.store
    return within is not None and start.store is not None and within.system == start.store.system


def repeats(start: Start, outer: Outer | None, context: Context) -> bool:
    """Whether a call of that operation is under way around this one; of a tool's, whether the same is right around it.

    A tool may call others, which count; and a framework's own span may be that of the tool.
    """
    if start.mcp is not None:
        span = get_current_span(context)
        return span.is_recording() and mcp.runs(getattr(span, "attributes", None) or {}, start.target)
    while outer is not None:
        if outer.start.operation.name == start.operation.name and outer.pending:
            return True
        outer = outer.outer
    return False


def stepped(start: Start, outer: Outer | None, scope: Scope) -> Scope:
    """The scope inside a step: one name further down the path, and the step's place among its siblings."""
    name = start.target or start.operation.name
    index = iteration = 0
    if outer is not None:
        siblings = outer.siblings = outer.siblings or {}
        index, iteration = outer.steps, siblings.get(name, 0)
        outer.steps += 1
        siblings[name] = iteration + 1
    # Field by field: `replace` looks each of them up.
    return Scope(
        scope.conversation_id,
        scope.user_id,
        scope.metadata,
        scope.tags,
        scope.capture,
        (*scope.path, name),
        index,
        iteration,
        scope.prompt,
    )
