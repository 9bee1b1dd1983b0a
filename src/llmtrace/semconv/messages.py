"""Gives messages, tools and documents the JSON shapes that the conventions prescribe."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from llmtrace.facts import records
from llmtrace.facts.records import Document, GenericPart, Json, Message, Part, TextPart, ToolDefinition
from llmtrace.facts.shape import decoded

_KINDS: dict[type[Any], str] = {
    records.TextPart: "text",
    records.ToolCallPart: "tool_call",
    records.ToolResponsePart: "tool_call_response",
    records.ServerToolCallPart: "server_tool_call",
    records.ServerToolResponsePart: "server_tool_call_response",
    records.ReasoningPart: "reasoning",
    records.BlobPart: "blob",
    records.FilePart: "file",
    records.UriPart: "uri",
    records.CompactionPart: "compaction",
}
_FIELDS = {cls: tuple(field.name for field in fields(cls)) for cls in _KINDS}


def part(source: Part) -> dict[str, Json]:
    """One part; a block that the conventions do not know is a `generic` one, which keeps its own keys."""
    if isinstance(source, GenericPart):
        return {**source.data, "type": "generic", "generic_type": source.kind}
    kind = _KINDS[type(source)]
    shaped: dict[str, Json] = {"type": kind}
    for name in _FIELDS[type(source)]:
        value = getattr(source, name)
        # What a tool answered stands even where it is nothing: the schema wants the key.
        if value is not None or name == "response":
            shaped[kind if name == "payload" else name] = value
    return shaped


def messages(source: Iterable[Message]) -> list[dict[str, Json]]:
    """Input or output messages."""
    return [
        {"role": message.role, "parts": [part(item) for item in message.parts]}
        | ({"name": message.name} if message.name else {})
        for message in source
    ]


def instructions(source: Iterable[Part]) -> list[dict[str, Json]]:
    """System instructions: parts without a role. The schema knows only text here, so all else is generic."""
    return [_instruction(part(item), isinstance(item, TextPart | GenericPart)) for item in source]


def _instruction(shaped: dict[str, Json], allowed: bool) -> dict[str, Json]:  # noqa: FBT001 - two words on one line
    return shaped if allowed else {**shaped, "type": "generic", "generic_type": shaped["type"]}


def tools(source: Iterable[ToolDefinition]) -> list[dict[str, Json]]:
    """The tools offered to the model."""
    return [
        _present(type=tool.type, name=tool.name, description=tool.description, parameters=tool.parameters)
        for tool in source
    ]


def documents(source: Iterable[Document]) -> list[dict[str, Json]]:
    """Retrieved documents; a score that is no number is left out."""
    return [
        _present(
            id=document.id,
            score=document.score if document.score is not None and math.isfinite(document.score) else None,
            content=document.text,
            metadata=document.metadata,
        )
        for document in source
    ]


def as_object(value: Json, key: str) -> Json:
    """A tool's arguments or result as the object the schema wants: decoded from JSON text, else wrapped under `key`."""
    if value is None:
        return None
    value = decoded(value)
    return value if isinstance(value, dict) else {key: value}


def _present(**members: Json) -> dict[str, Json]:
    return {name: value for name, value in members.items() if value is not None}
