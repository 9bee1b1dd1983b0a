"""Whatever comes over the wire, reading it neither fails nor says what no request can have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.facts.operation import Evidence, Received
from llmtrace.facts.records import Course, McpCall, McpRequest, Scope
from llmtrace.integrations.mcp_messages import error, start
from llmtrace.semconv.attributes import attributes, span_name, start_attributes
from tests.semconv.strategies import JSON, TEXTS

METHODS = st.sampled_from(["tools/call", "prompts/get", "resources/read", "initialize", "tools/list"]) | TEXTS
KEYS = st.sampled_from(
    ["name", "arguments", "uri", "_meta", "content", "isError", "error", "structuredContent", "protocolVersion", "code"]
)
OBJECTS = st.dictionaries(KEYS | TEXTS, JSON | st.dictionaries(KEYS, JSON, max_size=3), max_size=5)


def read(method: str, params: Any, body: Any, *, served: bool, wire: bool) -> McpCall:
    began = start(McpRequest(method), params, None, served=served, wire=wire)
    answer = None if body is None else Received(body=body)
    span_name(began), start_attributes(began, Scope())
    record = began.operation.read(Evidence(began, began.request, answer))
    assert isinstance(record, McpCall)
    return record


@given(METHODS, OBJECTS, OBJECTS | JSON, st.booleans(), st.booleans())
def test_no_message_breaks_the_reading(method, params, body, served, wire):
    record = read(method, params, body, served=served, wire=wire)
    attributes(record, Course(0, 1), "both")


@given(JSON, JSON, st.booleans())
def test_no_error_breaks_the_reading(code, message, served):
    received = error(code if isinstance(code, int | str | float | None) else None, message, served=served)
    record = read("tools/call", {"name": "x"}, received.body, served=served, wire=False)
    attributes(record, Course(0, 1), "both")
    assert received.excused is (record.failure is None)


@pytest.mark.parametrize("code", [-32700, -32600, -32601, -32602, -32002])
def test_the_callers_faults_fail_the_caller_alone(code):
    body = error(code, "no").body
    assert read("tools/call", {"name": "x"}, body, served=True, wire=True).failure is None
    failure = read("tools/call", {"name": "x"}, body, served=False, wire=False).failure
    assert failure is not None
    assert failure.type == str(code)


def test_what_a_tool_answered_keeps_what_it_said_was_nothing():
    body = {"content": [], "structuredContent": {"found": None}, "isError": False, "_meta": {"x": 1}}
    record = read("tools/call", {"name": "x"}, body, served=False, wire=False)
    assert record.result == {"content": [], "structuredContent": {"found": None}}
