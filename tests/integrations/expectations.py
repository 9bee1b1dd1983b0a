"""Compares a record or a span with what a recording says the provider itself reported, in the conventions' terms."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from llmtrace.facts.records import (
    Embedding,
    Failure,
    GenericPart,
    Inference,
    Json,
    Message,
    ReasoningPart,
    Record,
    TextPart,
    ToolCallPart,
    Usage,
)
from llmtrace.testing.captured import decoded
from tests.recordings import Exchange

REASONS = {
    None: "error",  # due, and never came
    1: "stop",
    2: "length",
    "COMPLETE": "stop",
    "FINISH": "stop",
    "LENGTH": "length",
    "MAX_TOKENS": "length",
    "STOP": "stop",
    "end_turn": "stop",
    "function_call": "tool_calls",
    "guardrail_intervened": "content_filter",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
}
"""Providers' words for why they stopped → the one documented vocabulary; any other word stands for itself."""


def check(record: Record, exchange: Exchange) -> None:
    """Every fact of the exchange's `expected` block is in the record, and no other value in its place."""
    expected = exchange.expected
    _check_failure(record, expected)
    assert record.complete == (expected["stream"] and expected["stream"]["complete"])
    if isinstance(record, Embedding):
        _check_embedding(record, expected)
    if isinstance(record, Inference):
        if record.operation != "fetch_response" or not expected["is_error"]:  # which else has the id that was asked for
            assert record.response_id == expected["response_id"]
        reasons = _reasons(record, exchange)
        # Where an answer failed or broke off before any choice came, `semconv` adds the reason that was due.
        assert record.finish_reasons == reasons or (not reasons and record.finish_reasons == ["error"])
        if record.complete is not False:  # what a stream's first event says of the tier is what was asked for
            raw = (expected["usage"] or {}).get("raw") or {}
            tier = raw.get("service_tier", raw.get("serviceTier"))  # Anthropic's and Google's place for it
            if exchange.api != "google_genai.interactions":  # which has another one, that is not in the block
                assert record.response_service_tier == expected["extra"].get("service_tier", tier)
        assert record.system_fingerprint == expected["extra"].get("system_fingerprint")
        _check_output(record, exchange)
    if isinstance(record, Inference | Embedding):
        assert record.response_model == expected["response_model"]
    if (
        isinstance(record, Inference | Embedding) and record.operation != "fetch_response"
    ):  # what it took was said before
        _check_usage(record, exchange)


def _check_failure(record: Record, expected: dict[str, Any]) -> None:
    if not expected["is_error"]:
        assert record.failure is None
        return
    said = expected["error"]
    assert record.failure is not None
    assert record.failure.type == str(said["code"] or said["type"] or expected["http_status"])
    assert record.failure.message == said["message"]


def _reasons(record: Inference, exchange: Exchange) -> list[str]:
    expected = exchange.expected
    status = expected["extra"].get("status")
    if expected["is_error"] or record.complete is False:
        status = None
    if status == "completed":
        return ["tool_calls" if any(call["type"] == "function" for call in expected["tool_calls"]) else "stop"]
    if status == "incomplete":
        reason = expected["extra"].get("incomplete_reason", "max_output_tokens")
        return ["length" if reason == "max_output_tokens" else reason]
    return [REASONS.get(reason, reason) for reason in expected["finish_reasons"]]


def _check_output(record: Inference, exchange: Exchange) -> None:
    expected = exchange.expected
    texts = [_texts(message) for message in record.output_messages]
    if exchange.api.endswith(("responses", "interactions")):
        assert len(texts) <= 1, "all items of a response are one message"
        texts = ["".join(texts)]
        wanted = [expected["output_text"] or ""]
    else:
        wanted = [text or "" for text in expected["output_texts"]]
    assert texts == wanted or (not any(texts) and not any(wanted))
    reasoning = [part.content for part in _parts(record) if isinstance(part, ReasoningPart)]
    assert "".join(reasoning) == (expected["reasoning_text"] or "")
    refusals = [
        part.data["refusal"] for part in _parts(record) if isinstance(part, GenericPart) and "refusal" in part.data
    ]
    assert "".join(refusals) == (expected["refusal"] or "")
    assert _calls(record) == _expected_calls(expected)
    if "images" in expected["extra"]:
        assert len(record.output_messages) == expected["extra"]["images"]


def _parts(record: Inference) -> list[Any]:
    return [part for message in record.output_messages for part in message.parts]


def _texts(message: Message) -> str:
    return "".join(part.content for part in message.parts if isinstance(part, TextPart))


def _calls(record: Inference) -> list[tuple[Any, ...]]:
    return [
        (choice, part.id, part.name, part.arguments)
        for choice, message in enumerate(record.output_messages)
        for part in message.parts
        if isinstance(part, ToolCallPart)
    ]


