"""Says what is known of each kind of call, as pairs of an attribute and the fact as it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmtrace.facts.records import (
    AgentRun,
    Course,
    Embedding,
    Evaluation,
    Inference,
    Json,
    McpCall,
    ProviderRequest,
    Record,
    Rerank,
    Retrieval,
    Step,
    StoreCall,
    ToolCall,
)
from llmtrace.semconv import mcp, messages, names, stores
from llmtrace.semconv.inference import cost, inference, usage
from llmtrace.semconv.names import STEP, UNNAMED, Pairs
from llmtrace.semconv.values import json_text

_METADATA_MOST = 32
"""Metadata keys that get an attribute of their own: a span holds 128, and drops the oldest when there are more."""


def pairs(record: Record, course: Course) -> Pairs:
    """All attributes of a record, as its kind has them."""
    yield from _common(record, course)
    for said in _SAID.get(type(record), ()):
        yield from said(record, course)


def _common(record: Record, course: Course) -> Pairs:
    yield names.OPERATION_NAME, None if record.operation in UNNAMED else record.operation
    yield names.PROVIDER_NAME, record.provider
    yield names.REQUEST_MODEL, record.request_model
    yield names.SERVER_ADDRESS, record.server_address
    yield names.SERVER_PORT, record.server_port if record.server_address else None
    yield names.CONVERSATION_ID, record.conversation_id
    yield names.ERROR_TYPE, course.failure.type if course.failure else None
    yield names.REQUEST_ID, record.request_id
    yield names.STREAM_COMPLETE, False if record.complete is False else None
    yield names.OUTCOME, None if course.outcome in ("completed", "failed") else course.outcome
    yield names.ATTEMPTS, course.attempts if course.attempts > 1 else None
    yield names.CONTENT_DROPPED, course.content_dropped
    yield from metadata(record.metadata)


def metadata(given: Mapping[str, Json]) -> Pairs:
    """The app's own metadata: the first keys typed, one attribute each, the rest as one JSON object."""
    keys = list(given)
    for key in keys[:_METADATA_MOST]:
        yield names.METADATA.of(str(key)), given[key]
    if rest := keys[_METADATA_MOST:]:
        yield names.METADATA_REST, {str(key): given[key] for key in rest}


def _embedding(record: Embedding, _: Course) -> Pairs:
    yield names.ENCODING_FORMATS, record.encoding_formats
    yield names.DIMENSION_COUNT, record.dimension_count
    yield names.VECTOR_COUNT, record.vector_count
    yield names.INPUT, record.input_texts or None


def _rerank(record: Rerank, _: Course) -> Pairs:
    yield names.RETRIEVAL_QUERY, record.query
    yield names.RETRIEVAL_TOP_K, record.top_k
    yield names.DOCUMENT_COUNT, record.document_count
    yield names.DOCUMENTS, messages.documents(record.documents) or None


def _billed(record: Embedding | Rerank, _: Course) -> Pairs:
    yield names.RESPONSE_MODEL, record.response_model
    yield from usage(record.usage)
    yield from cost(record.cost)


def _provider_request(record: ProviderRequest, _: Course) -> Pairs:
    yield names.RESPONSE_ID, record.response_id
    yield names.RESPONSE_MODEL, record.response_model
    yield names.RESPONSE_STATUS, record.response_status
    yield names.INPUT_MESSAGES, messages.messages(record.input_messages) or None
    yield names.OUTPUT, record.output
    for name, count in record.counts.items():
        yield names.COUNTS.of(name), count
    yield names.GUARDRAIL_ID, record.guardrail_id


def _retrieval(record: Retrieval, _: Course) -> Pairs:
    yield names.STEP_NAME, record.name
    yield from _source(record)
    yield names.RETRIEVAL_QUERY, _query(record.query)
    yield names.RETRIEVAL_TOP_K, record.top_k
    yield names.RETRIEVAL_FILTER, stores.said(record.filter)
    yield names.RETRIEVAL_DISTANCE, record.distance
    yield names.DIMENSION_COUNT, record.dimension_count
    yield names.DOCUMENT_COUNT, record.document_count
    yield names.DOCUMENTS, messages.documents(record.documents) or None
    if record.store is not None:
        yield from stores.store(record.store)
        yield names.DB_RETURNED_ROWS, record.document_count


def _source(record: Retrieval | AgentRun) -> Pairs:
    yield names.DATA_SOURCE_ID, record.data_source_id
    yield names.KNOWLEDGE_BASE_ID, record.data_source_id if record.provider == "aws.bedrock" else None


def _store(record: StoreCall, _: Course) -> Pairs:
    return stores.call(record)


def _query(query: Json) -> str | None:
    """The query is a text by the conventions; a structured one is its JSON."""
    return query if query is None or isinstance(query, str) else json_text(query)


def _tool(record: ToolCall, course: Course) -> Pairs:
    yield names.TOOL_NAME, record.name
    yield names.TOOL_TYPE, record.type
    yield names.TOOL_DESCRIPTION, record.description
    yield names.TOOL_CALL_ID, record.call_id
    yield names.AGENT_NAME, record.agent_name
    yield names.INFERRED, record.inferred or None
    yield names.TOOL_ARGUMENTS, messages.as_object(record.arguments, "arguments")
    yield names.TOOL_RESULT, messages.as_object(record.result, "result") if course.failure is None else None


def _mcp(record: McpCall, _: Course) -> Pairs:
    return mcp.call(record)


def _agent(record: AgentRun, _: Course) -> Pairs:
    yield names.AGENT_NAME, record.name
    yield names.AGENT_DESCRIPTION, record.description
    yield names.AGENT_ID, record.id
    yield names.AGENT_VERSION, record.version
    yield from _source(record)
    yield names.INPUT, record.input
    yield names.OUTPUT, record.output
    yield names.DOCUMENTS, messages.documents(record.documents) or None
    yield from usage(record.usage)


def _evaluation(record: Evaluation, _: Course) -> Pairs:
    yield names.EVALUATION_NAME, record.name
    yield names.EVALUATION_VALUE, record.value
    yield names.EVALUATION_LABEL, record.label
    yield names.EVALUATION_EXPLANATION, record.explanation


def _step(record: Step, _: Course) -> Pairs:
    yield names.STEP_NAME, record.name
    yield names.STEP_KIND, record.kind if record.kind in ("chain", "guardrail") else None
    yield names.WORKFLOW_NAME, None if record.operation == STEP else record.name
    yield names.INPUT, record.input
    yield names.OUTPUT, record.output


_SAID: dict[type[Record], tuple[Callable[[Any, Course], Pairs], ...]] = {
    Inference: (inference,),
    Embedding: (_embedding, _billed),
    Rerank: (_rerank, _billed),
    ProviderRequest: (_provider_request,),
    Retrieval: (_retrieval,),
    StoreCall: (_store,),
    ToolCall: (_tool,),
    McpCall: (_mcp,),
    AgentRun: (_agent,),
    Step: (_step,),
    Evaluation: (_evaluation,),
}
