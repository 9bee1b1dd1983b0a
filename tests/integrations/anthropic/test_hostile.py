"""Whatever a server sends or an app passes, reading it gives a record and never raises."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.facts.records import Record
from llmtrace.integrations.anthropic import BATCH_ROUTES, ROUTES
from tests.integrations.anthropic.wire import AWS, SSE, chunk, stream

PROTOCOL = """
    type text thinking tool_use tool_result server_tool_use web_search_tool_result mcp_tool_use image document
    compaction container_upload id name input content source data url file_id media_type base64 file is_error
    tool_use_id index delta message usage input_tokens output_tokens cache_read_input_tokens cache_creation
    iterations server_tool_use stop_reason error code model max_tokens stream system messages role tools
    mcp_servers input_schema stop_sequences output_config format effort thread service_tier partial_json
    text_delta input_json_delta thinking_delta content_block completion prompt message_start message_delta
    message_stop content_block_start content_block_delta result request_counts requests
"""
WORDS = re.findall(r"\w+", PROTOCOL)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(WORDS)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=25,
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from([word for word in WORDS if "_" in word] + ["error", "completion"])}
    ).flatmap(lambda event: st.dictionaries(st.sampled_from(WORDS), ANYTHING).map(lambda rest: {**rest, **event})),
    max_size=6,
)
OPERATIONS = st.sampled_from(sorted({*ROUTES.values(), *BATCH_ROUTES.values()}, key=lambda operation: operation.name))


def survives(operation, request, answer, content_type):
    for body, chunks in ((answer, []), (None, [answer[:7], answer[7:]])):
        received = Received(200, content_type, body=body)
        record = operation.read(Evidence(Start(operation, request=request), request, received, chunks))
        assert isinstance(record, Record)
        assert record.operation == operation.name


@given(OPERATIONS, ANYTHING, ANYTHING)
def test_any_documents(operation, asked, answered):
    survives(operation, json.dumps(asked).encode(), json.dumps(answered).encode(), "application/json")
    survives(operation, asked, json.dumps(answered).encode(), "application/json")


@given(OPERATIONS, EVENTS)
def test_any_events(operation, events):
    survives(operation, b"{}", stream(*events), SSE)
    survives(operation, b"{}", b"".join(map(chunk, events)), AWS)
    survives(operation, b"{}", b"\n".join(json.dumps(event).encode() for event in events), "application/x-jsonl")


@pytest.mark.parametrize("content_type", ["", "application/json", SSE, AWS, "application/x-jsonl"])
@given(operation=OPERATIONS, asked=st.binary(), answered=st.binary())
def test_any_bytes(content_type, operation, asked, answered):
    survives(operation, asked, answered, content_type)
    survives(operation, asked, b"data: " + answered + b"\n\n", content_type)


def test_a_document_too_deep_to_decode_is_no_document():
    deep = b'{"content":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for operation in (*ROUTES.values(), *BATCH_ROUTES.values()):
        survives(operation, deep, deep, "application/json")
        survives(operation, deep, b"data: " + deep + b"\n\n", SSE)
