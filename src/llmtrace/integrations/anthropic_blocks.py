"""Reads Anthropic's content blocks, messages and tools, as requests and responses alike spell them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from llmtrace.facts.records import (
    BlobPart,
    CompactionPart,
    FilePart,
    GenericPart,
    Json,
    Message,
    Part,
    ReasoningPart,
    ServerToolCallPart,
    ServerToolResponsePart,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    ToolResponsePart,
    UriPart,
)
from llmtrace.facts.shape import mapping, mappings, text

Block: TypeAlias = dict[str, Json]

RESULT = "_tool_result"
"""How the types of the blocks end that hold what a tool of Anthropic's own, or of an MCP server, gave."""


def parts(content: Json) -> list[Part]:
    """The parts of a content: one for each block; a bare string is a text."""
    if isinstance(content, str):
        return [TextPart(content)]
    return [_part(block) for block in mappings(content)]


def message(raw: Block) -> Message:
    """One turn. Results of tools are sent as a user's turn; the conventions give them a role of their own."""
    found = parts(raw.get("content"))
    if found and all(isinstance(part, ToolResponsePart) for part in found):
        return Message("tool", found)
    return Message(text(raw.get("role")) or "user", found)


def tools(body: Block) -> list[ToolDefinition]:
    """The tools offered, and the MCP servers that offer more; of those the name alone, for they come with a token."""
    servers = [ToolDefinition(text(raw.get("name")) or "mcp", "mcp") for raw in mappings(body.get("mcp_servers"))]
    return [_tool(raw) for raw in mappings(body.get("tools"))] + servers


def _tool(raw: Block) -> ToolDefinition:
    kind = text(raw.get("type")) or "custom"
    name = text(raw.get("name")) or text(raw.get("mcp_server_name")) or kind
    if kind != "custom":
        return ToolDefinition(name, kind)
    return ToolDefinition(name, description=text(raw.get("description")), parameters=raw.get("input_schema"))


def _part(block: Block) -> Part:
    kind = text(block.get("type")) or ""
    if kind in _READERS:
        return _READERS[kind](block)
    if kind.endswith(RESULT):
        payload = {**_without(block, "tool_use_id"), "type": kind.removesuffix(RESULT)}
        return ServerToolResponsePart(payload, text(block.get("tool_use_id")))
    return _generic(block)


def _generic(block: Block) -> Part:
    return GenericPart(text(block.get("type")) or "", _without(block, "type"))


def _media(block: Block) -> Part:
    source = mapping(block.get("source"))
    match source:
        case {"type": "text", "data": str(content)}:
            return TextPart(content)
        case {"type": "base64", "data": str(content)}:
            return BlobPart(block["type"], content, text(source.get("media_type")))
        case {"type": "file", "file_id": str(content)}:
            return FilePart(block["type"], content)
        case {"type": "url", "url": str(content)}:
            return UriPart(block["type"], content)
        case _:
            return _generic(block)


def _server_call(block: Block) -> Part:
    name = _string(block, "name")
    kind = "mcp" if block["type"] == "mcp_tool_use" else name
    return ServerToolCallPart(name, {**_without(block, "id", "name"), "type": kind}, text(block.get("id")))


def _tool_response(block: Block) -> Part:
    match block.get("content"):
        case [{"type": "text", "text": str(content)}]:
            pass  # the usual wrapping of a plain text
        case content:
            pass
    response = {"is_error": True, "content": content} if block.get("is_error") is True else content
    return ToolResponsePart(response, text(block.get("tool_use_id")))


def _string(block: Block, key: str) -> str:
    return text(block.get(key)) or ""


def _without(block: Block, *keys: str) -> Block:
    return {key: value for key, value in block.items() if key not in keys}


_READERS: dict[str, Callable[[Block], Part]] = {
    "compaction": lambda block: CompactionPart(content=text(block.get("content"))),
    "container_upload": lambda block: FilePart("file", _string(block, "file_id")),
    "document": _media,
    "image": _media,
    "mcp_tool_use": _server_call,
    "server_tool_use": _server_call,
    "text": lambda block: TextPart(_string(block, "text")),
    "thinking": lambda block: ReasoningPart(_string(block, "thinking")),
    "tool_result": _tool_response,
    "tool_use": lambda block: ToolCallPart(_string(block, "name"), text(block.get("id")), block.get("input")),
}
