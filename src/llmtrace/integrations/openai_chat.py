"""Chat completions and the legacy text completions: what was asked, what was answered, and what a stream amounts to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from llmtrace.facts import records as facts
from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import Inference, Json, Message, Part
from llmtrace.facts.shape import decoded, integer, items, mapping, mappings, text
from llmtrace.facts.wire import Event, failure, reader
from llmtrace.integrations.openai_parts import Body, answered, asked, finish, parts, prose, resource

_PIECES = {"content", "refusal", "reasoning_content", "reasoning", "arguments", "input", "data", "transcript"}
"""The fields that a stream sends bit by bit; any other is sent whole, by some providers again and again."""


def request(evidence: Evidence, body: Body) -> Inference:
    """The record of what was asked in messages."""
    record = asked(evidence, body, "chat_completions")
    record.input_messages = [_message(raw, "user") for raw in mappings(body.get("messages"))]
    return record


def _completion(evidence: Evidence, body: Body) -> Inference:
    record = asked(evidence, body)
    prompt = body.get("prompt")
    several = items(prompt) if any(isinstance(one, str | list) for one in items(prompt)) else [prompt]
    for one in filter(None, several):
        ids = facts.GenericPart("token_ids", {"token_ids": one})
        record.input_messages.append(Message("user", parts(one) if isinstance(one, str) else [ids]))
    return record


def _message(raw: Body, role: str) -> Message:
    role = text(raw.get("role")) or role
    thought = text(raw.get("reasoning_content")) or text(raw.get("reasoning"))
    found: list[Part] = [facts.ReasoningPart(thought)] if thought else []
    if role in ("tool", "function"):
        found.append(facts.ToolResponsePart(decoded(raw.get("content")), text(raw.get("tool_call_id"))))
    else:
        found += parts(raw.get("content")) + parts(raw.get("images"))
    if refusal := text(raw.get("refusal")):
        found.append(facts.GenericPart("refusal", {"refusal": refusal}))
    calls = [*mappings(raw.get("tool_calls")), {"function": raw.get("function_call")}]
    found += _audio(mapping(raw.get("audio"))) + [_call(call) for call in calls if call.get("function", call)]
    return Message(role, found, text(raw.get("name")))


def _audio(audio: Body) -> list[Part]:
    """Spoken output, with what was said; in a later request only its id."""
    data, audio_id = text(audio.get("data")), text(audio.get("id"))
    spoken = [resource("audio", f"data:;base64,{data}")] if data else []
    return parts(audio.get("transcript")) + (spoken or ([facts.FilePart("audio", audio_id)] if audio_id else []))


def _call(raw: Body) -> facts.ToolCallPart:
    inner = mapping(raw.get("function")) or mapping(raw.get("custom"))
    arguments = decoded(inner["arguments"]) if "arguments" in inner else inner.get("input")
    return facts.ToolCallPart(text(inner.get("name")) or "", text(raw.get("id")), arguments)


def response(record: Inference, body: Body) -> None:
    """Adds what was answered, by either API."""
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

    rest: Body = field(default_factory=dict)
    message: Body = field(default_factory=dict)
    calls: list[Body] = field(default_factory=list)
    open: dict[int | None, Body] = field(default_factory=dict)

    def grow(self, choice: Body) -> None:
        self.rest |= {key: value for key, value in choice.items() if value and key not in ("delta", "message", "text")}
        delta = mapping(choice.get("delta"))
        for fragment in mappings(delta.get("tool_calls")):
            _grow(self._slot(fragment), fragment)
        _grow(self.message, {"content": choice.get("text"), **delta, "tool_calls": None})

    def _slot(self, fragment: Body) -> Body:
        """Where a fragment of a tool call belongs. Some providers give no index, or all calls the same one."""
        index = integer(fragment.get("index"))
        slot = self.open.get(index)
        named = any(mapping(fragment.get(kind)).get("name") for kind in ("function", "custom"))
        if slot is None or (named and (index is None or slot.get("id") != (fragment.get("id") or slot.get("id")))):
            slot = self.open[index] = {}
            self.calls.append(slot)
        return slot

    def whole(self) -> Body:
        return {**self.rest, "message": _whole(self.message) | {"tool_calls": [_whole(call) for call in self.calls]}}


class _Pieces(list[str]):
    """The bits of one string, joined when the stream is over."""


def _grow(target: Body, fragment: Body) -> None:
    for key, value in fragment.items():
        if key in _PIECES:
            for kind, bit in [(key, value)] if isinstance(value, str) else map(_block, mappings(value)):
                target.setdefault(kind, _Pieces()).append(bit)
        elif isinstance(value, dict):
            target[key] = mapping(target.get(key))
            _grow(target[key], value)
        elif value:
            target[key] = value


def _block(block: Body) -> tuple[str, str]:
    """What a block of a streamed content list adds to which field: that is how Mistral sends thinking."""
    return "reasoning_content" if block.get("type") == "thinking" else "content", prose(block)


def _whole(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    return "".join(value) if isinstance(value, _Pieces) else value


def fold(events: Iterable[Event]) -> tuple[Body, bool]:
    """The answer that a stream's chunks amount to, and whether its end was among them."""
    body: Body = {}
    choices: dict[int, _Choice] = {}
    done = False
    for name, data in events:
        done = done or name == "[DONE]"
        chunk = mapping(data)
        body |= {key: value for key, value in chunk.items() if value}
        for choice in mappings(chunk.get("choices")):
            choices.setdefault(integer(choice.get("index")) or 0, _Choice()).grow(choice)
    body["choices"] = [choices[index].whole() for index in sorted(choices)]
    # Groq and Moonshot have other places for the usage than OpenAI.
    aside = [mapping(body.get("x_groq")), *body["choices"]]
    body.setdefault("usage", next(filter(None, (one.get("usage") for one in aside)), None))
    # Not every provider sends the marker; when each choice has its reason, nothing that matters is missing.
    return body, done or (bool(choices) and all(choice.get("finish_reason") for choice in body["choices"]))


CHAT = Operation("chat", reader(request, response, fold), bears_usage=True)
COMPLETION = Operation("text_completion", reader(_completion, response, fold), bears_usage=True)
