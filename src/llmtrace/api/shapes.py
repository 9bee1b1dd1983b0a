"""What a marked function's arguments and result mean, and what the app said inside it: one reader per kind of step."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any

from llmtrace.api import messages
from llmtrace.api.marks import Marks, Shape
from llmtrace.content.render import render
from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import (
    AgentRun,
    Embedding,
    Inference,
    Json,
    Message,
    Record,
    Rerank,
    Retrieval,
    Step,
    TextPart,
    ToolCall,
)
from llmtrace.facts.shape import integer, items, mapping, text

logger = logging.getLogger("llmtrace")

Reader = Callable[[str, dict[str, Json], Json, Marks], Record]
"""(name, arguments, result, marks) → the record, before what the app said is added."""


def _shape(operation: str, read: Reader, kind: str = "internal", *, step: bool = True, billed: bool = False) -> Shape:
    """The shape of a kind of step: how its operation is made for one function or block."""

    def make(name: str, marks: Marks, function: Any) -> Operation:
        named = _arguments(function, marks)

        def record(evidence: Evidence) -> Record:
            made = read(name, named(evidence), _result(evidence, marks), marks)
            made.metadata = mapping(render(marks.metadata))
            if isinstance(made, Inference):
                made.stream = bool(evidence.chunks)
            _say(made, evidence.notes)
            return made

        return Operation(operation, record, billed, kind, step)

    return make


def _arguments(function: Any, marks: Marks) -> Callable[[Evidence], dict[str, Json]]:
    """Names the arguments as the function's signature does, its own instance left out, and picks what is wanted."""
    try:
        signature = None if function is None else inspect.signature(function)
    except (TypeError, ValueError):  # some callables of C extensions have none
        signature = None

    def named(evidence: Evidence) -> dict[str, Json]:
        if marks.inputs is False or evidence.request is None:
            return {}
        if callable(marks.inputs):
            made = render(evidence.request)
            return made if isinstance(made, dict) else {"input": made}
        args, kwargs = evidence.request
        return _picked(_bound(signature, args, kwargs), marks.inputs)

    return named


def _bound(signature: inspect.Signature | None, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Json]:
    try:
        bound = None if signature is None else signature.bind(*args, **kwargs)
    except TypeError:  # the call itself failed for the same reason
        bound = None
    if bound is None:
        return {**({"args": render(args)} if args else {}), **mapping(render(kwargs))}
    bound.apply_defaults()
    return {name: render(value) for name, value in bound.arguments.items() if name not in ("self", "cls")}


def _picked(given: dict[str, Json], wanted: Any) -> dict[str, Json]:
    if wanted is True:
        return given
    names = {wanted: wanted} if isinstance(wanted, str) else wanted
    renamed = names if isinstance(names, Mapping) else {name: name for name in names}
    return {shown: given[name] for name, shown in renamed.items() if name in given}


def _result(evidence: Evidence, marks: Marks) -> Json:
    """The result; of a generator what it yielded, texts joined."""
    if marks.output is False:
        return None
    if evidence.chunks:
        heard = [render(chunk) for chunk in evidence.chunks]
        return "".join(heard) if all(isinstance(chunk, str) for chunk in heard) else heard
    return None if evidence.response is None else render(evidence.response.body)


def _say(record: Record, notes: Mapping[str, Any]) -> None:
    """Puts what the app said in place; what this kind of step has no field for is named in the log."""
    for name, value in notes.items():
        if not hasattr(record, name):
            logger.warning("llmtrace: a %s has no %s; what was said of it is left out.", type(record).__name__, name)
            continue
        if name == "metadata":
            record.metadata |= mapping(render(value))
            continue
        setattr(record, name, _SAID[name](value) if name in _SAID else render(value))


_SAID: dict[str, Callable[[Any], Any]] = {
    "documents": messages.documents,
    "input_messages": lambda given: messages.messages(given, "user"),
    "output_messages": lambda given: messages.messages(given, "assistant"),
    "system_instructions": messages.parts,
    "tool_definitions": messages.tool_definitions,
    "usage": messages.usage,
}
"""Field → how an app's value of it is read."""


def _first(arguments: dict[str, Json], *names: str) -> Json:
    """The argument of one of these names, else the first."""
    return next((arguments[name] for name in names if name in arguments), next(iter(arguments.values()), None))


def _whole(arguments: dict[str, Json]) -> Json:
    return arguments or None


def _top_k(arguments: dict[str, Json]) -> int | None:
    names = ("top_k", "k", "limit", "n_results", "top_n")
    return integer(next((arguments[name] for name in names if name in arguments), None))


def _step(kind: str, operation: str) -> Reader:
    def read(name: str, arguments: dict[str, Json], result: Json, _: Marks) -> Record:
        return Step(operation=operation, kind=kind, name=name, input=_whole(arguments), output=result)

    return read


def _agent(name: str, arguments: dict[str, Json], result: Json, _: Marks) -> Record:
    return AgentRun(name=name, input=_whole(arguments), output=result)


def _tool(name: str, arguments: dict[str, Json], result: Json, marks: Marks) -> Record:
    return ToolCall(name=name, description=marks.description, arguments=_whole(arguments), result=result)


def _retrieval(name: str, arguments: dict[str, Json], result: Json, _: Marks) -> Record:
    found = messages.documents(result)
    query = _first(arguments, "query", "question", "text")
    return Retrieval(name=name, query=query, top_k=_top_k(arguments), documents=found, document_count=len(found))


def _embedding(_: str, arguments: dict[str, Json], result: Json, marks: Marks) -> Record:
    given = _first(arguments, "texts", "input", "inputs", "text")
    vectors = items(result)
    first = vectors[0] if vectors and isinstance(vectors[0], list) else vectors
    return Embedding(
        request_model=marks.model,
        provider=marks.provider,
        input_texts=[one for one in (given if isinstance(given, list) else [given]) if isinstance(one, str)],
        vector_count=(len(vectors) if first is not vectors else 1) if vectors else None,
        dimension_count=len(first) or None,
    )


def _rerank(_: str, arguments: dict[str, Json], result: Json, marks: Marks) -> Record:
    return Rerank(
        request_model=marks.model,
        provider=marks.provider,
        query=text(_first(arguments, "query")),
        top_k=_top_k(arguments),
        document_count=len(items(arguments.get("documents"))) or None,
        documents=messages.documents(result),
    )


def _llm(_: str, arguments: dict[str, Json], result: Json, marks: Marks) -> Record:
    sent = messages.messages(_first(arguments, "messages", "prompt", "input"), "user")
    answered = [Message("assistant", [TextPart(result)])] if isinstance(result, str) and result else []
    if isinstance(result, dict) and "content" in result:
        answered = [messages.message(result, "assistant")]
    return Inference(
        operation="chat",
        request_model=marks.model,
        provider=marks.provider,
        input_messages=sent,
        output_messages=answered,
    )


SHAPES: dict[str, Shape] = {
    "workflow": _shape("invoke_workflow", _step("workflow", "invoke_workflow")),
    "chain": _shape("step", _step("chain", "step")),
    "step": _shape("step", _step("step", "step")),
    "guardrail": _shape("step", _step("guardrail", "step")),
    "agent": _shape("invoke_agent", _agent),
    "tool": _shape("execute_tool", _tool),
    "retrieval": _shape("retrieval", _retrieval),
    "embedding": _shape("embeddings", _embedding, "client", step=False, billed=True),
    "rerank": _shape("rerank", _rerank, "client", step=False, billed=True),
    "llm": _shape("chat", _llm, "client", step=False, billed=True),
}
"""Kind of step → its shape."""
