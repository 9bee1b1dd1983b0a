"""Reads facts out of the attributes of a span that another library made, in the conventions' words, new or old."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from llmtrace.facts import spoken
from llmtrace.facts.records import (
    AgentRun,
    Embedding,
    Failure,
    Inference,
    Record,
    Rerank,
    Retrieval,
    Step,
    ToolCall,
    Usage,
)
from llmtrace.facts.shape import integer, number, text
from llmtrace.semconv import names
from llmtrace.semconv.names import Attribute
from llmtrace.semconv.values import ON_SPAN

Attributes = Mapping[str, Any]
Events = Sequence[tuple[str, Attributes]]

_DETAILS = "gen_ai.client.inference.operation.details"

SESSION = "session.id"
"""The general conventions' word for a conversation."""

EXCEPTION = "exception"
"""The event that an exception is recorded as."""

_UNKNOWN = "_OTHER"
"""The conventions' word for a failure that nobody named."""

_KINDS: dict[str, type[Record]] = {
    "chat": Inference,
    "text_completion": Inference,
    "generate_content": Inference,
    "embeddings": Embedding,
    "rerank": Rerank,
    "retrieval": Retrieval,
    "execute_tool": ToolCall,
    "invoke_agent": AgentRun,
    "create_agent": AgentRun,
    "invoke_workflow": Step,
}
"""What the conventions call an operation → the kind of record it is."""

_CALLED = {"agent run": "invoke_agent", "running output function": "execute_tool", "running tool": "execute_tool"}
"""What spans are called that say no operation, where that is not the operation and its target."""

_COMMON: dict[str, Attribute] = {
    "provider": names.PROVIDER_NAME,
    "request_model": names.REQUEST_MODEL,
    "server_address": names.SERVER_ADDRESS,
    "server_port": names.SERVER_PORT,
}
_FIELDS: dict[type[Record], dict[str, Attribute]] = {
    Inference: {
        "output_type": names.OUTPUT_TYPE,
        "choice_count": names.CHOICE_COUNT,
        "seed": names.SEED,
        "max_tokens": names.MAX_TOKENS,
        "temperature": names.TEMPERATURE,
        "top_p": names.TOP_P,
        "top_k": names.TOP_K,
        "frequency_penalty": names.FREQUENCY_PENALTY,
        "presence_penalty": names.PRESENCE_PENALTY,
        "stop_sequences": names.STOP_SEQUENCES,
        "reasoning_level": names.REASONING_LEVEL,
        "stream": names.REQUEST_STREAM,
        "response_id": names.RESPONSE_ID,
        "response_model": names.RESPONSE_MODEL,
        "finish_reasons": names.FINISH_REASONS,
    },
    Embedding: {
        "encoding_formats": names.ENCODING_FORMATS,
        "dimension_count": names.DIMENSION_COUNT,
        "response_model": names.RESPONSE_MODEL,
    },
    Rerank: {"response_model": names.RESPONSE_MODEL, "top_k": names.RETRIEVAL_TOP_K},
    Retrieval: {
        "data_source_id": names.DATA_SOURCE_ID,
        "query": names.RETRIEVAL_QUERY,
        "top_k": names.RETRIEVAL_TOP_K,
    },
    ToolCall: {
        "name": names.TOOL_NAME,
        "type": names.TOOL_TYPE,
        "description": names.TOOL_DESCRIPTION,
        "call_id": names.TOOL_CALL_ID,
        "agent_name": names.AGENT_NAME,
    },
    AgentRun: {"name": names.AGENT_NAME, "description": names.AGENT_DESCRIPTION},
    Step: {"name": names.WORKFLOW_NAME},
}
"""What each kind of record takes from which attribute, where the two are the same but for the name."""

_COUNTS: dict[str, tuple[str, ...]] = {
    "input_tokens": (names.INPUT_TOKENS.key, "gen_ai.usage.prompt_tokens"),
    "output_tokens": (names.OUTPUT_TOKENS.key, "gen_ai.usage.completion_tokens"),
    "cache_read": (names.CACHE_READ.key, "gen_ai.usage.cache_read_input_tokens"),
    "cache_write": (
        names.CACHE_WRITE.key,
        names.CACHE_WRITE.formerly or "",
        "gen_ai.usage.cache_write_input_tokens",
    ),
    "reasoning": (names.REASONING_TOKENS.key, "gen_ai.usage.details.reasoning_tokens"),
}
"""A count and the keys that it is found under, the best first."""

_TOTAL = "gen_ai.usage.total_tokens"
_AUDIO = {"input_by_modality": "input_audio_tokens", "output_by_modality": "output_audio_tokens"}

FIRST_CHUNK = {
    names.FIRST_CHUNK.key: 1,
    "gen_ai.client.operation.time_to_first_chunk": 1,
    "gen_ai.server.time_to_first_token": 1000,
}
"""Where the time to the first chunk is found, and how many of its units are a second."""


