"""Says what is known of a model call: what was asked, what was answered, what it took and cost."""

from __future__ import annotations

from llmtrace.facts.records import Cost, Course, Inference, Usage
from llmtrace.semconv import messages, names
from llmtrace.semconv.names import Attribute, Pairs

_OPENAI = ("openai", "azure.ai.openai")
"""The providers whose spans may carry `openai.*`."""

_CHOICES_MOST = 128
"""No provider gives more choices; what an app wrongly asked for must not become a list of that length."""


def inference(record: Inference, course: Course) -> Pairs:
    """All of a model call that not every kind of call has."""
    yield from _request(record)
    yield from _tiers(record)
    if record.prompt is not None:
        yield names.PROMPT_NAME, record.prompt.name
        yield names.PROMPT_VERSION, record.prompt.version
        yield names.PROMPT_HASH, record.prompt.template_hash
        for key, value in record.prompt.variables.items():
            yield names.PROMPT_VARIABLE.of(key), value
    yield names.RESPONSE_ID, record.response_id
    yield names.RESPONSE_MODEL, record.response_model
    yield names.RESPONSE_STATUS, record.response_status
    yield names.FINISH_REASONS, _finish_reasons(record, course)
    yield names.CONVERSATION_COMPACTED, record.conversation_compacted or None
    yield names.FIRST_CHUNK, course.first_chunk
    yield names.SYSTEM_INSTRUCTIONS, messages.instructions(record.system_instructions) or None
    yield names.OUTPUT_MESSAGES, messages.messages(record.output_messages) or None
    yield names.TOOL_DEFINITIONS, messages.tools(record.tool_definitions) or None
    if record.operation != "fetch_response":  # the call that made the answer said what it was given and what it took
        yield names.INPUT_MESSAGES, messages.messages(record.input_messages) or None
        yield from usage(record.usage)
        yield from cost(record.cost)


def _request(record: Inference) -> Pairs:
    yield names.OUTPUT_TYPE, record.output_type
    yield names.REQUEST_STREAM, record.stream or None
    yield names.CHOICE_COUNT, None if record.choice_count == 1 else record.choice_count
    yield names.SEED, record.seed
    yield names.MAX_TOKENS, record.max_tokens
    yield names.TEMPERATURE, record.temperature
    yield names.TOP_P, record.top_p
    yield names.TOP_K, record.top_k
    yield names.FREQUENCY_PENALTY, record.frequency_penalty
    yield names.PRESENCE_PENALTY, record.presence_penalty
    yield names.STOP_SEQUENCES, record.stop_sequences
    yield names.REASONING_LEVEL, record.reasoning_level
    yield names.PREVIOUS_RESPONSE, record.previous_response_id
    yield names.STREAM_CURSOR, record.stream_cursor
    yield names.GUARDRAIL_ID, record.guardrail_id


def _tiers(record: Inference) -> Pairs:
    openai = record.provider in _OPENAI
    yield (names.OPENAI_API_TYPE if openai else names.API_TYPE), record.api_type
    tier = None if record.request_service_tier == "auto" else record.request_service_tier
    yield (names.OPENAI_REQUEST_TIER if openai else names.REQUEST_TIER), tier
    yield response_tier(record)
    yield (names.OPENAI_FINGERPRINT if openai else names.FINGERPRINT), record.system_fingerprint


def response_tier(record: Inference) -> tuple[Attribute, str | None]:
    """The tier that served the call; it tells the prices and the speed of calls apart."""
    return (
        names.OPENAI_RESPONSE_TIER if record.provider in _OPENAI else names.RESPONSE_TIER
    ), record.response_service_tier


def _finish_reasons(record: Inference, course: Course) -> list[str]:
    """One reason per choice; `error` stands for the one that a failed or broken call still owed."""
    reasons = [reason or "error" for reason in record.finish_reasons]
    if course.outcome == "completed" and course.failure is None and record.complete is not False:
        return reasons
    expected = max(record.choice_count or 1, len(record.output_messages))
    return reasons + ["error"] * min(expected - len(reasons), _CHOICES_MOST)


def usage(counts: Usage) -> Pairs:
    """What was used. Totals stand even at 0; a breakdown that is 0 says nothing."""
    yield names.INPUT_TOKENS, counts.input_tokens
    yield names.OUTPUT_TOKENS, counts.output_tokens
    yield names.CACHE_READ, counts.cache_read or None
    yield names.CACHE_WRITE, counts.cache_write or None
    yield names.CACHE_WRITE_1H, counts.cache_write_1h or None
    yield names.REASONING_TOKENS, counts.reasoning or None
    for kind in names.MODALITIES:
        yield names.INPUT_BY_MODALITY[kind], counts.input_by_modality.get(kind) or None
        yield names.OUTPUT_BY_MODALITY[kind], counts.output_by_modality.get(kind) or None
        yield names.CACHE_READ_BY_MODALITY[kind], counts.cache_read_by_modality.get(kind) or None
    for unit, count in counts.units.items():
        yield names.UNITS.of(unit), count or None
    yield names.USAGE_SOURCE, None if counts.source == "provider" else counts.source


def cost(price: Cost | None) -> Pairs:
    """What it cost, where a price is known."""
    if price is not None:
        yield names.COST_TOTAL, price.total
        yield names.COST_INPUT, price.input
        yield names.COST_OUTPUT, price.output
        yield names.COST_CURRENCY, price.currency
        yield names.COST_SOURCE, price.source
