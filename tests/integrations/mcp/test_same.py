"""With tracing on, clients and servers get what they got without, and what travels is what travelled."""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any

import pytest

from llmtrace.facts.operation import Begin
from llmtrace.integrations.mcp import INTEGRATION
from tests.integrations.mcp.conftest import Traced
from tests.integrations.mcp.talking import LEAKS, TWO, MCPError, beside, made, posted, seconds, serving

pytestmark = LEAKS


async def talked(talk: Any) -> list[Any]:
    """All that an app sees of a few requests."""
    seen: list[Any] = []
    for tool, arguments in (("add", {"a": 1, "b": 2}), ("boom", {"secret": "luck"}), ("nope", {}), ("add", {"a": "x"})):
        seen.append((await talk.call_tool(tool, arguments)).model_dump())
    seen.append((await talk.list_tools()).model_dump())
    seen.append((await talk.get_prompt("greet", {"name": "Ada"})).model_dump())
    for wrong in (lambda: talk.get_prompt("nope"), lambda: talk.read_resource("text://nope")):
        with pytest.raises(MCPError) as caught:
            await wrong()
        seen.append((type(caught.value), caught.value.error.model_dump(), caught.value.__cause__))
    with pytest.raises(MCPError) as caught:
        await talk.call_tool("slow", {"seconds": 30}, read_timeout_seconds=seconds(0.05))
    seen.append((type(caught.value), caught.value.error.model_dump(), type(caught.value.__context__)))
    return seen


async def test_results_and_errors_are_the_same():
    async with beside(made()) as talk:
        without = await talked(talk)
    traced = Traced()
    async with beside(made()) as talk:
        within = await talked(talk)
    traced.handle.shutdown()
    assert within == without


async def test_what_a_host_that_is_not_allowed_gets_is_the_same():
    bodies = []
    for tracing in (False, True):
        traced = Traced() if tracing else None
        with serving(made().streamable_http_app()) as web:
            async with posted(web.url) as talk:
                await talk.call_tool("add", {"a": 1, "b": 2})
        if traced is not None:
            traced.handle.shutdown()
        bodies.append([json.loads(part) for part in web.wire if part.startswith(b"{")])
    assert bodies[0] == bodies[1]
    assert any(body.get("method") == "tools/call" for body in bodies[0])


def _found() -> dict[str, Any]:
    """The functions at the points where a call begins, those of them that this version has."""
    found = {}
    for target, point in INTEGRATION.points.items():
        module, _, path = target.partition(":")
        try:
            place: Any = importlib.import_module(module)
            for name in path.split("."):
                place = vars(place)[name]
        except (ImportError, KeyError):
            continue
        if isinstance(point, Begin):
            found[target] = place
    return found


def test_what_stands_in_for_a_function_looks_like_it():
    before = _found()
    traced = Traced()
    after = _found()
    assert len(after) >= 4
    for target, function in after.items():
        assert function is not before[target]
        assert inspect.signature(function) == inspect.signature(before[target])
        assert inspect.iscoroutinefunction(function)
        assert function.__qualname__ == before[target].__qualname__
    traced.handle.shutdown()
    assert _found() == before


@pytest.mark.skipif(not TWO, reason="not applicable: version 1 has no such client")
@pytest.mark.parametrize("allowed", [True, False])
async def test_the_newest_protocol_tells_nobody_but_who_may_know(monkeypatch, allowed):
    from mcp import Client

    monkeypatch.setenv("LLMTRACE_PROPAGATE_HOSTS", "localhost")
    traced = Traced()
    with serving(made().streamable_http_app()) as web:
        async with Client(f"{web.named if allowed else web.url}/mcp") as client:
            await client.call_tool("add", {"a": 1, "b": 2})
    asked, served = traced.pair("tools/call add")
    traced.handle.shutdown()
    assert (b"traceparent" in b"".join(web.wire)) is allowed
    assert (served.parent is not None and served.parent.span_id == asked.context.span_id) is allowed
    assert asked.attributes["mcp.protocol.version"] == served.attributes["mcp.protocol.version"] == "2026-07-28"
