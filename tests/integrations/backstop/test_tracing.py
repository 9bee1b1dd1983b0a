"""On request, a model call that no integration saw becomes a span, read from what crossed the wire."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace

from tests.integrations.backstop.clients import WAYS, every_way

CHAT = {"model": "m-1", "messages": [{"role": "user", "content": "hi"}]}
APIS = {
    "chat completions": ("api.groq.com", "/openai/v1/chat/completions", CHAT, "chat m-1", "groq"),
    "responses": ("api.openai.com", "/v1/responses", {"model": "m-1", "input": "hi"}, "chat m-1", "openai"),
    "messages": ("api.anthropic.com", "/v1/messages", {**CHAT, "max_tokens": 9}, "chat m-1", "anthropic"),
}
every_api = pytest.mark.parametrize(("host", "path", "body", "name", "provider"), APIS.values(), ids=APIS)


def said(span, key):
    return json.loads(span.attributes[f"gen_ai.{key}.messages"])


@every_api
@every_way
async def test_a_call_is_one_span_with_all_facts(way, host, path, body, name, provider, at, tracing):
    http = way.module()
    live = tracing("trace")
    _, answer = await way.whole(http, at(host, path.removeprefix("/openai")), body)
    span = live.only()
    assert span.attributes["gen_ai.provider.name"] == provider
    assert span.attributes["server.address"] == host
    assert span.attributes["gen_ai.request.model"] == "m-1"
    assert span.name == name
    assert said(span, "input")[0]["parts"] == [{"type": "text", "content": "hi"}]
    assert said(span, "output")[0]["parts"][0]["content"] in answer.decode()
    assert span.attributes["gen_ai.usage.input_tokens"] > 0
    assert span.attributes["gen_ai.usage.output_tokens"] > 0
    assert span.status.is_unset
    assert live.handle.uncovered() == {}


STREAMED = {name: way for name, way in WAYS.items() if name != "urllib3"}


@every_api
@pytest.mark.parametrize("way", STREAMED.values(), ids=STREAMED)
async def test_a_stream_is_one_span_with_all_facts(way, host, path, body, name, provider, at, tracing):
    http = way.module()
    url = at(host, path.removeprefix("/openai"))
    body = {**body, "stream": True, **({"stream_options": {"include_usage": True}} if "chat" in path else {})}
    without = b"".join([piece async for piece in way.pieces(http, url, body)])
    live = tracing("trace")
    pieces = []
    async for piece in way.pieces(http, url, body):
        assert not trace.get_current_span().get_span_context().is_valid
        pieces.append(piece)
    assert len(b"".join(pieces)) == pytest.approx(len(without), abs=200)
    span = live.only()
    assert "llmtrace.outcome" not in span.attributes
    assert "llmtrace.stream.complete" not in span.attributes
    assert span.attributes["gen_ai.request.stream"] is True
    assert span.attributes["gen_ai.usage.output_tokens"] > 0
    assert "gen_ai.response.time_to_first_chunk" in span.attributes
    assert said(span, "output")[0]["parts"][0]["content"]
