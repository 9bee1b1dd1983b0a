"""What both sides do for one another: servers that ask their clients, and whatever else traces around them."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import llmtrace
from tests.integrations.mcp.talking import LEAKS, TWO, beside, made, posted, serving

pytestmark = LEAKS


def facts(span: Any) -> dict[str, Any]:
    return dict(span.attributes)


@pytest.mark.filterwarnings("ignore:The roots capability is deprecated")
async def test_what_a_server_asks_of_its_client_is_a_call_the_other_way_round(traced):
    async def roots(_context):
        return _roots()

    async with beside(made(), list_roots_callback=roots) as talk:
        result = await talk.call_tool("folders")
    assert result.content[0].text == "1"
    asked, served = traced.pair("roots/list")
    _, tool = traced.pair("tools/call folders")
    assert asked.parent.span_id == tool.context.span_id
    assert served.parent.span_id == asked.context.span_id


def _roots() -> Any:
    if TWO:
        from mcp_types import ListRootsResult, Root
    else:
        from mcp.types import ListRootsResult, Root
    return ListRootsResult(roots=[Root(uri="file:///tmp")])


@pytest.mark.skipif(not TWO, reason="not applicable: version 1 has no such client")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_of_a_server_in_its_process_counts_one_execution(traced, mode):
    from mcp import Client

    async with Client(made(), mode=mode) as client:
        await client.call_tool("add", {"a": 1, "b": 2})
    asked, served = traced.pair("tools/call add")
    assert served.parent.span_id == asked.context.span_id
    assert facts(asked)["gen_ai.operation.name"] == "execute_tool"
    assert "gen_ai.operation.name" not in facts(served)
    assert traced.named("adding")[0].parent.span_id == served.context.span_id


async def test_a_frameworks_own_span_of_the_tool_is_its_execution(traced):
    tracer = traced.handle.session.provider.get_tracer("a-framework")
    said = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "service_add"}
    async with beside(made()) as talk:
        with tracer.start_as_current_span("execute_tool service_add", attributes=said) as outer:
            await talk.call_tool("add", {"a": 1, "b": 2})
    asked, _ = traced.pair("tools/call add")
    assert asked.parent.span_id == outer.get_span_context().span_id
    assert "gen_ai.operation.name" not in facts(asked)


async def test_without_a_senders_trace_a_request_is_part_of_the_request_that_brought_it(traced):
    tracer = traced.handle.session.provider.get_tracer("a-web-framework")
    app = made().streamable_http_app()

    async def framed(scope, receive, send):
        with tracer.start_as_current_span("POST", kind=trace.SpanKind.SERVER):
            await app(scope, receive, send)

    with serving(framed) as web:
        async with posted(web.url) as talk:
            await talk.call_tool("where")
            await talk.call_tool("where")
    requests = {span.context.span_id: span for span in traced.named("POST")}
    for span in traced.named("tools/call where", "SERVER"):
        if span.parent is not None:  # it may come after the first request of its session, which is long over
            assert requests[span.parent.span_id].start_time <= span.start_time <= requests[span.parent.span_id].end_time
        else:
            assert all(link.context.span_id in requests for link in span.links)


async def test_a_sender_wins_over_the_request_that_brought_it_which_is_linked(monkeypatch, request):
    monkeypatch.setenv("LLMTRACE_PROPAGATE_HOSTS", "127.0.0.1")
    traced = request.getfixturevalue("traced")
    tracer = traced.handle.session.provider.get_tracer("a-web-framework")
    app = made().streamable_http_app()

    async def framed(scope, receive, send):
        with tracer.start_as_current_span("POST", kind=trace.SpanKind.SERVER):
            await app(scope, receive, send)

    with serving(framed) as web:
        async with posted(web.url) as talk:
            await talk.call_tool("where")
    asked, served = traced.pair("tools/call where")
    assert served.parent.span_id == asked.context.span_id
    assert {link.context.span_id for link in served.links} <= {span.context.span_id for span in traced.named("POST")}


async def test_one_span_for_each_side_where_the_library_traces_itself(monkeypatch):
    exporter, provider = _globally(monkeypatch)
    handle = llmtrace.init(tracer_provider=provider, exporters="none", integrations="mcp")
    async with beside(made()) as talk:
        await talk.call_tool("where")
    handle.shutdown()
    assert {span.instrumentation_scope.name for span in exporter.get_finished_spans()} == {"llmtrace"}


@pytest.mark.skipif(not TWO, reason="not applicable: version 1 makes no spans of its own")
async def test_the_librarys_own_spans_are_kept_where_the_app_asks_for_them(monkeypatch):
    exporter, provider = _globally(monkeypatch)
    monkeypatch.setenv("LLMTRACE_NATIVE_SPANS", "mcp")
    handle = llmtrace.init(tracer_provider=provider, exporters="none")
    async with beside(made()) as talk:
        await talk.call_tool("where")
    handle.shutdown()
    assert {span.instrumentation_scope.name for span in exporter.get_finished_spans()} == {"mcp-python-sdk"}


def _globally(monkeypatch: pytest.MonkeyPatch) -> tuple[InMemorySpanExporter, TracerProvider]:
    """The library's own tracer, pointed at a provider, as a global one would be."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    if TWO:
        monkeypatch.setattr("mcp.shared._otel._tracer", provider.get_tracer("mcp-python-sdk"))
    return exporter, provider


async def test_metrics_are_of_requests_and_never_named_by_what_does_not_exist(monkeypatch):
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setattr("llmtrace.runtime.session.get_meter_provider", lambda: meters)
    handle = llmtrace.init(tracer_provider=TracerProvider(shutdown_on_exit=False), exporters="none", integrations="mcp")
    async with beside(made()) as talk:
        await talk.call_tool("where")
        await talk.call_tool("not-there")
    handle.flush()
    data = reader.get_metrics_data()
    handle.shutdown()
    points = {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert set(points) >= {"mcp.client.operation.duration", "mcp.server.operation.duration"}
    assert "gen_ai.execute_tool.duration" not in points
    tools = {point.attributes.get("gen_ai.tool.name") for point in points["mcp.server.operation.duration"]}
    assert tools == {None, "where"}
