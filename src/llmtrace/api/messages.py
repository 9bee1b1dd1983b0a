"""Messages, documents, tools and usage as an app writes them by hand: texts, mappings, or the records themselves."""

from __future__ import annotations

from typing import Any

from llmtrace.facts.records import (
    Document,
    GenericPart,
    Json,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    ToolResponsePart,
    Usage,
)
from llmtrace.facts.shape import decoded, integer, items, mapping, mappings, number, text


def messages(given: Any, role: str) -> list[Message]:
    """Messages out of one text, one message, or a list of them; a text alone is said by `role`."""
    if given is None:
        return []
    return [message(one, role) for one in (given if isinstance(given, list) else [given])]


def message(given: Any, role: str) -> Message:
    """One message: a `Message`, a text, or a mapping with `role` and `content` as the vendors' APIs have it."""
    if isinstance(given, Message):
        return given
    if not isinstance(given, dict):
        return Message(role, [TextPart(given if isinstance(given, str) else str(given))])
    said = text(given.get("role")) or role
    if said == "tool" or "tool_call_id" in given:
        return Message(said, [ToolResponsePart(decoded(given.get("content")), text(given.get("tool_call_id")))])
    calls = [_tool_call(call) for call in mappings(given.get("tool_calls"))]
    return Message(said, [*parts(given.get("content")), *calls], text(given.get("name")))


def parts(content: Any) -> list[Part]:
    """The parts of a message's content: a text, or a list of texts and mappings with a `type`."""
    if content is None:
        return []
    if isinstance(content, str):
        return [TextPart(content)]
    return [_part(one) for one in (content if isinstance(content, list) else [content])]


def _part(given: Any) -> Part:
    if isinstance(given, Part):
        return given
    if isinstance(given, str):
        return TextPart(given)
    fields_ = mapping(given)
    kind, said = text(fields_.get("type")), text(fields_.get("text")) or text(fields_.get("content"))
    if kind == "text" and said is not None:
        return TextPart(said)
    if kind in ("reasoning", "thinking") and said is not None:
        return ReasoningPart(said)
    return GenericPart(kind or "unknown", fields_)


def _tool_call(call: dict[str, Json]) -> ToolCallPart:
    function = mapping(call.get("function")) or call
    return ToolCallPart(text(function.get("name")) or "", text(call.get("id")), decoded(function.get("arguments")))


def documents(given: Any) -> list[Document]:
    """Documents as frameworks and apps spell them."""
    return [document(one) for one in items(given)]


def document(given: Any) -> Document:
    """A document: a `Document`, a text, a mapping, or a pair of one of these and its score."""
    if isinstance(given, Document):
        return given
    if isinstance(given, list) and len(given) == 2 and number(given[1]) is not None:  # noqa: PLR2004 - a pair
        scored = document(given[0])
        scored.score = number(given[1])
        return scored
    if isinstance(given, str):
        return Document(text=given)
    found = mapping(given)
    name = found.get("id")
    content = next((found[key] for key in ("text", "page_content", "content", "document") if key in found), None)
    return Document(
        id=None if name is None else str(name),
        score=number(found.get("score")),
        text=text(content),
        metadata=mapping(found.get("metadata")) or None,
    )


def tool_definitions(given: Any) -> list[ToolDefinition]:
    """Tools as they are offered to a model: a name, a mapping, or a mapping as OpenAI's API has it."""
    return [_definition(one) for one in items(given)]


def _definition(given: Any) -> ToolDefinition:
    if isinstance(given, ToolDefinition):
        return given
    if isinstance(given, str):
        return ToolDefinition(given)
    found = mapping(given)
    function = mapping(found.get("function")) or found
    parameters = function.get("parameters", function.get("input_schema"))
    return ToolDefinition(
        text(function.get("name")) or "",
        text(found.get("type")) or "function",
        text(function.get("description")),
        parameters,
    )


def usage(given: dict[str, Any]) -> Usage:
    """The counts that were told; what is no whole number is left out."""
    told = Usage()
    for name in ("input_tokens", "output_tokens", "cache_read", "cache_write", "reasoning"):
        setattr(told, name, integer(given.get(name)))
    return told
