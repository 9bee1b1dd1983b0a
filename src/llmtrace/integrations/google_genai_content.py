"""Reads what is asked of a model by `generateContent` and what it answers, whole or streamed."""

from __future__ import annotations

from collections.abc import Iterable

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import Inference, Json, Message
from llmtrace.facts.shape import integer, items, mapping, mappings, number, text
from llmtrace.facts.wire import Event, reader
from llmtrace.integrations import google_genai_parts as google
from llmtrace.integrations.google_genai_parts import Body

_NUMBERED = (
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
)
"""By their number, which older clients ask for in place of the name."""

FINISH = {
    "BLOCKLIST": "content_filter",
    "FINISH_REASON_UNSPECIFIED": "error",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "MAX_TOKENS": "length",
    "OTHER": "error",
    "PROHIBITED_CONTENT": "content_filter",
    "RECITATION": "content_filter",
    "SAFETY": "content_filter",
    "SPII": "content_filter",
    "STOP": "stop",
}

_OUTPUT_TYPES = {"AUDIO": "speech", "IMAGE": "image", "VIDEO": "video"}


def request(evidence: Evidence, body: Body) -> Inference:
    """The record of what was asked."""
    config = mapping(body.get("generationConfig"))
    thinking = mapping(config.get("thinkingConfig"))
    level = text(thinking.get("thinkingLevel"))
    return Inference(
        operation=evidence.start.operation.name,
        stream=evidence.start.operation is STREAM,
        output_type=_output_type(config),
        choice_count=integer(config.get("candidateCount")),
        seed=integer(config.get("seed")),
        max_tokens=integer(config.get("maxOutputTokens")),
        temperature=number(config.get("temperature")),
        top_p=number(config.get("topP")),
        top_k=integer(config.get("topK")),
        frequency_penalty=number(config.get("frequencyPenalty")),
        presence_penalty=number(config.get("presencePenalty")),
        stop_sequences=[stop for stop in items(config.get("stopSequences")) if isinstance(stop, str)],
        reasoning_level=level and level.lower(),
        request_service_tier=text(body.get("serviceTier")),
        system_instructions=[part for said in google.contents(body.get("systemInstruction")) for part in said.parts],
        input_messages=google.contents(body.get("contents")),
        tool_definitions=google.tools(body.get("tools")),
    )


def _output_type(config: Body) -> str | None:
    asked = [kind.upper() for kind in items(config.get("responseModalities")) if isinstance(kind, str)]
    other = next((_OUTPUT_TYPES[kind] for kind in asked if kind in _OUTPUT_TYPES), None)
    return other or ("json" if config.get("responseMimeType") == "application/json" else None)


def response(record: Inference, body: Body) -> None:
    """Adds what was answered."""
    spent = mapping(body.get("usageMetadata"))
    record.response_id = text(body.get("responseId"))
    record.response_model = google.short(text(body.get("modelVersion")))
    record.usage = google.usage(spent)
    record.response_service_tier = text(spent.get("serviceTier"))
    candidates = mappings(body.get("candidates"))
    record.output_messages = [_said(candidate) for candidate in candidates]
    record.finish_reasons = [_finish(candidate.get("finishReason")) for candidate in candidates]
    due = record.complete is False or record.failure is not None
    if not due and not any(candidate.get("finishReason") for candidate in candidates):
        record.finish_reasons = ["content_filter"] if mapping(body.get("promptFeedback")).get("blockReason") else []


def _said(candidate: Body) -> Message:
    said = google.content({"role": "model", **mapping(candidate.get("content"))})
    said.parts += google.grounded(mapping(candidate.get("groundingMetadata")))
    return said


def _finish(reason: Json) -> str:
    numbered = integer(reason)
    if numbered is not None and 0 <= numbered < len(_NUMBERED):
        reason = _NUMBERED[numbered]
    return FINISH.get(reason, reason) if isinstance(reason, str) else "error"


def fold(events: Iterable[Event]) -> tuple[Body, bool]:
    """The answer that a stream's pieces amount to, and whether its end was among them. Their counts are totals."""
    body: Body = {}
    candidates: dict[int, Body] = {}
    pieces: dict[int, list[Body]] = {}
    for event in events:
        data = mapping(event.data)
        body |= {**data, "usageMetadata": mapping(body.get("usageMetadata")) | mapping(data.get("usageMetadata"))}
        for candidate in mappings(data.get("candidates")):
            index = integer(candidate.get("index")) or 0
            candidates[index] = candidates.get(index, {}) | candidate
            pieces.setdefault(index, []).extend(mappings(mapping(candidate.get("content")).get("parts")))
    for index, said in pieces.items():
        candidates[index]["content"] = {"parts": google.merged(said)}
    blocked = mapping(body.get("promptFeedback")).get("blockReason")
    ended = bool(candidates) and all(candidate.get("finishReason") for candidate in candidates.values())
    return body | {"candidates": [candidates[index] for index in sorted(candidates)]}, ended or bool(blocked)


read = reader(request, response, fold)

GENERATE = Operation("generate_content", read, bears_usage=True)
STREAM = Operation("generate_content", read, bears_usage=True)
