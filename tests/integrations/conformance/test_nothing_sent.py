"""What an app says of a conversation is for its traces: not a byte of it goes to a model provider, nor of the trace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry import baggage, context, trace

import llmtrace
from llmtrace.testing import capture
from tests.integrations.conformance.clients import KINDS, call, connect, each, entered, package_of, settled
from tests.integrations.conformance.network import Answer, Network, http_of

SAID = ("conversation-4711", "user-0815", "metadata-0042", "tag-1234", "template-5678", "baggage-9876")
MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = {"model": "gpt-test", "messages": MESSAGES}
CLAUDE = {"model": "claude-test", "max_tokens": 9, "messages": MESSAGES}

VERBS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "openai": [
        ("chat.completions.create", CHAT),
        ("chat.completions.create", {**CHAT, "stream": True}),
        ("chat.completions.with_raw_response.create", CHAT),
        ("chat.completions.stream", CHAT),
        ("responses.create", {"model": "gpt-test", "input": "hi"}),
        ("embeddings.create", {"model": "embed-test", "input": "hi", "encoding_format": "float"}),
    ],
    "anthropic": [
        ("messages.create", CLAUDE),
        ("messages.create", {**CLAUDE, "stream": True}),
        ("messages.with_raw_response.create", CLAUDE),
        ("messages.stream", CLAUDE),
    ],
}
CASES = [(kind, *verb) for kind in KINDS for verb in VERBS[package_of(kind)]]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("kind", "verb", "body"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
async def test_nothing_that_was_said_goes_to_the_provider(
    kind: str, verb: str, body: dict[str, Any], asynchronous: bool
) -> None:
    events = body.get("stream") or verb.endswith(".stream")
    answer = Answer(
        headers={"content-type": "text/event-stream" if events else "application/json"}, body=b"" if events else b"{}"
    )
    network = Network(http_of(package_of(kind)), answer)
    client = connect(kind, network, asynchronous=asynchronous)
    token = context.attach(baggage.set_baggage("app", SAID[5]))
    with capture() as captured:
        with (
            llmtrace.conversation(SAID[0], user=SAID[1], note=SAID[2]),
            llmtrace.tags(SAID[3]),
            llmtrace.prompt(SAID[4], version=SAID[4], template=SAID[4]),
            llmtrace.step("outer"),
        ):
            trace_id = trace.get_current_span().get_span_context().trace_id
            if verb.endswith(".stream"):
                async with entered(call(client, verb, body)):
                    pass
            else:
                result = await settled(call(client, verb, body))
                if events:
                    assert [item async for item in each(result)] == []
        assert SAID[0] in captured.spans[-1].attributes.values()
    context.detach(token)
    (sent,) = network.requests
    assert not {"traceparent", "tracestate", "baggage"} & {name.lower() for name, _ in sent.headers}
    written = json.dumps([sent.url, sent.headers, sent.body.decode()])
    assert not [said for said in (*SAID, f"{trace_id:032x}", "llmtrace") if said in written]
