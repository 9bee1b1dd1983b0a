"""A real Jaeger takes what the exporter sends, over both wires, and shows it."""

from __future__ import annotations

import json
import time

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode

from llmtrace.exporters import build
from llmtrace.semconv import names
from llmtrace.settings import resolve

MESSAGES = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Wo ist der Bärenplatz? 🐻"}]}])


@pytest.mark.parametrize("wire", ["http", "grpc"])
def test_jaeger_shows_the_tree_with_content_tokens_and_errors(jaeger, wire):
    (destination,) = build(resolve({"exporters": "jaeger"}, {"JAEGER_ENDPOINT": getattr(jaeger, wire)}))
    resource = Resource({"service.name": f"by-{wire}", "deployment.environment.name": "tests"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(destination.exporter))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("workflow") as root:
        with tracer.start_as_current_span("chat a-model") as chat:
            chat.set_attributes({names.OPERATION_NAME.key: "chat", names.INPUT_MESSAGES.key: MESSAGES})
            chat.set_attributes({names.INPUT_TOKENS.key: 12, names.CONVERSATION_ID.key: "c-1"})
            time.sleep(0.01)
        with tracer.start_as_current_span("execute_tool lookup") as tool:
            tool.set_status(Status(StatusCode.ERROR, "no such place"))
    provider.shutdown()

    found = jaeger.trace(f"{root.get_span_context().trace_id:032x}", spans=3)
    assert {name: span["parent"] for name, span in found.items()} == {
        "workflow": None,
        "chat a-model": "workflow",
        "execute_tool lookup": "workflow",
    }
    tags = found["chat a-model"]["tags"]
    assert tags[names.INPUT_MESSAGES.key] == MESSAGES
    assert (tags[names.INPUT_TOKENS.key], tags[names.CONVERSATION_ID.key]) == (12, "c-1")
    assert found["chat a-model"]["microseconds"] >= 10_000
    assert found["chat a-model"]["service"] == f"by-{wire}"
    assert found["chat a-model"]["process"]["deployment.environment.name"] == "tests"
    assert found["execute_tool lookup"]["tags"]["error"] is True
    assert destination.exporter.tally.exported == 3


def test_a_conversation_larger_than_one_request_arrives_whole_over_grpc(jaeger):
    (destination,) = build(resolve({"exporters": jaeger.grpc}, {}))
    provider = TracerProvider(resource=Resource({"service.name": "large"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(destination.exporter))
    for number in range(8):
        provider.get_tracer("tests").start_span(f"turn {number}", attributes={"text": "x" * 900_000}).end()
    provider.shutdown()
    assert sum(len(spans) for spans in jaeger.traces("large", spans=8).values()) == 8


@pytest.mark.allows_log("lost on the way")
def test_the_wrong_wire_for_a_port_is_said(jaeger, logs):
    (destination,) = build(
        resolve({"exporters": jaeger.http.replace("http://", "grpc://")}, {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"})
    )
    provider = TracerProvider(resource=Resource({"service.name": "wrong"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(destination.exporter))
    provider.get_tracer("tests").start_span("lost").end()
    provider.shutdown()
    assert "gRPC UNAVAILABLE" in logs[0].getMessage()
