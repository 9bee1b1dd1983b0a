"""Reads LangChain's messages, their content blocks in every dialect it passes on, and the tools that are offered."""

from __future__ import annotations

from collections.abc import Callable

from llmtrace.facts.records import (
    BlobPart,
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
from llmtrace.facts.shape import decoded, items, mapping, mappings, text
from llmtrace.integrations import anthropic_blocks, openai_parts
from llmtrace.integrations.openai_parts import Body

_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "function": "tool"}
"""LangChain's word for who speaks → the conventions'; the rest are the same."""

_SAID_APART = {"tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use", "function_call", "input_json_delta"}
"""Blocks that say again what a message's `tool_calls` say."""


def message(raw: Body) -> Message:
    """One message, of its fields."""
    kind = text(raw.get("type")) or "user"
    role = (text(raw.get("role")) if kind == "chat" else None) or _ROLES.get(kind, kind).removesuffix("MessageChunk")
    if role == "tool":
        answer = raw.get("content")
        found: list[Part] = [ToolResponsePart(decoded(answer), text(raw.get("tool_call_id")))]
        return Message(role, found, text(raw.get("name")))
    thought = text(mapping(raw.get("additional_kwargs")).get("reasoning_content"))
    found = [ReasoningPart(thought)] if thought else []
    found += parts(raw.get("content"))
    found += [_call(call) for call in (*mappings(raw.get("tool_calls")), *mappings(raw.get("invalid_tool_calls")))]
    return Message(role, found, text(raw.get("name")))


def parts(content: Json) -> list[Part]:
    """The parts of a content: a text, or a list of texts and blocks."""
    said = [block for block in items(content) or [content] if block and isinstance(block, str | dict)]
    read = [TextPart(block) if isinstance(block, str) else _block(block) for block in said]
    return [part for part in read if part is not None]


def _call(raw: Body) -> ToolCallPart:
    return ToolCallPart(text(raw.get("name")) or "", text(raw.get("id")), decoded(raw.get("args")))


def _block(block: Body) -> Part | None:
    """One block. Providers' own blocks pass LangChain unchanged, besides those of its own."""
    kind = text(block.get("type")) or next(iter(block), "unknown")
    if kind in _SAID_APART or "toolUse" in block:
        return None
    if kind in _BLOCKS:
        return _BLOCKS[kind](block)
    if kind in _MEDIA:
        return _media(kind, block)
    if isinstance(block.get("source"), dict):
        return anthropic_blocks.parts([block])[0]
    return openai_parts.part({"type": kind, **block})


def _reasoning(block: Body) -> Part:
    said = block.get("reasoning") or block.get("thinking") or mapping(block.get("reasoning_content")).get("text")
    if said is None:  # OpenAI's: a summary, if any
        said = "".join(text(each.get("text")) or "" for each in mappings(block.get("summary")))
    return ReasoningPart(text(said) or "")


def _media(kind: str, block: Body) -> Part:
    """Media in LangChain's own words: as base64, at a URL, or as the id of a file; else in a provider's."""
    mime = text(block.get("mime_type"))
    modality = "document" if kind == "file" else kind
    data = text(block.get("base64")) or (text(block.get("data")) if block.get("source_type") == "base64" else None)
    if data:
        return BlobPart(modality, data, mime)
    if file_id := text(block.get("file_id")) or (text(block.get("id")) if block.get("source_type") == "id" else None):
        return FilePart(modality, file_id, mime)
    if url := text(block.get("url")):
        found = openai_parts.resource(modality, url)
        return UriPart(modality, url, mime) if isinstance(found, UriPart) else found
    if isinstance(block.get("source"), dict):
        return anthropic_blocks.parts([block])[0]
    return openai_parts.part(block)


def _asked(block: Body) -> Part:
    name = text(block.get("name")) or "unknown"
    return ServerToolCallPart(name, {"type": name, "arguments": block.get("args")}, text(block.get("id")))


def _answered(block: Body) -> Part:
    payload = {"type": "server_tool_result", "output": block.get("output"), "status": block.get("status")}
    return ServerToolResponsePart(payload, text(block.get("tool_call_id")))


_MEDIA = ("image", "audio", "video", "file")

_BLOCKS: dict[str, Callable[[Body], Part | None]] = {
    "text": lambda block: TextPart(text(block.get("text")) or ""),
    "text-plain": lambda block: TextPart(text(block.get("text")) or ""),
    "reasoning": _reasoning,
    "thinking": _reasoning,
    "reasoning_content": _reasoning,
    "server_tool_call": _asked,
    "server_tool_result": _answered,
    "non_standard": lambda block: GenericPart("non_standard", mapping(block.get("value"))),
}


def tools(offered: Json) -> list[ToolDefinition]:
    """The tools that a model is offered, each in its provider's words."""
    return [tool for raw in mappings(offered) for tool in _tools(raw)]


def _tools(raw: Body) -> list[ToolDefinition]:
    declared = mappings(raw.get("function_declarations") or raw.get("functionDeclarations"))
    if declared:
        return [_tool(inner) for inner in declared]
    if spec := mapping(raw.get("toolSpec")):
        return [_tool({**spec, "parameters": mapping(spec.get("inputSchema")).get("json")})]
    if "input_schema" in raw:
        return anthropic_blocks.tools({"tools": [raw]})
    return openai_parts.tools({"tools": [raw]})


def _tool(raw: Body) -> ToolDefinition:
    parameters = raw.get("parameters") or raw.get("parameters_json_schema")
    return ToolDefinition(text(raw.get("name")) or "", description=text(raw.get("description")), parameters=parameters)
