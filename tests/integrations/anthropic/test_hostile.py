"""Whatever a server sends or an app passes, reading it gives a record and never raises."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.facts.records import Record
from llmtrace.integrations.anthropic import BATCH_ROUTES, ROUTES
from tests.integrations.anthropic.wire import AWS, SSE, block, chunk, ended, started, stream

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
OPERATIONS_IN_ORDER = (*ROUTES.values(), *BATCH_ROUTES.values())
OPERATIONS = st.sampled_from(OPERATIONS_IN_ORDER)


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
    for operation in OPERATIONS_IN_ORDER:
        survives(operation, deep, deep, "application/json")
        survives(operation, deep, b"data: " + deep + b"\n\n", SSE)


ANSWER = {
    "id": "msg_1",
    "model": "claude-x",
    "content": [
        {"type": "text", "text": "Hi"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "rain"}]},
    ],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 7,
        "cache_creation": {"ephemeral_1h_input_tokens": 1},
        "iterations": [{"type": "compaction", "input_tokens": 1}],
        "output_tokens_details": {"thinking_tokens": 1},
        "server_tool_use": {"web_search_requests": 1},
    },
    "request_counts": {"succeeded": 1},
}
REQUEST = {
    "model": "claude-x",
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [{"role": "user", "content": ANSWER["content"]}],
    "tools": [{"type": "custom", "name": "weather", "input_schema": {}}],
    "mcp_servers": [{"name": "demo"}],
    "stop_sequences": ["END"],
    "output_config": {"effort": "high", "format": {"type": "json_schema"}},
    "thread": {"previous_message_id": "msg_0"},
    "requests": [{}],
}
STREAM = [
    started(),
    *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hi"}),
    *block(1, {"type": "tool_use", "input": {}}, {"type": "input_json_delta", "partial_json": "{}"}),
    {"type": "completion", "completion": "Hi", "stop_reason": None},
    {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    {"type": "succeeded", "result": {"type": "succeeded"}},
    *ended(output_tokens=1),
]
WRONG = [None, True, -1, 2.5, 10**400, float("inf"), "", "text", [], [[]], [1], {}, {"type": []}, {"type": {}}]


def damaged(document):
    """The document with a wrong value in the place of each of its own, one at a time."""
    yield from WRONG
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inner:
        for wrong in damaged(value):
            changed = document.copy()
            changed[key] = wrong
            yield changed


@pytest.mark.parametrize("operation", OPERATIONS_IN_ORDER, ids=lambda operation: operation.name)
def test_any_one_field_of_the_wrong_kind(operation):
    for body in damaged(ANSWER):
        survives(operation, b"{}", json.dumps(body).encode(), "application/json")
    for body in damaged(REQUEST):
        survives(operation, json.dumps(body).encode(), b"{}", "application/json")
    for events in damaged(STREAM):
        if isinstance(events, list):
            survives(operation, b"{}", b"".join(b"data: %s\n\n" % json.dumps(e).encode() for e in events), SSE)
