"""What a decorated function's arguments and result mean: one reader for each kind of step."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from llmtrace.content.render import render
from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import Document, Json, Record, Retrieval, Step, ToolCall
from llmtrace.facts.shape import integer, items, mapping, number, text


def _arguments(function: Callable[..., Any]) -> Callable[[Evidence], dict[str, Json]]:
    """Names the arguments of a call as the function's signature does; a method's own instance is left out."""
    try:
        signature: inspect.Signature | None = inspect.signature(function)
    except (TypeError, ValueError):  # some callables of C extensions have none
        signature = None

    def named(evidence: Evidence) -> dict[str, Json]:
        args, kwargs = evidence.request if evidence.request is not None else ((), {})
        if signature is None:
            return {"args": render(args), **mapping(render(kwargs))}
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:  # the call itself failed for the same reason
            return {"args": render(args), **mapping(render(kwargs))}
        bound.apply_defaults()
        return {name: render(value) for name, value in bound.arguments.items() if name not in ("self", "cls")}

    return named


def _result(evidence: Evidence) -> Json:
    return None if evidence.response is None else render(evidence.response.body)


def _step(operation: str) -> Callable[[str, Callable[..., Any]], Operation]:
    def make(name: str, function: Callable[..., Any]) -> Operation:
        arguments = _arguments(function)

        def read(evidence: Evidence) -> Record:
            return Step(operation=operation, name=name, input=arguments(evidence), output=_result(evidence))

        return Operation(operation, read, kind="internal", step=True)

    return make


def _tool(name: str, function: Callable[..., Any]) -> Operation:
    arguments, description = _arguments(function), inspect.getdoc(function)

    def read(evidence: Evidence) -> Record:
        return ToolCall(name=name, description=description, arguments=arguments(evidence), result=_result(evidence))

    return Operation("execute_tool", read, kind="internal", step=True)


def _retrieval(name: str, function: Callable[..., Any]) -> Operation:
    arguments = _arguments(function)

    def read(evidence: Evidence) -> Record:
        named = arguments(evidence)
        query = named.get("query", next(iter(named.values()), None))
        top_k = next((named[key] for key in ("top_k", "k", "limit", "n_results") if key in named), None)
        documents = [document(found) for found in items(_result(evidence))]
        return Retrieval(
            name=name, query=query, top_k=integer(top_k), documents=documents, document_count=len(documents)
        )

    return Operation("retrieval", read, kind="internal", step=True)


def document(found: Json) -> Document:
    """A document as frameworks and apps spell it: a text, a mapping, or a (document, score) pair."""
    if isinstance(found, list) and len(found) == 2 and number(found[1]) is not None:  # noqa: PLR2004 - a pair
        scored = document(found[0])
        scored.score = number(found[1])
        return scored
    if isinstance(found, str):
        return Document(text=found)
    fields = mapping(found)
    name = fields.get("id")
    content = next((fields[key] for key in ("text", "page_content", "content", "document") if key in fields), None)
    return Document(
        id=None if name is None else str(name),
        score=number(fields.get("score")),
        text=text(content),
        metadata=mapping(fields.get("metadata")) or None,
    )


READERS: dict[str, Callable[[str, Callable[..., Any]], Operation]] = {
    "workflow": _step("invoke_workflow"),
    "step": _step("step"),
    "tool": _tool,
    "retrieval": _retrieval,
}
"""Kind of step → what makes its operation, from its name and the decorated function."""
