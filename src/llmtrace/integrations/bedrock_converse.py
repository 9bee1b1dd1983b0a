"""Reads Converse and its stream, and the models that are invoked in the same words: what was asked and answered."""

from __future__ import annotations

from collections.abc import Iterable

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import GenericPart, Inference, Message
from llmtrace.facts.shape import decoded, integer, items, mapping, mappings, number, text
from llmtrace.facts.wire import Event
from llmtrace.integrations.bedrock import Body, asked, reading, usage
from llmtrace.integrations.bedrock_blocks import message, parts, tools

FINISH = {
    "content_filtered": "content_filter",
    "end_turn": "stop",
    "guardrail_intervened": "content_filter",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
}


def request(evidence: Evidence, body: Body) -> Inference:
    """The record of what was asked."""
    config, more = mapping(body.get("inferenceConfig")), mapping(body.get("additionalModelRequestFields"))
    thinking = mapping(more.get("thinking", more.get("reasoning_config", more.get("reasoningConfig"))))
    form = mapping(mapping(body.get("outputConfig")).get("textFormat"))
    top_k = config.get("topK", more.get("top_k", mapping(more.get("inferenceConfig")).get("topK")))
    return Inference(
        operation=evidence.start.operation.name,
        output_type="json" if form.get("type") == "json_schema" else None,
        # Nova's own protocol has other spellings of the same.
        max_tokens=integer(config.get("maxTokens", config.get("max_new_tokens"))),
        temperature=number(config.get("temperature")),
        top_p=number(config.get("topP", config.get("top_p"))),
        top_k=integer(top_k),
        stop_sequences=[mark for mark in items(config.get("stopSequences")) if isinstance(mark, str)],
        reasoning_level=text(thinking.get("maxReasoningEffort")) or text(thinking.get("type")),
        request_service_tier=text(mapping(body.get("serviceTier")).get("type")),
        guardrail_id=text(mapping(body.get("guardrailConfig")).get("guardrailIdentifier"))
        or asked(evidence, "guardrailIdentifier"),
        system_instructions=parts(body.get("system")),
        input_messages=[message(raw) for raw in mappings(body.get("messages"))],
        tool_definitions=tools(body.get("toolConfig")),
    )


def _streamed(evidence: Evidence, body: Body) -> Inference:
    record = request(evidence, body)
    record.stream = True
    return record


def response(record: Inference, body: Body) -> None:
    """Adds what was answered."""
    record.usage = usage(mapping(body.get("usage")))
    record.response_service_tier = text(mapping(body.get("serviceTier")).get("type"))
    record.response_model = text(mapping(mapping(body.get("trace")).get("promptRouter")).get("invokedModelId"))
    stop = text(body.get("stopReason"))
    if stop is not None:
        record.finish_reasons = [FINISH.get(stop, stop)]
    elif record.complete is False or record.failure is not None:
        record.finish_reasons = ["error"]
    said = mapping(mapping(body.get("output")).get("message"))
    found = parts(said.get("content"))
    if trace := mapping(mapping(body.get("trace")).get("guardrail")):
        found.append(GenericPart("guardrail_trace", trace))
    if found or stop is not None:
        record.output_messages = [Message(text(said.get("role")) or "assistant", found)]


def fold(events: Iterable[Event]) -> tuple[Body, bool]:
    """The answer that a stream's events amount to, and whether its end was among them."""
    body: Body = {}
    said: Body = {}
    blocks: dict[int, Body] = {}
    grown: dict[tuple[int, str], list[str]] = {}
    complete = False
    for event in events:
        data = mapping(event.data)
        index = integer(data.get("contentBlockIndex")) or 0
        if event.name == "messageStart":
            said["role"] = data.get("role")
        elif event.name == "contentBlockStart":
            blocks[index] = dict(mapping(data.get("start")))
        elif event.name == "contentBlockDelta":
            _grow(blocks, grown, index, mapping(data.get("delta")))
        elif event.name in ("messageStop", "metadata"):
            body |= data
            complete |= event.name == "messageStop"
        elif event.name == "error":
            body["error"] = data.get("error")
    for (index, kind), pieces in grown.items():
        blocks[index] = _whole(kind, "".join(pieces), blocks[index])
    said["content"] = [blocks[index] for index in sorted(blocks)]
    return body | {"output": {"message": said}}, complete


def _grow(blocks: dict[int, Body], grown: dict[tuple[int, str], list[str]], index: int, delta: Body) -> None:
    """Keeps a delta's piece for its block; one that comes whole is the block, or is in no part of it."""
    block = blocks.setdefault(index, {})
    pieces = {
        "text": text(delta.get("text")),
        "toolUse": text(mapping(delta.get("toolUse")).get("input")),
        "reasoningContent": text(mapping(delta.get("reasoningContent")).get("text")),
    }
    found = next(((kind, piece) for kind, piece in pieces.items() if piece is not None), None)
    if found is not None:
        grown.setdefault((index, found[0]), []).append(found[1])
    elif not block:
        block |= delta


def _whole(kind: str, grown: str, block: Body) -> Body:
    """The block of that kind, with all of its pieces."""
    if kind == "toolUse":
        return {kind: {**mapping(block.get(kind)), "input": decoded(grown)}}
    return {kind: {"reasoningText": {"text": grown}}} if kind == "reasoningContent" else {kind: grown}


CONVERSE = Operation("chat", reading(request, response, fold), bears_usage=True)
CONVERSE_STREAM = Operation("chat", reading(_streamed, response, fold), bears_usage=True)
