"""Recorded answers, given back to the real clients."""

from typing import NamedTuple

import anthropic
import openai
import pytest

from llmtrace.testing import ReplayServer
from tests.recordings import ROOT, exchanges


class Recorded(NamedTuple):
    request: dict
    response: dict


def recorded(text, body=None, path="/v1/chat/completions"):
    request = {"method": "POST", "url": f"https://api.example.com{path}", "body": body}
    response = {"status": 200, "headers": {"content-type": "application/json"}, "body_text": text}
    return Recorded(request, response)


def create(exchange, openai_client, anthropic_client):
    """Sends the recorded request through the client's own method; gives the status and bytes of what came back."""
    resources = {
        "openai.chat.completions": openai_client.chat.completions,
        "openai.responses": openai_client.responses,
        "openai.embeddings": openai_client.embeddings,
        "anthropic.messages": anthropic_client.messages,
    }
    needed = {"model": "x", "messages": []} if "responses" not in exchange.api else {"model": "x"}
    needed |= {"max_tokens": 1} if "anthropic" in exchange.api else {}
    needed = {"model": "x", "input": "x"} if "embeddings" in exchange.api else needed
    resource = resources[exchange.api].with_streaming_response
    try:
        with resource.create(**needed, extra_body=exchange.request["body"]) as response:
            return response.status_code, response.read()
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        return error.status_code, error.response.content


@pytest.mark.parametrize(
    "api", ["openai.chat.completions", "openai.responses", "openai.embeddings", "anthropic.messages"]
)
def test_recorded_answers_come_back_byte_for_byte_through_the_real_client(api):
    recordings = [exchange for exchange in exchanges(api) if exchange.request["body_encoding"] == "json"]
    if not recordings:
        pytest.skip(f"no recordings at {ROOT} (set LLMTRACE_RECORDINGS)")
    with (
        ReplayServer(recordings, cut=101) as server,
        openai.OpenAI(api_key="local", base_url=f"{server.url}/v1", max_retries=0) as one,
        anthropic.Anthropic(api_key="local", base_url=server.url, max_retries=0) as other,
    ):
        for exchange in recordings:
            status, body = create(exchange, one, other)
            assert (exchange.name, status) == (exchange.name, exchange.response["status"])
            assert body in [e.response_bytes for e in recordings if e.request["body"] == exchange.request["body"]]


def test_the_body_decides_among_exchanges_of_one_path_and_else_their_order():
    exchanges = [recorded('{"n": 1}', {"q": "a"}), recorded('{"n": 2}', {"q": "b"}), recorded('{"n": 3}', {"q": "c"})]
    with ReplayServer(exchanges) as server, openai.OpenAI(api_key="local", base_url=f"{server.url}/v1") as client:
        asked = [{"q": "b"}, {"q": "z"}, {"q": "z"}, {"q": "z"}]
        answers = [client.post("/chat/completions", cast_to=object, body=body) for body in asked]
    assert [answer["n"] for answer in answers] == [2, 1, 3, 3]


def test_a_platforms_prefix_does_not_matter_but_the_path_does():
    azure = recorded("{}", path="/openai/deployments/gpt-5-mini/chat/completions")
    with (
        ReplayServer([azure]) as server,
        openai.OpenAI(api_key="local", base_url=server.url, max_retries=0) as client,
    ):
        assert client.post("/chat/completions", cast_to=object, body={}) == {}
        with pytest.raises(openai.InternalServerError, match="nothing was recorded for POST /embeddings"):
            client.post("/embeddings", cast_to=object, body={})
