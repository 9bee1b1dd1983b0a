"""Reads the steps of an interaction: those of the app and the model's, whole, or grown out of a stream's deltas."""

from __future__ import annotations

from collections.abc import Iterable

from llmtrace.facts import records as facts
from llmtrace.facts.records import Json, Message, Part
from llmtrace.facts.shape import decoded, integer, items, mapping, mappings, text
from llmtrace.facts.wire import Event
from llmtrace.integrations.google_genai_parts import Body

_MEDIA = ("image", "audio", "video", "document")
_TURNS = {"user_input": "user", "model_output": "assistant", "function_result": "tool"}
_CONTENT = ("text", *_MEDIA)
_ENDS = ("interaction.completed", "interaction.failed", "interaction.cancelled", "interaction.incomplete")


def messages(value: Json, speaker: str = "user") -> list[Message]:
    """Steps, turns or contents as messages; what one side did in a row is one message."""
    found: list[Message] = []
    for raw in items(value) or [value]:
        one = raw if isinstance(raw, dict) else {"type": "text", "text": raw}
        role, said = _role(one, speaker), blocks(one)
        if said and found and found[-1].role == role:
            found[-1].parts += said
        elif said:
            found.append(Message(role, said))
    return found


def _role(raw: Body, speaker: str) -> str:
    if given := text(raw.get("role")):
        return {"model": "assistant"}.get(given, given)
    kind = text(raw.get("type")) or "text"
    return speaker if kind in _CONTENT else _TURNS.get(kind, "assistant")


def blocks(raw: Body) -> list[Part]:
    """The parts of a step, a turn or a content."""
    kind = text(raw.get("type")) or ""
    if kind in ("user_input", "model_output") or (not kind and "content" in raw):
        inner = raw.get("content")
        return [part for one in items(inner) or [inner] for part in blocks(_content(one))]
    if kind == "thought":
        said = [text(one.get("text")) or "" for one in mappings(raw.get("summary"))]
        return [facts.ReasoningPart("".join(said))] if any(said) else []
    if kind == "text":
        return [facts.TextPart(raw["text"])] if text(raw.get("text")) else []
    return [_block(kind, raw)] if kind else []


def _content(raw: Json) -> Body:
    return raw if isinstance(raw, dict) else {"type": "text", "text": raw}


def _block(kind: str, raw: Body) -> Part:
    name, said = text(raw.get("name")), {key: value for key, value in raw.items() if key != "signature"}
    if kind == "function_call":
        return facts.ToolCallPart(name or "", text(raw.get("id")), decoded(raw.get("arguments")))
    if kind == "function_result":
        return facts.ToolResponsePart(raw.get("result"), text(raw.get("call_id")))
    tool, _, side = kind.rpartition("_")
    if side == "call":
        return facts.ServerToolCallPart(name or tool, {**said, "type": tool}, text(raw.get("id")))
    if side == "result":
        return facts.ServerToolResponsePart({**said, "type": tool}, text(raw.get("call_id")))
    return (_media(kind, raw) if kind in _MEDIA else None) or facts.GenericPart(kind, said)


def _media(kind: str, raw: Body) -> Part | None:
    mime, uri = text(raw.get("mime_type")), text(raw.get("uri"))
    if (data := text(raw.get("data"))) is not None:
        return facts.BlobPart(kind, data, mime)
    return None if uri is None else facts.UriPart(kind, uri, mime)


def fold(events: Iterable[Event]) -> tuple[Body, bool]:
    """The interaction that a stream's events amount to, and whether its end was among them."""
    body: Body = {}
    steps: dict[int, Body] = {}
    complete = False
    for event in events:
        data = mapping(event.data)
        kind = text(data.get("event_type")) or event.name
        body |= {key: value for key, value in mapping(data.get("interaction")).items() if value is not None}
        index = integer(data.get("index")) or 0
        if kind == "step.start":
            steps[index] = dict(mapping(data.get("step")))
        elif kind == "step.delta":
            _grow(steps.setdefault(index, {}), mapping(data.get("delta")))
        elif kind == "error":
            body["error"] = data.get("error")
        elif kind == "interaction.status_update" and data.get("status"):
            body["status"] = data["status"]
        complete |= kind in _ENDS
    for step in steps.values():
        _joined(step)
    return ({**body, "steps": [steps[index] for index in sorted(steps)]} if steps else body), complete


def _grow(step: Body, delta: Body) -> None:
    """Adds a delta to its step: a piece of text, of arguments or of a summary, or a block of its own."""
    kind = text(delta.get("type")) or ""
    if kind == "arguments_delta":
        step.setdefault("type", "function_call")
        _list(step, "arguments").append(delta.get("arguments"))
    elif kind == "thought_summary":
        step.setdefault("type", "thought")
        _list(step, "summary").append(delta.get("content"))
    elif kind.endswith(("_call", "_result")):
        step |= delta
    elif kind in _CONTENT:
        step.setdefault("type", "model_output")
        _extend(step, delta)


def _list(step: Body, field: str) -> list[Json]:
    """What a step's field holds, which a hostile start may have made no list."""
    held = step.get(field)
    if not isinstance(held, list):
        held = step[field] = []
    return held


def _extend(step: Body, delta: Body) -> None:
    content = _list(step, "content")
    last = content[-1] if content else None
    if isinstance(last, dict) and delta.get("type") == "text" == last.get("type"):
        last.setdefault("pieces", [last.get("text")]).append(delta.get("text"))
    else:
        content.append(dict(delta))


def _joined(step: Body) -> None:
    """Makes one text of the pieces that came, in a step's contents and in its arguments."""
    if isinstance(step.get("arguments"), list):
        step["arguments"] = "".join(piece for piece in step["arguments"] if isinstance(piece, str))
    for content in mappings(step.get("content")):
        if "pieces" in content:
            content["text"] = "".join(piece for piece in content.pop("pieces") if isinstance(piece, str))
