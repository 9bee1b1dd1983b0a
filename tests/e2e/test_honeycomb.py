"""Honeycomb as its documentation describes it, played by a receiver on this machine."""

from __future__ import annotations

import json

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from llmtrace.exporters import build
from llmtrace.semconv import names
from llmtrace.settings import resolve
from tests.exporters.receiver import Answer, receiving

LONG = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "ü" * 90_000}]}], ensure_ascii=False)


@pytest.fixture
def honeycomb():
    with receiving() as receiver:
        yield receiver


def send(endpoint, **environ):
    settings = resolve({"exporters": "honeycomb"}, {"HONEYCOMB_API_ENDPOINT": endpoint, **environ})
    (destination,) = build(settings)
    provider = TracerProvider(resource=Resource({"service.name": "support-bot"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(destination.exporter))
    span = provider.get_tracer("tests").start_span("chat a-model")
    span.set_attributes({names.OPERATION_NAME.key: "chat", names.AGENT_NAME.key: "support"})
    span.set_attributes({names.CONVERSATION_ID.key: "c-1", names.INPUT_MESSAGES.key: LONG})
    span.end()
    provider.shutdown()
    return destination.exporter.tally


def test_path_headers_and_body_are_as_documented(honeycomb):
    assert send(honeycomb.url, HONEYCOMB_API_KEY="fake-key").exported == 1
    (request,) = honeycomb.requests
    assert request.path == "/v1/traces"
    assert request.headers["x-honeycomb-team"] == "fake-key"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert "x-honeycomb-dataset" not in request.headers
    (resource,) = request.export.resource_spans
    assert {pair.key: pair.value.string_value for pair in resource.resource.attributes} == {
        "service.name": "support-bot"
    }
    (span,) = request.spans
    sent = {pair.key: pair.value.string_value for pair in span.attributes}
    # What Honeycomb's Agent Timeline requires of a span.
    assert sent[names.OPERATION_NAME.key] == "chat"
    assert sent[names.AGENT_NAME.key] == "support"
    assert sent[names.CONVERSATION_ID.key] == "c-1"


def test_no_string_is_longer_than_a_honeycomb_column_and_messages_stay_json(honeycomb):
    send(honeycomb.url, HONEYCOMB_API_KEY="fake-key")
    (span,) = honeycomb.requests[0].spans
    (messages,) = (p.value.string_value for p in span.attributes if p.key == names.INPUT_MESSAGES.key)
    assert len(messages.encode()) <= 65_535
    assert json.loads(messages)[0]["role"] == "user"


def test_a_classic_key_sends_its_dataset(honeycomb):
    send(honeycomb.url, HONEYCOMB_API_KEY="f" * 32, HONEYCOMB_DATASET="old-dataset")
    assert honeycomb.requests[0].headers["x-honeycomb-dataset"] == "old-dataset"


@pytest.mark.allows_log("lost on the way")
def test_a_key_that_honeycomb_does_not_know_is_said_without_the_key(honeycomb, logs):
    honeycomb.script = [Answer(401, {"content-type": "application/json"}, b'{"message":"missing x-honeycomb-team"}')]
    tally = send(honeycomb.url, HONEYCOMB_API_KEY="sesame")
    assert tally.dropped == {"HTTP 401": 1}
    assert "check the key" in logs[0].getMessage()
    assert "x-honeycomb-team" in logs[0].getMessage()
    assert "sesame" not in logs[0].getMessage()