def record(name: str, attributes: Attributes) -> Record | None:
    """What the conventions' own attributes say; None where they name no operation that there is a record of.

    `name` is the span's: it is `operation target`, where no attribute says either.
    """
    operation = text(attributes.get(names.OPERATION_NAME.key)) or _CALLED.get(name) or name.partition(" ")[0]
    kind = _KINDS.get(operation)
    if kind is None:
        return None
    found = {field: _read(row, attributes) for field, row in (_COMMON | _FIELDS[kind]).items()}
    if kind in (ToolCall, Step):
        found["name"] = found["name"] or name.partition(" ")[2] or operation
    made = kind(operation=operation, **{field: value for field, value in found.items() if value is not None})
    if kind in _COMPLETED:
        _COMPLETED[kind](made, attributes)
    return made


def with_details(attributes: Attributes, events: Events) -> dict[str, Any]:
    """The attributes, and with them those that a library put on the conventions' event instead."""
    whole = dict(attributes)
    for name, said in events:
        if name == _DETAILS:
            whole.update(said)
    return whole


def conversation_id(attributes: Attributes) -> str | None:
    """The conversation that a span says it is in."""
    return text(attributes.get(names.CONVERSATION_ID.key)) or text(attributes.get(SESSION)) or None


def bears_usage(attributes: Attributes) -> bool:
    """Whether a span says that it is itself a call which is billed."""
    kind = _KINDS.get(text(attributes.get(names.OPERATION_NAME.key)) or "")
    return kind is not None and kind.bears_usage


def failure(attributes: Attributes, events: Events, description: str | None) -> Failure:
    """Why a span that failed did."""
    raised = next((said for name, said in reversed(events) if name == EXCEPTION), {})
    kind = text(attributes.get(names.ERROR_TYPE.key)) or text(raised.get("exception.type")) or _UNKNOWN
    return Failure(kind, text(raised.get("exception.message")) or description or "")


def first_chunk(attributes: Attributes) -> float | None:
    """Seconds to the first chunk, where the library measured them."""
    for key, units in FIRST_CHUNK.items():
        if (taken := number(attributes.get(key))) is not None:
            return taken / units
    return None


def _read(row: Attribute, attributes: Attributes) -> Any:
    value = attributes.get(row.key)
    if value is not None:
        return ON_SPAN[row.type](value)
    older = None if row.formerly is None else ON_SPAN[row.type](attributes.get(row.formerly))
    return next((now for now, then in row.older_values.items() if then == older), older)


def _usage(attributes: Attributes) -> Usage:
    usage = Usage()
    for field, keys in _COUNTS.items():
        setattr(usage, field, _count(attributes, keys))
    beside = (usage.cache_read or 0) + (usage.cache_write or 0)
    if usage.input_tokens is not None and beside:
        # Some count cached tokens beside the input, not in it; their total shows that.
        total = integer(attributes.get(_TOTAL))
        if total == usage.input_tokens + (usage.output_tokens or 0) + beside:
            usage.input_tokens += beside
    for field, name in _AUDIO.items():
        if audio := _count(attributes, (f"gen_ai.usage.details.{name}",)):
            getattr(usage, field)["audio"] = audio
    return usage


def _count(attributes: Attributes, keys: Iterable[str]) -> int | None:
    counts = (integer(attributes.get(key)) for key in keys)
    return next((count for count in counts if count is not None and count >= 0), None)


def _inference(made: Inference, attributes: Attributes) -> None:
    said = attributes.get(names.OUTPUT_MESSAGES.key)
    made.input_messages = spoken.messages(attributes.get(names.INPUT_MESSAGES.key))
    made.output_messages = spoken.messages(said)
    made.system_instructions = spoken.parts(attributes.get(names.SYSTEM_INSTRUCTIONS.key))
    made.tool_definitions = spoken.tools(attributes.get(names.TOOL_DEFINITIONS.key))
    made.finish_reasons = made.finish_reasons or spoken.finish_reasons(said)
    made.usage = _usage(attributes)
    made.stream = made.stream or first_chunk(attributes) is not None


def _embedding(made: Embedding, attributes: Attributes) -> None:
    made.usage = _usage(attributes)


def _tool(made: ToolCall, attributes: Attributes) -> None:
    made.arguments = spoken.document(attributes.get(names.TOOL_ARGUMENTS.key))
    made.result = spoken.document(attributes.get(names.TOOL_RESULT.key))
    if "error" in (attributes.get("gen_ai.tool.status"), attributes.get("tool.status")):
        made.failure = Failure(_UNKNOWN)


def _agent(made: AgentRun, attributes: Attributes) -> None:
    made.input = spoken.prose(spoken.messages(attributes.get(names.INPUT_MESSAGES.key)), "user")
    made.output = spoken.prose(spoken.messages(attributes.get(names.OUTPUT_MESSAGES.key)), "assistant")


_COMPLETED: dict[type[Record], Callable[[Any, Attributes], None]] = {
    Inference: _inference,
    Embedding: _embedding,
    ToolCall: _tool,
    AgentRun: _agent,
}
