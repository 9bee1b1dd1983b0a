"""Over HTTP a trace goes on where the host is allowed, and nothing of it leaves for another."""

from __future__ import annotations

import pytest

from tests.integrations.mcp.talking import LEAKS, heard, made, posted, serving

pytestmark = LEAKS


@pytest.fixture
def web():
    with serving(made().streamable_http_app()) as served:
        yield served


def facts(span):
    return dict(span.attributes)


async def test_an_allowed_host_goes_on_with_the_trace(web, monkeypatch, request):
    monkeypatch.setenv("LLMTRACE_PROPAGATE_HOSTS", "localhost")
    traced = request.getfixturevalue("traced")
    async with posted(web.named) as talk:
        await talk.call_tool("add", {"a": 1, "b": 2})
    asked, served = traced.pair("tools/call add")
    (step,) = traced.named("adding")
    assert served.parent.span_id == asked.context.span_id
    assert served.parent.is_remote
    assert step.parent.span_id == served.context.span_id
    assert {asked.context.trace_id, served.context.trace_id, step.context.trace_id} == {asked.context.trace_id}
    assert b"traceparent" in b"".join(web.wire)


async def test_no_trace_header_leaves_for_a_host_that_is_not_allowed(web, monkeypatch, request):
    monkeypatch.setenv("LLMTRACE_PROPAGATE_HOSTS", "example.com,localhost")
    traced = request.getfixturevalue("traced")
    async with posted(web.url) as talk:
        await talk.call_tool("add", {"a": 1, "b": 2})
        await talk.list_tools()
        await talk.get_prompt("greet", {"name": "Ada"})
    asked, served = traced.pair("tools/call add")
    assert served.parent is None
    assert served.context.trace_id != asked.context.trace_id
    wire = b"".join(web.wire).lower()
    assert b"tools/call" in wire
    for word in (b"traceparent", b"tracestate", b"baggage", f"{asked.context.trace_id:032x}".encode()):
        assert word not in wire


async def test_what_is_known_of_the_way_is_on_both_spans(web, traced):
    async with posted(web.url) as talk:
        await talk.call_tool("add", {"a": 1, "b": 2})
    asked, served = (facts(span) for span in traced.pair("tools/call add"))
    for side in (asked, served):
        assert side["mcp.method.name"] == "tools/call"
        assert side["gen_ai.operation.name"] == "execute_tool"
        assert side["gen_ai.tool.name"] == "add"
        assert side["network.transport"] == "tcp"
        assert side["network.protocol.name"] == "http"
        assert side["mcp.protocol.version"]
    assert asked["jsonrpc.request.id"] == served["jsonrpc.request.id"]
    assert asked["mcp.session.id"] == served["mcp.session.id"]
    assert (asked["server.address"], asked["server.port"]) == ("127.0.0.1", web.port)
    assert served["client.address"] == "127.0.0.1"
    assert "server.address" not in served


async def test_two_clients_of_one_server_have_a_trace_each(web, monkeypatch, request):
    monkeypatch.setenv("LLMTRACE_PROPAGATE_HOSTS", "localhost")
    traced = request.getfixturevalue("traced")
    async with posted(web.named) as one, posted(web.named) as other, posted(web.url) as stranger:
        for talk in (one, other, stranger):
            await talk.call_tool("where")
        for talk in (stranger, other, one):
            await talk.call_tool("where")
    asked, served = traced.named("tools/call where", "CLIENT"), traced.named("tools/call where", "SERVER")
    assert len({span.context.trace_id for span in asked}) == 6
    parents = [span.parent and span.parent.span_id for span in served]
    known = [asked[index].context.span_id for index in (0, 1, 4, 5)]
    assert sorted(filter(None, parents)) == sorted(known)
    assert parents[2] is parents[3] is None


async def test_server_sent_events_go_on_with_the_trace_too(monkeypatch, request):
    monkeypatch.setenv("LLMTRACE_PROPAGATE_HOSTS", "localhost")
    traced = request.getfixturevalue("traced")
    with serving(made().sse_app()) as web:
        async with heard(web.named) as talk:
            await talk.call_tool("add", {"a": 1, "b": 2})
        async with heard(web.url) as talk:
            await talk.call_tool("where")
    asked, served = traced.pair("tools/call add")
    assert served.parent.span_id == asked.context.span_id
    _, served = traced.pair("tools/call where")
    assert served.parent is None
