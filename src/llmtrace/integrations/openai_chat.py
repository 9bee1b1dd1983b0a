"""Chat completions and the legacy text completions: what was asked, what was answered, and what a stream amounts to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import (
    FilePart,
    GenericPart,
    Inference,
    Json,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResponsePart,
)
from llmtrace.facts.shape import decoded, integer, items, mapping, mappings, text
from llmtrace.facts.wire import Event, failure, reader
from llmtrace.integrations.openai_parts import answered, asked, finish, parts, prose, resource

_PIECES = {"content", "refusal", "reasoning_content", "reasoning", "arguments", "input", "data", "transcript"}
"""The fields that a stream sends bit by bit; any other is sent whole, by some providers again and again."""


def _chat(evidence: Evidence, body: dict[str, Json]) -> Inference:
    record = asked(evidence, body, "chat_completions")
    record.input_messages = [_message(raw, "user") for raw in mappings(body.get("messages"))]
    return record


def _completion(evidence: Evidence, body: dict[str, Json]) -> Inference:
    record = asked(evidence, body)
    prompt = body.get("prompt")
    ids = bool(items(prompt)) and isinstance(items(prompt)[0], int)
    for one in items(prompt) if items(prompt) and not ids else [prompt]:
        said: Part = TextPart(one) if isinstance(one, str) else GenericPart("token_ids", {"token_ids": one})
        record.input_messages.append(Message("user", [said]))
    return record


def _message(raw: dict[str, Json], role: str) -> Message:
    role = text(raw.get("role")) or role
    thought = text(raw.get("reasoning_content")) or text(raw.get("reasoning"))
    found: list[Part] = [ReasoningPart(thought)] if thought else []
    if role in ("tool", "function"):
        found.append(ToolResponsePart(decoded(raw.get("content")), text(raw.get("tool_call_id"))))
    else:
        found += parts(raw.get("content")) + parts(raw.get("images"))
    if refusal := text(raw.get("refusal")):
        found.append(GenericPart("refusal", {"refusal": refusal}))
    found += _audio(mapping(raw.get("audio")))
    calls = mappings(raw.get("tool_calls"))
    if legacy := mapping(raw.get("function_call")):
        calls.append({"function": legacy})
    return Message(role, found + [_call(call) for call in calls], text(raw.get("name")))


def _audio(audio: dict[str, Json]) -> list[Part]:
    """Spoken output, with what was said; in a later request only its id."""
    said: list[Part] = [TextPart(prose(audio.get("transcript")))] if audio.get("transcript") else []
    if data := text(audio.get("data")):
        return [*said, resource("audio", f"data:;base64,{data}")]
    audio_id = text(audio.get("id"))
    return [*said, FilePart("audio", audio_id)] if audio_id else said


def _call(raw: dict[str, Json]) -> ToolCallPart:
    inner = mapping(raw.get("function")) or mapping(raw.get("custom"))
    arguments = decoded(inner["arguments"]) if "arguments" in inner else inner.get("input")
    return ToolCallPart(text(inner.get("name")) or "", text(raw.get("id")), arguments)


def _answer(record: Inference, body: dict[str, Json]) -> None:
    answered(record, body)
    choices = sorted(mappings(body.get("choices")), key=lambda choice: integer(choice.get("index")) or 0)
    for choice in choices:
        raw = mapping(choice.get("message")) or {"content": choice.get("text")}
        record.output_messages.append(_message(raw, "assistant"))
        record.failure = record.failure or failure(choice, None)  # OpenRouter's place for an upstream's error
    record.finish_reasons = finish(record, [text(choice.get("finish_reason")) for choice in choices])


@dataclass(slots=True)
class _Choice:
    """One choice of a stream as it grows; `open` holds, by index, the tool call that the next fragment goes on with."""

    reason: Json = None
    message: dict[str, Json] = field(default_factory=dict)
    calls: list[dict[str, Json]] = field(default_factory=list)
    open: dict[int | None, dict[str, Json]] = field(default_factory=dict)

    def grow(self, choice: dict[str, Json]) -> None:
        self.reason = choice.get("finish_reason") or self.reason
        delta = mapping(choice.get("delta"))
        for fragment in mappings(delta.get("tool_calls")):
            _grow(self._slot(fragment), fragment)
        _grow(self.message, {"content": choice.get("text"), **delta, "tool_calls": None})

    def _slot(self, fragment: dict[str, Json]) -> dict[str, Json]:
        """Where a fragment of a tool call belongs. Some providers give no index, or all calls the same one."""
        index = integer(fragment.get("index"))
        slot = self.open.get(index)
        begins = any(mapping(fragment.get(kind)).get("name") for kind in ("function", "custom"))
        other = index is None or slot is None or (fragment.get("id") or slot.get("id")) != slot.get("id")
        if slot is None or (begins and other):
            slot = self.open[index] = {}
            self.calls.append(slot)
        return slot

    def whole(self, index: int) -> dict[str, Json]:
        message = {**_whole(self.message), "tool_calls": [_whole(call) for call in self.calls]}
        return {"index": index, "finish_reason": self.reason, "message": message}


class _Pieces(list[str]):
    """The bits of one string, joined when the stream is over."""


def _grow(target: dict[str, Json], fragment: dict[str, Json]) -> None:
    for key, value in fragment.items():
        if key in _PIECES:
            for kind, bit in [(key, value)] if isinstance(value, str) else map(_block, mappings(value)):
                target.setdefault(kind, _Pieces()).append(bit)
        elif isinstance(value, dict):
            inner = target.get(key)
            target[key] = inner if isinstance(inner, dict) else {}
            _grow(target[key], value)
        elif value:
            target[key] = value


def _block(block: dict[str, Json]) -> tuple[str, str]:
    """What a block of a streamed content list adds to which field: that is how Mistral sends thinking."""
    return "reasoning_content" if block.get("type") == "thinking" else "content", prose(block)


def _whole(grown: dict[str, Json]) -> dict[str, Json]:
    joined = {key: "".join(value) if isinstance(value, _Pieces) else value for key, value in grown.items()}
    return {key: _whole(value) if isinstance(value, dict) else value for key, value in joined.items()}


def _fold(events: Iterable[Event]) -> tuple[dict[str, Json], bool]:
    body: dict[str, Json] = {}
    choices: dict[int, _Choice] = {}
    done = False
    for name, data in events:
        done = done or name == "[DONE]"
        chunk = mapping(data)
        body.update({key: value for key, value in chunk.items() if value})
        for choice in mappings(chunk.get("choices")):
            choices.setdefault(integer(choice.get("index")) or 0, _Choice()).grow(choice)
            body["usage"] = body.get("usage") or choice.get("usage")  # Moonshot's place for it
    body["usage"] = body.get("usage") or mapping(body.get("x_groq")).get("usage")
    body["choices"] = [choices[index].whole(index) for index in sorted(choices)]
    # Not every provider sends the marker; when each choice has its reason, nothing that matters is missing.
    return body, done or (bool(choices) and all(choice.reason for choice in choices.values()))


CHAT = Operation("chat", reader(_chat, _answer, _fold), bears_usage=True)
COMPLETION = Operation("text_completion", reader(_completion, _answer, _fold), bears_usage=True)
