"""Streams cut anywhere, and a server that leaves nothing behind."""

import random
import threading
import time
from urllib.request import urlopen

import anthropic
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtrace.testing import Answer, ModelServer, ToolUse
from llmtrace.testing.local_http import LocalServer, Response, pieces

SAID = Answer("Grüße … 山 🚲!", (ToolUse("weather", {"place": "Tromsø"}),), "Überlegen …")
CUTS = st.one_of(
    st.none(),
    st.integers(1, 4000),
    st.lists(st.integers(0, 5000), max_size=30),
    st.integers(0, 2**32).map(random.Random),
)


def ask_openai(client):
    chunks = list(
        client.chat.completions.create(
            model="gpt-5-mini",
            messages=[{"role": "user", "content": "x"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    with client.responses.stream(model="gpt-5-mini", input="x") as stream:
        response = stream.get_final_response()
    return [chunk.model_dump() for chunk in chunks], [item.model_dump() for item in response.output]


def ask_anthropic(client):
    with client.messages.stream(
        model="claude-haiku-4-5", max_tokens=100, messages=[{"role": "user", "content": "x"}]
    ) as stream:
        return stream.get_final_message().model_dump()


def heard(server):
    server.script([SAID] * 3)
    with openai.OpenAI(api_key="local", base_url=server.openai_url) as client:
        first = ask_openai(client)
    with anthropic.Anthropic(api_key="local", base_url=server.anthropic_url) as client:
        return first, ask_anthropic(client)


@pytest.fixture(scope="module")
def uncut():
    with ModelServer() as server:
        return heard(server)


@settings(max_examples=15, deadline=None)
@given(cut=CUTS, gzip=st.booleans())
def test_a_stream_says_the_same_wherever_it_is_cut(uncut, cut, gzip):
    with ModelServer(cut=cut, gzip=gzip) as server:
        assert heard(server) == uncut


@given(body=st.binary(max_size=300), cut=CUTS)
def test_the_pieces_of_a_body_are_never_empty_and_joined_the_body(body, cut):
    cut_up = list(pieces(body, cut))
    assert b"".join(cut_up) == body
    assert all(cut_up)


def test_a_cut_can_fall_inside_a_character():
    with pytest.raises(UnicodeDecodeError):
        [piece.decode() for piece in pieces("Grüße".encode(), 3)]


def test_events_come_at_the_servers_pace():
    with ModelServer(delay=0.05) as server, openai.OpenAI(api_key="local", base_url=server.openai_url) as client:
        server.reply("a b c d")
        stream = client.chat.completions.create(
            model="gpt-5-mini", messages=[{"role": "user", "content": "x"}], stream=True
        )
        times = [time.monotonic() for _ in stream]
    assert times[-1] - times[0] > 0.15


def test_no_thread_outlives_the_block_though_a_client_keeps_its_connection():
    before = threading.active_count()
    client = openai.OpenAI(api_key="local", base_url="http://unused.invalid")
    with ModelServer() as server:
        client.base_url = server.openai_url
        client.models.list()
    assert threading.active_count() == before
    client.close()


def test_a_stream_that_nobody_hears_out_does_not_hold_up_the_end():
    began = time.monotonic()
    with ModelServer(delay=30) as server, openai.OpenAI(api_key="local", base_url=server.openai_url) as client:
        client.chat.completions.create(
            model="gpt-5-mini", messages=[{"role": "user", "content": "x"}], stream=True
        ).close()
    assert time.monotonic() - began < 5


class Faulty(LocalServer):
    def answer(self, request):
        if request.path == "/fine":
            return Response(200, {}, b"fine")
        raise ZeroDivisionError(request.path)


def test_a_fault_while_answering_surfaces_at_the_end_of_the_block():
    server = Faulty()
    server.__enter__()
    assert urlopen(f"{server.url}/fine").read() == b"fine"
    with pytest.raises(ConnectionError):
        urlopen(f"{server.url}/broken")
    with pytest.raises(ZeroDivisionError, match="/broken"):
        server.__exit__(None, None, None)
