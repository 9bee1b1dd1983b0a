"""The kinds of step an app can mark, all made by one factory: decorator and context manager, bare and called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, overload

from llmtrace.api.block import Block
from llmtrace.api.marking import marked
from llmtrace.api.marks import Marks
from llmtrace.api.wrapping import F

Inputs = bool | str | Sequence[str] | Mapping[str, str] | Callable[..., Any]
"""What is recorded of the arguments: all (True), none (False), the named ones, named ones under other names, or what a
function makes of them; it is called with the very arguments."""

Output = bool | Callable[[Any], Any]
"""What is recorded of the result: all (True), nothing (False), or what a function makes of it."""


class Kind(Protocol):
    """A decorator of functions (`@step`, `@step("rank")`) that is a context manager, too (`with step("rank"):`).

    What is decorated keeps its type. `name` is the function's own unless given; `capture="none"` leaves content out;
    `metadata` are attributes of this step alone.
    """

    @overload
    def __call__(
        self,
        name: str | None = None,
        *,
        inputs: Inputs = True,
        output: Output = True,
        capture: str | None = None,
        metadata: Mapping[str, Any] = ...,
    ) -> Block: ...
    @overload
    def __call__(self, function: F, /) -> F: ...


class ModelKind(Protocol):
    """A kind that calls a model: as `Kind`, with the model and who provides it."""

    @overload
    def __call__(
        self,
        name: str | None = None,
        *,
        model: str | None = None,
        provider: str | None = None,
        inputs: Inputs = True,
        output: Output = True,
        capture: str | None = None,
        metadata: Mapping[str, Any] = ...,
    ) -> Block: ...
    @overload
    def __call__(self, function: F, /) -> F: ...


def _kind(kind: str, doc: str) -> Any:
    """The decorator of one kind of step; all are made here."""

    def mark(target: Any = None, /, *, name: str | None = None, **options: Any) -> Any:
        if target is None or isinstance(target, str):
            return Block(kind, Marks(name=target or name, **options))
        return marked(target, kind, Marks())

    mark.__name__ = mark.__qualname__ = kind
    mark.__module__ = "llmtrace"
    mark.__doc__ = doc
    return mark


workflow: Kind = _kind("workflow", "A whole chain of the app, from question to answer: `invoke_workflow`.")
chain: Kind = _kind("chain", "A part of a workflow that has steps of its own.")
step: Kind = _kind("step", "One step of a chain. Its name joins the path that every span below it carries.")
agent: Kind = _kind("agent", "A run of an agent: `invoke_agent`.")
tool: Kind = _kind("tool", "A tool that the model may ask for: `execute_tool`, with its arguments and its result.")
retrieval: Kind = _kind(
    "retrieval", "A search for documents: the first argument is the query, the result is documents."
)
guardrail: Kind = _kind("guardrail", "A check of what goes into a model or comes out of it.")
llm: ModelKind = _kind("llm", "A call of a model that no integration knows: `chat`, with messages, usage and cost.")
embedding: ModelKind = _kind("embedding", "Texts made into vectors: the first argument is the texts.")
rerank: ModelKind = _kind("rerank", "Documents put in order for a query.")
