"""Lays out what went to a model and what came back as a chat to read; the shapes are looked at, never relied on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from llmtrace.exporters.figures import one_line, plain
from llmtrace.facts.records import Json
from llmtrace.facts.shape import items, mapping, text

_ROLES = {"system": "yellow", "user": "green", "assistant": "cyan", "tool": "magenta"}
_ATTACHMENTS = ("blob", "file", "uri")
_INDENT = (0, 0, 0, 2)


def messages(listed: list[Json]) -> Iterator[RenderableType]:
    """Messages, each under its role; what has none (an instruction) is a part by itself."""
    for message in listed:
        role = text(mapping(message).get("role"))
        if role is None:
            yield part(message)
            continue
        yield Text(one_line(role), f"bold {_ROLES.get(role, 'white')}")
        for piece in items(message.get("parts")):
            yield part(piece)


def tools(listed: list[Json]) -> Iterator[RenderableType]:
    """The tools that the model was offered, one a line."""
    for tool in map(mapping, listed):
        line = Text(one_line(str(tool.get("name", "?"))), "bold")
        if description := text(tool.get("description")):
            line.append(f"  {one_line(description)}", "dim")
        yield Padding(line, _INDENT, expand=False)


def documents(listed: list[Json]) -> Iterator[RenderableType]:
    """The documents that a retrieval gave, each with its score."""
    for document in map(mapping, listed):
        head = Text(one_line(str(document.get("id", "?"))), "bold")
        if "score" in document:
            head.append(f"  score {one_line(str(document['score']))}", "dim")
        yield Padding(head, _INDENT, expand=False)
        if (content := document.get("content")) is not None:
            yield verbatim(content)


def laid_out(value: Json, reader: Callable[[list[Json]], Iterator[RenderableType]]) -> list[RenderableType]:
    """An attribute that should hold a list, as `reader` reads it; as it is, where it holds something else."""
    try:
        # Unlike the wire's reader this takes lone surrogates, which stored text may have.
        found = json.loads(value) if isinstance(value, str) else value
        return list(reader(found)) if isinstance(found, list) else [verbatim(value)]
    except (ValueError, RecursionError):
        return [verbatim(value)]


def part(piece: Json) -> RenderableType:
    """One part of a message."""
    found = mapping(piece)
    kind = text(found.get("type")) or ""
    if kind in ("text", "reasoning") and isinstance(found.get("content"), str):
        return verbatim(found["content"], "italic dim" if kind == "reasoning" else "")
    if kind == "tool_call":
        return _arrow("→", found.get("name"), found.get("arguments"))
    if kind == "tool_call_response":
        return _arrow("←", found.get("id") or "result", found.get("response"))
    if kind in _ATTACHMENTS:
        what = (
            found.get("uri") or found.get("file_id") or f"{len(str(found.get('content', ''))):,} characters of base64"
        )
        about = " ".join(str(word) for word in (found.get("modality"), found.get("mime_type"), what) if word)
        return Padding(Text(f"[{one_line(about)}]", "dim"), _INDENT, expand=False)
    return verbatim(piece)


def verbatim(value: Json, style: str = "") -> RenderableType:
    """A value as it is, indented: text as text, JSON text and everything else as readable JSON."""
    return Padding(Text(plain(_readable(value)), style), _INDENT, expand=False)


def _readable(value: Json) -> str:
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, indent=2)
    if value[:1] not in ("{", "["):
        return value
    try:
        return json.dumps(json.loads(value), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return value


def _arrow(sign: str, name: Json, value: Json) -> RenderableType:
    head = Text(f"{sign} {one_line(str(name))}", "bold yellow")
    compact = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Padding(Text.assemble(head, "  ", plain(compact)), _INDENT, expand=False)
