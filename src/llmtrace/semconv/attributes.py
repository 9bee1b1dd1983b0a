"""Turns facts into span attributes: the name and what samplers see at the start, all that is known at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from opentelemetry.util.types import AttributeValue

from llmtrace.facts.operation import Start
from llmtrace.facts.records import AgentRun, Course, Record, Retrieval, Scope, Step, ToolCall
from llmtrace.semconv import mcp, names, stores
from llmtrace.semconv.kinds import metadata, pairs
from llmtrace.semconv.names import EVALUATE, STEP, STORE, UNNAMED, Attribute, Names, Pairs
from llmtrace.semconv.values import ON_EVENT, ON_SPAN, text

_TARGETS = {
    "execute_tool": names.TOOL_NAME,
    "invoke_agent": names.AGENT_NAME,
    "create_agent": names.AGENT_NAME,
    "invoke_workflow": names.WORKFLOW_NAME,
    "retrieval": names.DATA_SOURCE_ID,
    STEP: names.STEP_NAME,
    EVALUATE: names.EVALUATION_NAME,
}
"""What a span's target is, where it is not the model."""


def span_name(start: Start) -> str:
    """The span's name: the operation and its target, or for a plain step its own name."""
    operation = start.operation.name
    if operation == STORE and start.store is not None:
        return text(stores.span_name(start, start.store))
    if start.mcp is not None:
        return text(mcp.span_name(start, start.mcp))
    return _named(operation, start.target)


def name_of(record: Record) -> str:
    """As `span_name`, of a call that is known at its end only."""
    aim = _AIMS.get(type(record))
    return _named(record.operation, record.request_model if aim is None else aim(record))


def _named(operation: str, target: str | None) -> str:
    if target and operation == STEP:
        return text(target)
    return text(f"{operation} {target}" if target else operation)


_AIMS: dict[type[Record], Callable[[Any], str | None]] = {
    AgentRun: lambda made: made.name,
    Retrieval: lambda made: made.data_source_id,
    Step: lambda made: made.name,
    ToolCall: lambda made: made.name,
}
"""What a record's target is, where it is not the model."""


def start_attributes(start: Start, scope: Scope, spelling: Names = "both") -> dict[str, AttributeValue]:
    """What is known when a span starts, for samplers and for spans that are lost before their end."""
    known = _known(start.operation.name, start.target, start.provider, start.model, start.address, start.port, spelling)
    conversation = spelled([(names.CONVERSATION_ID, start.conversation_id)], spelling) if start.conversation_id else {}
    store = spelled(stores.asked(start.store), spelling) if start.store is not None else {}
    request = spelled(mcp.asked(start.mcp), spelling) if start.mcp is not None else {}
    return {**known, **conversation, **store, **request, **scope_attributes(scope)}


def scope_attributes(scope: Scope) -> dict[str, AttributeValue]:
    """What the app said about everything in a block; it belongs on every span there, whoever made the span."""
    return spelled(_said(scope), "latest")


def attributes(record: Record, course: Course, spelling: Names) -> dict[str, AttributeValue]:
    """All that is known of a call. What the start said is said again: a full span drops its oldest attributes first."""
    return spelled(pairs(record, course), spelling)


def spelled(
    source: Iterable[tuple[Attribute, Any]], spelling: Names, *, structured: bool = False
) -> dict[str, AttributeValue]:
    """The attributes under the names asked for; a value that is absent or of a wrong type is left out."""
    legal = ON_EVENT if structured else ON_SPAN
    found: dict[str, AttributeValue] = {}
    for attribute, given in source:
        if given is None or (value := legal[attribute.type](given)) is None:
            continue
        if attribute.formerly is None:
            found[attribute.key] = value
            continue
        if spelling != "legacy":
            found[attribute.key] = value
        if spelling != "latest":
            found[attribute.formerly] = attribute.older_values.get(value, value) if isinstance(value, str) else value
    return found


@lru_cache(maxsize=512)
def _known(
    operation: str,
    target: str | None,
    provider: str | None,
    model: str | None,
    address: str | None,
    port: int | None,
    spelling: Names,
) -> dict[str, AttributeValue]:
    """What an app's calls have in common from one to the next, made once: this is the caller's own time."""
    named = [(names.OPERATION_NAME, None if operation in UNNAMED else operation)]
    place = [(names.SERVER_ADDRESS, address), (names.SERVER_PORT, port if address else None)]
    aimed = [(_TARGETS[operation], target)] if operation in _TARGETS else []
    return spelled([*named, (names.PROVIDER_NAME, provider), (names.REQUEST_MODEL, model), *place, *aimed], spelling)


def _said(scope: Scope) -> Pairs:
    yield names.CONVERSATION_ID, scope.conversation_id
    yield names.USER_ID, scope.user_id
    yield names.TAGS, scope.tags
    yield names.STEP_PATH, "/".join(scope.path)
    yield names.STEP_INDEX, scope.index
    yield names.STEP_ITERATION, scope.iteration
    yield from metadata(scope.metadata)
