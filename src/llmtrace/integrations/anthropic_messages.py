"""Reads what is asked of a Claude model and what it answers: the Messages API, and the text completions before it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from llmtrace.facts.operation import Evidence
from llmtrace.facts.records import CompactionPart, Inference, Json, Message, Usage
from llmtrace.facts.shape import decoded, integer, items, mapping, mappings, number, text
from llmtrace.facts.wire import Event, reader, unpacked
from llmtrace.integrations.anthropic_blocks import message, parts, tools

Body: TypeAlias = dict[str, Json]

FINISH = {
    "end_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
}

GROWS = {
    "compaction_delta": ("compaction", "content", "content"),
    "input_json_delta": ("tool_use", "partial_json", "input"),
    "text_delta": ("text", "text", "text"),
    "thinking_delta": ("thinking", "thinking", "thinking"),
}
"""Type of a delta → the type of its block, where the delta has its piece, and which field of the block it extends."""


def request(evidence: Evidence, body: Body) -> Inference:
    """The record of what was asked, of either API."""
    prompt, output = text(body.get("prompt")), mapping(body.get("output_config"))
    asked_format = mapping(output.get("format") or body.get("output_format"))
    return Inference(
        operation=evidence.start.operation.name,
        request_model=text(body.get("model")),
        # Bedrock's client takes `stream` out of the body and puts it into the URL, as it does with the model.
        stream=True in (body.get("stream"), mapping(evidence.start.request).get("stream")),
        output_type="json" if asked_format.get("type") == "json_schema" else None,
        max_tokens=integer(body.get("max_tokens", body.get("max_tokens_to_sample"))),
        temperature=number(body.get("temperature")),
        top_p=number(body.get("top_p")),
        top_k=integer(body.get("top_k")),
        stop_sequences=[stop for stop in items(body.get("stop_sequences")) if isinstance(stop, str)],
        reasoning_level=text(output.get("effort")) or text(mapping(body.get("thinking")).get("type")),
        previous_response_id=text(mapping(body.get("thread")).get("previous_message_id")),
        request_service_tier=text(body.get("service_tier")),
        system_instructions=parts(body.get("system")),
        input_messages=[message(raw) for raw in mappings(body.get("messages"))]
        + ([] if prompt is None else [Message("user", parts(prompt))]),
        tool_definitions=tools(body),
    )


def response(record: Inference, body: Body) -> None:
    """Adds what was answered, by either API."""
    record.response_id = text(body.get("id"))
    record.response_model = text(body.get("model"))
    record.usage = usage(mapping(body.get("usage")))
    record.response_service_tier = text(mapping(body.get("usage")).get("service_tier"))
    stop = text(body.get("stop_reason"))
    if stop is not None:
        record.finish_reasons = [FINISH.get(stop, stop)]
    elif record.complete is False or record.failure is not None:
        record.finish_reasons = ["error"]
    said = parts(body.get("content", body.get("completion")))
    if said or stop is not None:
        record.output_messages = [Message("assistant", said)]
    record.conversation_compacted = any(isinstance(part, CompactionPart) for part in said)


def usage(raw: Body) -> Usage:
    """The counts. Anthropic's input leaves out cached tokens, and its totals leave out those of a compaction."""
    billed = [raw, *(entry for entry in mappings(raw.get("iterations")) if entry.get("type") == "compaction")]
    fresh, read = _total(billed, "input_tokens"), _total(billed, "cache_read_input_tokens")
    write = _total(billed, "cache_creation_input_tokens")
    kept = [mapping(entry.get("cache_creation")) for entry in billed]
    tool_use = mapping(raw.get("server_tool_use"))
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (write or 0),
        output_tokens=_total(billed, "output_tokens"),
        cache_read=read,
        cache_write=write,
        cache_write_1h=_total(kept, "ephemeral_1h_input_tokens"),
        reasoning=integer(mapping(raw.get("output_tokens_details")).get("thinking_tokens")),
        units={key.removesuffix("_requests"): count for key, value in tool_use.items() if (count := integer(value))},
    )


def _total(entries: list[Body], key: str) -> int | None:
    counts = [count for entry in entries if (count := integer(entry.get(key))) is not None and count >= 0]
    return sum(counts) if counts else None


def fold(events: Iterable[Event]) -> tuple[Body, bool]:
    """The message that a stream's events amount to, and whether its end was among them: of a completion, its reason."""
    body: Body = {}
    counts: Body = {}
    blocks: dict[int, Body] = {}
    grown: dict[tuple[int, str], list[str]] = {}
    complete = False
    for event in unpacked(events):
        data = mapping(event.data)
        kind = data.get("type")
        if kind in ("message_start", "message_delta"):
            news = mapping(data.get("message", data.get("delta")))
            body |= _sent(news)
            counts |= _sent(news.get("usage")) | _sent(data.get("usage"))
        elif kind == "content_block_start":
            blocks[integer(data.get("index")) or 0] = dict(mapping(data.get("content_block")))
        elif kind == "content_block_delta":
            _grow(blocks, grown, data)
        elif kind == "completion":
            body |= _sent(data)
            _grow(blocks, grown, {"delta": {"type": "text_delta", "text": data.get("completion")}})
        elif kind == "error":
            body["error"] = data.get("error")
        complete |= kind == "message_stop" or (kind == "completion" and "stop_reason" in body)
    for (index, key), pieces in grown.items():
        whole = "".join(pieces)
        blocks[index][key] = decoded(whole) if key == "input" else (text(blocks[index].get(key)) or "") + whole
    return body | {"usage": counts, "content": [blocks[index] for index in sorted(blocks)]}, complete


def _sent(fields: Json) -> Body:
    """Those of the fields that are not null: a later event's null says "no news"."""
    return {key: value for key, value in mapping(fields).items() if value is not None}


def _grow(blocks: dict[int, Body], grown: dict[tuple[int, str], list[str]], data: Body) -> None:
    """Keeps a delta's piece for its block, which is made up where its start was left out with the stream's middle."""
    delta, index = mapping(data.get("delta")), integer(data.get("index")) or 0
    kind, source, key = GROWS.get(text(delta.get("type")) or "", ("", "", ""))
    if piece := text(delta.get(source)):
        blocks.setdefault(index, {"type": kind})
        grown.setdefault((index, key), []).append(piece)


read = reader(request, response, fold)
