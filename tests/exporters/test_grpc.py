"""The OTLP exporter over gRPC, against a server of OTLP's own definition."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.sdk.trace.export import SpanExportResult

from llmtrace.semconv.names import CONTENT_DROPPED

SUCCESS, FAILURE = SpanExportResult.SUCCESS, SpanExportResult.FAILURE
lost = pytest.mark.allows_log("lost on the way")


class Server(TraceServiceServicer):
    """Answers with the script's entries in turn: a status to fail with, or spans to reject; then that all is well."""

    def __init__(self):
        self.script = []
        self.calls = []
        self.retry_after = None
        self.closing = threading.Event()

    def Export(self, request, context):  # noqa: N802 - the name in OTLP's definition
        self.calls.append((request, dict(context.invocation_metadata())))
        step = self.script.pop(0) if self.script else 0
        if step == "hang":
            self.closing.wait(30)
            step = 0
        if isinstance(step, grpc.StatusCode):
            if self.retry_after is not None:
                info = RetryInfo(retry_delay=Duration(seconds=self.retry_after)).SerializeToString()
                context.set_trailing_metadata((("google.rpc.retryinfo-bin", info),))
            context.abort(step, "as scripted")
        response = ExportTraceServiceResponse()
        response.partial_success.rejected_spans = step
        return response

    @property
    def names(self):
        return [
            span.name
            for request, _ in self.calls
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
def server():
    service = Server()
    running = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(service, running)
    service.url = f"grpc://127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    yield service
    service.closing.set()
    running.stop(None).wait()


def test_spans_arrive_with_the_destinations_own_headers_only(server, exporters, spans, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-other=sesame")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-other=sesame")
    (exporter,) = exporters(
        {"kind": server.url, "headers": {"X-Team": "b"}}, OTEL_EXPORTER_OTLP_HEADERS="x-other=sesame"
    )
    assert exporter.export(spans({}, {})) is SUCCESS
    ((_, metadata),) = server.calls
    assert metadata["x-team"] == "b"
    assert "sesame" not in str(metadata)
    assert server.names == ["span-0", "span-1"]
    assert exporter.tally.exported == 2


def test_otlp_over_grpc_sends_the_standard_variables_headers(server, exporters, spans):
    (exporter,) = exporters(
        "otlp",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        OTEL_EXPORTER_OTLP_ENDPOINT=server.url.replace("grpc://", "http://"),
        OTEL_EXPORTER_OTLP_HEADERS="x-team=a",
    )
    assert exporter.export(spans({})) is SUCCESS
    assert server.calls[0][1]["x-team"] == "a"


def test_an_unavailable_server_is_tried_again(server, exporters, spans):
    server.script = [grpc.StatusCode.UNAVAILABLE]
    (exporter,) = exporters(server.url)
    assert exporter.export(spans({})) is SUCCESS
    assert len(server.calls) == 2


def test_exhaustion_with_a_wait_is_tried_again_after_it(server, exporters, spans):
    server.script = [grpc.StatusCode.RESOURCE_EXHAUSTED]
    server.retry_after = 1
    (exporter,) = exporters(server.url)
    assert exporter.export(spans({})) is SUCCESS
    assert server.names == ["span-0", "span-0"]


def test_exhaustion_without_a_wait_halves_the_batch_and_then_leaves_content_out(server, exporters, spans):
    server.script = [grpc.StatusCode.RESOURCE_EXHAUSTED] * 2
    (exporter,) = exporters(server.url)
    assert exporter.export(spans({"text": "x" * 2_000}, {"text": "y" * 2_000})) is SUCCESS
    assert server.names == ["span-0", "span-1", "span-0", "span-0", "span-1"]
    slim = server.calls[2][0].resource_spans[0].scope_spans[0].spans[0]
    assert [pair.key for pair in slim.attributes] == [CONTENT_DROPPED.key]


@lost
@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "check the key"),
        (grpc.StatusCode.PERMISSION_DENIED, "region"),
        (grpc.StatusCode.UNIMPLEMENTED, "does not take OTLP traces"),
        (grpc.StatusCode.INVALID_ARGUMENT, "log"),
    ],
)
def test_a_refusal_is_final_and_said_with_a_remedy(server, exporters, spans, logs, code, hint):
    server.script = [code]
    (exporter,) = exporters(server.url)
    assert exporter.export(spans({})) is FAILURE
    assert exporter.tally.dropped == {f"gRPC {code.name}": 1}
    assert hint in logs[0].getMessage()


@lost
def test_spans_that_an_accepted_request_lost_are_counted(server, exporters, spans):
    server.script = [1]
    (exporter,) = exporters(server.url)
    assert exporter.export(spans({}, {})) is FAILURE
    assert (exporter.tally.exported, exporter.tally.dropped) == (1, {"rejected by the server": 1})


@lost
def test_a_server_that_never_answers_costs_no_more_than_the_timeout(server, exporters, spans):
    server.script = ["hang"]
    (exporter,) = exporters(server.url, OTEL_EXPORTER_OTLP_TIMEOUT="0.5")
    assert exporter.export(spans({})) is FAILURE
    assert exporter.tally.dropped == {"timeout": 1}


@lost
def test_after_shutdown_an_export_fails_at_once(server, exporters, spans):
    (exporter,) = exporters(server.url)
    assert exporter.export(spans({})) is SUCCESS
    exporter.shutdown()
    assert exporter.export(spans({})) is FAILURE
    assert exporter.tally.dropped == {"shut down": 1}
