"""What a model's run in LangChain says: who was asked what, with which parameters, and what came back at what usage."""

from __future__ import annotations

from llmtrace.facts.operation import Evidence, Operation
from llmtrace.facts.records import Inference, Json, Message, TextPart, Usage
from llmtrace.facts.shape import integer, items, mapping, mappings, number, text
from llmtrace.integrations import openai_parts
from llmtrace.integrations.langchain_messages import message, tools
from llmtrace.integrations.openai_parts import Body

PROVIDERS = {
    "amazon_bedrock": "aws.bedrock",
    "anthropic-bedrock": "aws.bedrock",
    "anthropic-mantle": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "google_anthropic_vertex": "gcp.vertex_ai",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "ibm": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "xai": "x_ai",
}
"""LangChain's name of a provider → the conventions', where they differ."""

_REASONS = {
    "complete": "stop",
    "content_filtered": "content_filter",
    "end_turn": "stop",
    "eos": "stop",
    "function_call": "tool_calls",
    "guardrail_intervened": "content_filter",
    "max_tokens": "length",
    "model_length": "length",
    "safety": "content_filter",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
}
"""Providers' reasons to stop, in lower case → the conventions'."""


def provider(metadata: Body) -> str | None:
    """Whose model it is, as its class in LangChain says."""
    said = text(metadata.get("ls_provider"))
    return PROVIDERS.get(said, said) if said else None


def model(metadata: Body, params: Body) -> str | None:
    """The model asked for."""
    said = (
        text(each) for each in (metadata.get("ls_model_name"), *map(params.get, ("model", "model_name", "model_id")))
    )
    return next(filter(None, said), None)


def _read(evidence: Evidence) -> Inference:
    asked = mapping(evidence.request)
    record = _asked(evidence.start.operation.name, asked)
    answer = mapping(evidence.response.body) if evidence.response else {}
    told = mappings(next(iter(items(answer.get("generations"))), []))
    heads = [_head(each) for each in told]
    if heads:
        record.response_id = text(heads[0].get("id"))
        record.response_model = next(filter(None, (text(heads[0].get(key)) for key in _MODEL_KEYS)), None)
        record.response_service_tier = text(heads[0].get("service_tier"))
        record.system_fingerprint = text(heads[0].get("system_fingerprint"))
    record.output_messages = [_said(each) for each in told]
    said = "".join(chunk for chunk in evidence.chunks if isinstance(chunk, str))
    if not told and said:
        record.output_messages = [Message("assistant", [TextPart(said)])]
    reasons = [reason for head in heads if (reason := _reason(head))]
    record.finish_reasons = reasons
    record.usage = _usage(told, mapping(answer.get("llm_output")))
    return record


def _asked(operation: str, asked: Body) -> Inference:
    params, metadata = mapping(asked.get("params")), mapping(asked.get("metadata"))
    stop = params.get("stop") or metadata.get("ls_stop")
    most = ("max_completion_tokens", "max_output_tokens", "max_tokens")
    return Inference(
        operation=operation,
        provider=provider(metadata),
        request_model=model(metadata, params),
        choice_count=None if params.get("n") == 1 else integer(params.get("n")),
        seed=integer(params.get("seed")),
        max_tokens=integer(next((params[key] for key in most if params.get(key)), metadata.get("ls_max_tokens"))),
        temperature=number(params.get("temperature", metadata.get("ls_temperature"))),
        top_p=number(params.get("top_p")),
        top_k=integer(params.get("top_k")),
        frequency_penalty=number(params.get("frequency_penalty")),
        presence_penalty=number(params.get("presence_penalty")),
        stop_sequences=[mark for mark in (items(stop) or [stop]) if isinstance(mark, str)],
        reasoning_level=text(params.get("reasoning_effort")) or text(mapping(params.get("reasoning")).get("effort")),
        output_type="json" if params.get("response_format") is not None else None,
        tool_definitions=tools(params.get("tools")),
        input_messages=[message(raw) for raw in mappings(asked.get("messages"))]
        + [Message("user", [TextPart(prompt)]) for prompt in items(asked.get("prompts")) if isinstance(prompt, str)],
        metadata=mapping(asked.get("told")),
    )


_MODEL_KEYS = ("model_name", "model", "model_id")


def _head(generation: Body) -> Body:
    """What a provider said about its answer, wherever LangChain put it."""
    inner = mapping(generation.get("message"))
    return {**mapping(generation.get("generation_info")), **mapping(inner.get("response_metadata"))}


def _said(generation: Body) -> Message:
    inner = mapping(generation.get("message"))
    return message(inner) if inner else Message("assistant", [TextPart(text(generation.get("text")) or "")])


def _reason(head: Body) -> str | None:
    keys = ("finish_reason", "stop_reason", "stopReason", "done_reason")
    reason = next(filter(None, (text(head.get(key)) for key in keys)), None)
    return None if reason is None else _REASONS.get(reason.lower(), reason.lower() if reason.isupper() else reason)


def _usage(told: list[Body], output: Body) -> Usage:
    """The usage of the whole answer: each of several choices tells it again."""
    for generation in told:
        if raw := mapping(mapping(generation.get("message")).get("usage_metadata")):
            return _counted(raw)
    return openai_parts.usage(mapping(output.get("token_usage")))


def _counted(raw: Body) -> Usage:
    taken, given = mapping(raw.get("input_token_details")), mapping(raw.get("output_token_details"))
    hour = _count(taken, "ephemeral_1h_input_tokens")
    # Anthropic's parts of the cache writes come in place of their sum.
    kept = [_count(taken, "ephemeral_5m_input_tokens"), hour]
    wrote = max((count for count in (_count(taken, "cache_creation"), sum(filter(None, kept))) if count), default=None)
    heard, spoke = _count(taken, "audio"), _count(given, "audio")
    return Usage(
        input_tokens=integer(raw.get("input_tokens")),
        output_tokens=integer(raw.get("output_tokens")),
        cache_read=_count(taken, "cache_read"),
        cache_write=_count(taken, "cache_creation") if wrote is None else wrote,
        cache_write_1h=hour,
        reasoning=_count(given, "reasoning"),
        input_by_modality={"audio": heard} if heard else {},
        output_by_modality={"audio": spoke} if spoke else {},
    )


def _count(details: Body, name: str) -> int | None:
    """The count of that name, which may have the service tier before it (`priority_cache_read`)."""
    found = [integer(value) for key, value in details.items() if f"_{key}".endswith(f"_{name}")]
    counts = [count for count in found if count is not None]
    return sum(counts) if counts else None


def generated(response: Json) -> Json:
    """A result of LangChain's as plain containers: the app goes on with its messages, and may change them."""
    return {
        "generations": [[_fields(each) for each in one] for one in getattr(response, "generations", None) or ()],
        "llm_output": getattr(response, "llm_output", None),
    }


def _fields(generation: Json) -> Json:
    fields = {**vars(generation)}
    if "message" in fields:
        fields["message"] = vars(fields["message"])
    return fields


CHAT = Operation("chat", _read, bears_usage=True)
COMPLETION = Operation("text_completion", _read, bears_usage=True)