def _expected_calls(expected: dict[str, Any]) -> list[tuple[Any, ...]]:
    kinds = ("function", "function_call", "tool_use", "toolUse")
    client_run = [call for call in expected["tool_calls"] if call["type"] in kinds]
    return [
        (
            call["choice"] or 0,
            call["id"],
            call["name"],
            call["arguments_raw"] if call["arguments"] is None else call["arguments"],
        )
        for call in client_run
    ]


def _check_embedding(record: Embedding, expected: dict[str, Any]) -> None:
    vectors = expected["embeddings"] or {"count": None, "dimensions": record.dimension_count}
    assert (record.vector_count, record.dimension_count) == (vectors["count"], vectors["dimensions"])


def _check_usage(record: Inference | Embedding, exchange: Exchange) -> None:
    said = exchange.expected["usage"] or {}
    fresh, read, write = (
        said.get(key) for key in ("input_tokens", "cached_input_tokens", "cache_creation_input_tokens")
    )
    beside = (read or 0) + (write or 0) if exchange.api.startswith(("anthropic.", "bedrock.")) else 0
    usage, thought = record.usage, 0
    if exchange.api.startswith("google_"):
        raw = said.get("raw") or {}
        beside = raw.get("toolUsePromptTokenCount", raw.get("total_tool_use_tokens", 0))
        thought = said.get("reasoning_tokens") or 0
    assert usage.input_tokens == (None if fresh is None else fresh + beside)
    assert usage.cache_read == read
    assert usage.cache_write == write
    if isinstance(record, Inference):
        output = said.get("output_tokens")
        assert usage.output_tokens == ((output or 0) + thought if thought else output)
        assert usage.reasoning == said.get("reasoning_tokens")


def check_span(span: ReadableSpan, exchange: Exchange) -> None:
    """Every fact of the exchange's `expected` block is on the span, and no other value in its place."""
    expected = exchange.expected
    if expected.get("malformed"):
        return  # what can be read of it is the integration's to say; here it is enough that there is a span
    usage = expected["usage"] and {key: count or None for key, count in expected["usage"].items() if key in BREAKDOWN}
    usage = usage and {**expected["usage"], **usage}
    check(read_back(span), exchange._replace(expected={**expected, "usage": usage}))


BREAKDOWN = ("cached_input_tokens", "cache_creation_input_tokens", "reasoning_tokens")
"""Counts that a span leaves out where they are 0."""


def read_back(span: ReadableSpan) -> Inference | Embedding:
    """The facts that a span's attributes tell, as the record they were written from."""
    said = decoded(span)
    tier, print_ = (
        said.get(f"openai.response.{name}", said.get(f"llmtrace.response.{name}"))
        for name in ("service_tier", "system_fingerprint")
    )
    streamed = "gen_ai.request.stream" in said and "gen_ai.response.time_to_first_chunk" in said
    usage = Usage(
        input_tokens=said.get("gen_ai.usage.input_tokens"),
        output_tokens=said.get("gen_ai.usage.output_tokens"),
        cache_read=said.get("gen_ai.usage.cache_read.input_tokens"),
        cache_write=said.get("gen_ai.usage.cache_write.input_tokens"),
        reasoning=said.get("gen_ai.usage.reasoning.output_tokens"),
    )
    both: dict[str, Any] = {
        "operation": said["gen_ai.operation.name"],
        "failure": Failure(said["error.type"], span.status.description or "") if "error.type" in said else None,
        "response_model": said.get("gen_ai.response.model"),
        "complete": said.get("llmtrace.stream.complete", True) if streamed else None,
        "usage": Usage() if said.get("llmtrace.usage.source") else usage,
    }
    if said["gen_ai.operation.name"] == "embeddings":
        size = said.get("gen_ai.embeddings.dimension.count")
        return Embedding(vector_count=said.get("llmtrace.vector_count"), dimension_count=size, **both)
    return Inference(
        response_id=said.get("gen_ai.response.id"),
        finish_reasons=said.get("gen_ai.response.finish_reasons", []),
        response_service_tier=tier,
        system_fingerprint=print_,
        output_messages=[_message(message) for message in said.get("gen_ai.output.messages", [])],
        **both,
    )


def _message(said: dict[str, Json]) -> Message:
    return Message(said["role"], [_part(part) for part in said["parts"]])


def _part(said: dict[str, Json]) -> Any:
    match said["type"]:
        case "text":
            return TextPart(said["content"])
        case "reasoning":
            return ReasoningPart(said["content"])
        case "tool_call":
            return ToolCallPart(said["name"], said.get("id"), said.get("arguments"))
    return GenericPart(said["type"], said)
