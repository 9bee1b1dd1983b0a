"""A request of MCP is one span on each side, with what was asked and answered, however it ends."""

from __future__ import annotations

import asyncio
import json

import pytest

import llmtrace
from tests.integrations.mcp.talking import TWO, MCPError, beside, made, seconds


def facts(span):
    return dict(span.attributes)


async def test_a_tool_call_says_what_was_asked_and_answered(traced):
    async with beside(made()) as talk:
        result = await talk.call_tool("add", {"a": 1, "b": 2})
    for span in traced.pair("tools/call add"):
        said = facts(span)
        assert json.loads(said["gen_ai.tool.call.arguments"]) == {"a": 1, "b": 2}
        answer = json.loads(said["gen_ai.tool.call.result"])
        assert answer["content"] == [{"type": "text", "text": "3"}]
        assert answer["structuredContent"] == {"result": 3}
        assert "error.type" not in said
        assert span.status.is_unset
    assert result.content[0].text == "3"


async def test_prompts_and_resources_say_what_they_are_about(traced):
    async with beside(made()) as talk:
        await talk.get_prompt("greet", {"name": "Ada"})
        await talk.read_resource("text://bear")
        await talk.list_tools()
    for span in traced.pair("prompts/get greet"):
        said = facts(span)
        assert said["gen_ai.prompt.name"] == "greet"
        assert said["gen_ai.prompt.variable.name"] == "Ada"
        assert "Greet Ada." in said["llmtrace.output"]
        assert "gen_ai.operation.name" not in said
    for span in traced.pair("resources/read"):
        assert facts(span)["mcp.resource.uri"] == "text://bear"
        assert "A bear is large." in facts(span)["llmtrace.output"]
    for span in traced.pair("tools/list"):
        assert "llmtrace.output" not in facts(span)


async def test_a_tool_that_fails_is_a_tool_error_on_both_sides(traced):
    async with beside(made()) as talk:
        result = await talk.call_tool("boom", {"secret": "luck"})
    assert result.is_error if TWO else result.isError
    for span in traced.pair("tools/call boom"):
        assert facts(span)["error.type"] == "tool_error"
        assert not span.status.is_ok
        assert span.status.description == result.content[0].text
        assert "rpc.response.status_code" not in facts(span)


async def test_what_the_caller_got_wrong_fails_the_caller_alone(traced):
    async with beside(made()) as talk:
        with pytest.raises(MCPError) as caught:
            await talk.complete(_reference("greet"), {"name": "name", "value": ""})
    asked, served = traced.pair("completion/complete")
    code = str(caught.value.error.code)
    assert code == "-32601"
    assert facts(asked)["error.type"] == facts(asked)["rpc.response.status_code"] == code
    assert asked.status.description == caught.value.error.message
    assert facts(served)["rpc.response.status_code"] == code
    assert "error.type" not in facts(served)
    assert served.status.is_unset


async def test_a_request_that_takes_too_long_says_so(traced):
    async with beside(made(), read_timeout_seconds=seconds(5)) as talk:
        with pytest.raises(MCPError):
            await talk.call_tool("slow", {"seconds": 30}, read_timeout_seconds=seconds(0.05))
        await talk.call_tool("where")
    asked = traced.named("tools/call slow", "CLIENT")[0]
    assert facts(asked)["error.type"] == "timeout"
    assert "rpc.response.status_code" not in facts(asked)


async def test_a_cancelled_request_is_no_error(traced):
    async with beside(made()) as talk:
        waiting = asyncio.ensure_future(talk.call_tool("slow", {"seconds": 30}))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await talk.call_tool("where")
    for span in traced.named("tools/call slow"):
        assert facts(span)["llmtrace.outcome"] == "cancelled"
        assert "error.type" not in facts(span)
        assert span.status.is_unset
    assert len(traced.named("tools/call slow")) == 2


async def test_requests_at_once_do_not_mix(traced):
    async with beside(made()) as talk:

        async def one(number):
            with llmtrace.conversation(f"talk-{number}"):
                return await talk.call_tool("add", {"a": number, "b": 0})

        results = await asyncio.gather(*map(one, range(20)))
    assert [result.content[0].text for result in results] == [str(number) for number in range(20)]
    asked, served = traced.named("tools/call add", "CLIENT"), traced.named("tools/call add", "SERVER")
    parents = {span.context.span_id: span for span in asked}
    assert len(asked) == len(served) == len(traced.named("adding")) == 20
    for span in served:
        parent = parents.pop(span.parent.span_id)
        assert facts(span)["gen_ai.tool.call.arguments"] == facts(parent)["gen_ai.tool.call.arguments"]
        assert facts(span)["jsonrpc.request.id"] == facts(parent)["jsonrpc.request.id"]


async def test_a_tool_runs_with_the_servers_span_current(traced):
    async with beside(made()) as talk:
        result = await talk.call_tool("where")
    _, served = traced.pair("tools/call where")
    assert result.content[0].text == f"{served.context.trace_id:032x} {served.context.span_id:016x}"


async def test_a_tool_call_inside_the_span_of_that_tool_is_not_a_second_execution(traced):
    @llmtrace.tool("service_add")
    async def service_add(talk):
        return await talk.call_tool("add", {"a": 1, "b": 2})

    @llmtrace.tool("research")
    async def research(talk):
        return await talk.call_tool("add", {"a": 1, "b": 2})

    async with beside(made()) as talk:
        await service_add(talk)
        await research(talk)
    first, second = traced.named("tools/call add", "CLIENT")
    assert "gen_ai.operation.name" not in facts(first)
    assert facts(first)["gen_ai.tool.name"] == "add"
    assert facts(second)["gen_ai.operation.name"] == "execute_tool"


async def test_progress_and_notifications_make_no_spans(traced):
    heard = []

    async def progress(done, total, message):
        heard.append((done, total))

    async with beside(made()) as talk:
        await talk.call_tool("told", {}, progress_callback=progress)
    assert heard == [(1.0, 2.0)]
    assert {span.name for span in traced.spans} == {"initialize", "tools/call told", "tools/list"}


@pytest.mark.parametrize("traced", [{"capture": "none"}], indirect=True)
async def test_without_capture_nothing_of_the_content_is_recorded(traced):
    async with beside(made()) as talk:
        await talk.call_tool("boom", {"secret": "canary"})
        await talk.get_prompt("greet", {"name": "canary"})
        await talk.read_resource("text://bear")
    told = " ".join(
        f"{span.name} {span.status.description} {dict(span.attributes)} {span.events}" for span in traced.spans
    )
    assert "canary" not in told
    assert "bear is large" not in told
    assert len(traced.named("tools/call boom")) == 2


async def test_a_trace_that_the_app_names_itself_is_left_alone(traced):
    own = f"00-{'a' * 32}-{'b' * 16}-01"
    meta = {"traceparent": own, "app": "kept"}
    async with beside(made()) as talk:
        await talk.call_tool("where", {}, meta=meta)
    _, served = traced.pair("tools/call where")
    assert f"{served.parent.span_id:016x}" == "b" * 16
    assert meta == {"traceparent": own, "app": "kept"}


async def test_after_shutdown_the_library_is_as_it_was():
    from tests.integrations.mcp.conftest import Traced

    traced = Traced()
    traced.handle.shutdown()
    async with beside(made()) as talk:
        await talk.call_tool("where")
    assert traced.spans == []


def _reference(name):
    if TWO:
        from mcp_types import PromptReference
    else:
        from mcp.types import PromptReference
    return PromptReference(type="ref/prompt", name=name)
