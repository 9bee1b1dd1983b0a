"""Reads messages, parts and tools that a library wrote down as JSON in the shape the conventions prescribe."""

from __future__ import annotations

from collections.abc import Callable

from llmtrace.facts import records
from llmtrace.facts.records import GenericPart, Json, Message, Part, TextPart, ToolDefinition
from llmtrace.facts.shape import decoded, items, mapping, mappings, text
from llmtrace.facts.wire import json_body


def document(value: Json) -> Json:
    """What JSON text says; anything else, and text that is no JSON, as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    found = json_body(value)
    return value if found is None else found


def messages(value: Json) -> list[Message]:
    """The messages in a list, or in its JSON text."""
    return [
        Message(text(each.get("role")) or "user", parts(each.get("parts")), text(each.get("name")))
        for each in mappings(document(value))
    ]


def parts(value: Json) -> list[Part]:
    """The parts in a list, or in its JSON text; bare text is one of its own."""
    said = document(value)
    found = items(said) or [said]
    return [part(each) if isinstance(each, dict) else TextPart(each) for each in found if _says(each)]


def _says(each: Json) -> bool:
    """Whether there is anything in it: with content switched off, libraries write down parts that are a type alone."""
    return bool(each.keys() - {"type"}) if isinstance(each, dict) else bool(text(each))


def part(block: dict[str, Json]) -> Part:
    """One part; what the conventions do not know stays as it is."""
    kind = text(block.get("type")) or "unknown"
    made = _PARTS[kind](block) if kind in _PARTS else None
    return made or GenericPart(kind, {name: value for name, value in block.items() if name != "type"})


def tools(value: Json) -> list[ToolDefinition]:
    """The tools in a list, or in its JSON text."""
    return [
        ToolDefinition(
            text(each.get("name")) or "",
            text(each.get("type")) or "function",
            text(each.get("description")),
            each.get("parameters"),
        )
        for each in mappings(document(value))
    ]


def finish_reasons(value: Json) -> list[str]:
    """Why each of the messages ended, where they say so."""
    return [reason for each in mappings(document(value)) if (reason := text(each.get("finish_reason")))]


def prose(source: list[Message], role: str) -> str | None:
    """The text of the last message of a role that has any."""
    for message in reversed(source):
        said = [part.content for part in message.parts if isinstance(part, TextPart)]
        if message.role == role and said:
            return "\n".join(said)
    return None


def _text(block: dict[str, Json]) -> Part | None:
    said = text(block.get("content"))
    return None if said is None else TextPart(said)


def _thinking(block: dict[str, Json]) -> Part | None:
    said = text(block.get("content"))
    return None if said is None else records.ReasoningPart(said)


def _call(block: dict[str, Json]) -> Part:
    return records.ToolCallPart(text(block.get("name")) or "", text(block.get("id")), decoded(block.get("arguments")))


def _response(block: dict[str, Json]) -> Part:
    return records.ToolResponsePart(block.get("response", block.get("result")), text(block.get("id")))


def _server_call(block: dict[str, Json]) -> Part:
    payload = mapping(block.get("server_tool_call"))
    return records.ServerToolCallPart(text(block.get("name")) or "", payload, text(block.get("id")))


def _server_response(block: dict[str, Json]) -> Part:
    return records.ServerToolResponsePart(mapping(block.get("server_tool_call_response")), text(block.get("id")))


def _modality(block: dict[str, Json]) -> str:
    return text(block.get("modality")) or "document"


def _blob(block: dict[str, Json]) -> Part | None:
    said = text(block.get("content"))
    return None if said is None else records.BlobPart(_modality(block), said, text(block.get("mime_type")))


def _file(block: dict[str, Json]) -> Part | None:
    said = text(block.get("file_id"))
    return None if said is None else records.FilePart(_modality(block), said, text(block.get("mime_type")))


def _uri(block: dict[str, Json]) -> Part | None:
    said = text(block.get("uri"))
    return None if said is None else records.UriPart(_modality(block), said, text(block.get("mime_type")))


def _generic(block: dict[str, Json]) -> Part | None:
    kind = text(block.get("generic_type"))
    kept = {name: value for name, value in block.items() if name not in ("type", "generic_type")}
    return None if kind is None else GenericPart(kind, kept)


_PARTS: dict[str, Callable[[dict[str, Json]], Part | None]] = {
    "text": _text,
    "tool_call": _call,
    "tool_call_response": _response,
    "server_tool_call": _server_call,
    "server_tool_call_response": _server_response,
    "reasoning": _thinking,
    "thinking": _thinking,
    "blob": _blob,
    "file": _file,
    "uri": _uri,
    "generic": _generic,
}
"""A part's type, older names included → what reads it, or gives None where it is not what it says."""
