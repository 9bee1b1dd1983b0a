"""Reads the content blocks, messages and tools of Converse, which Nova models spell the same way."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from mimetypes import types_map

from llmtrace.facts.records import (
    BlobPart,
    GenericPart,
    Json,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    ToolResponsePart,
    UriPart,
)
from llmtrace.facts.shape import mapping, mappings, text
from llmtrace.integrations.bedrock import Body


def parts(content: Json) -> list[Part]:
    """The parts of a content: one for each block."""
    return [_part(block) for block in mappings(content)]


def message(raw: Body) -> Message:
    """One turn. Results of tools are sent as a user's turn; the conventions give them a role of their own."""
    found = parts(raw.get("content"))
    if found and all(isinstance(part, ToolResponsePart) for part in found):
        return Message("tool", found)
    return Message(text(raw.get("role")) or "user", found)


def tools(config: Json) -> list[ToolDefinition]:
    """The tools offered; cache points among them are none."""
    found = []
    for raw in mappings(mapping(config).get("tools")):
        spec, own = mapping(raw.get("toolSpec")), mapping(raw.get("systemTool"))
        if spec:
            schema = mapping(spec.get("inputSchema")).get("json")
            found.append(ToolDefinition(_string(spec, "name"), "function", text(spec.get("description")), schema))
        elif own:
            found.append(ToolDefinition(_string(own, "name"), "system_tool"))
    return found


def _part(block: Body) -> Part:
    """A block is an object with one entry, whose name is its type."""
    for kind, read in _READERS.items():
        if block.get(kind) is not None:
            return read(kind, block[kind])
    kind = next((key for key, value in block.items() if value is not None), "")
    inner = block.get(kind)
    return GenericPart(kind, inner if isinstance(inner, dict) else {"value": inner})


def _media(kind: str, inner: Json) -> Part:
    block = mapping(inner)
    source, form = mapping(block.get("source")), text(block.get("format"))
    mime = types_map.get(f".{form}") or (f"{kind}/{form}" if form else None)
    where, data, said = text(mapping(source.get("s3Location")).get("uri")), source.get("bytes"), source.get("text")
    if isinstance(data, bytes):  # of a call that was never sent
        data = b64encode(data).decode()
    if isinstance(data, str):
        return BlobPart(kind, data, mime)
    if where is not None:
        return UriPart(kind, where, mime)
    return TextPart(said) if isinstance(said, str) else GenericPart(kind, block)


def _reasoning(kind: str, inner: Json) -> Part:
    said = text(mapping(mapping(inner).get("reasoningText")).get("text"))
    return GenericPart(kind, mapping(inner)) if said is None else ReasoningPart(said)


def _tool_use(_: str, inner: Json) -> Part:
    call = mapping(inner)
    return ToolCallPart(_string(call, "name"), text(call.get("toolUseId")), call.get("input"))


def _tool_result(_: str, inner: Json) -> Part:
    result = mapping(inner)
    match result.get("content"):
        case [{"text": str(content)}] | [{"json": content}]:
            pass  # the usual wrapping of one text or document
        case content:
            pass
    response = {"is_error": True, "content": content} if result.get("status") == "error" else content
    return ToolResponsePart(response, text(result.get("toolUseId")))


def _cited(kind: str, inner: Json) -> Part:
    said = [text(piece.get("text")) or "" for piece in mappings(mapping(inner).get("content"))]
    return TextPart("".join(said)) if said else GenericPart(kind, mapping(inner))


def _guarded(kind: str, inner: Json) -> Part:
    said = text(mapping(mapping(inner).get("text")).get("text"))
    return _media(kind, mapping(inner).get("image")) if said is None else TextPart(said)


def _string(block: Body, key: str) -> str:
    return text(block.get(key)) or ""


_READERS: dict[str, Callable[[str, Json], Part]] = {
    "text": lambda kind, said: TextPart(said) if isinstance(said, str) else GenericPart(kind, {"value": said}),
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "reasoningContent": _reasoning,
    "image": _media,
    "document": _media,
    "video": _media,
    "audio": _media,
    "citationsContent": _cited,
    "guardContent": _guarded,
}
