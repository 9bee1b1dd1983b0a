"""What an app sees of a call of Google's client is the same with llmtrace and without it, to the byte."""

import inspect
import json
from operator import attrgetter

import pytest

from llmtrace import runtime
from llmtrace.testing.captured import capture
from tests.integrations.conformance.clients import collected, each, settled
from tests.integrations.conformance.network import Answer
from tests.integrations.conformance.observed import described, observe, public
from tests.integrations.google_genai.answers import JSON, PIECES, generated, network, steps, stream, text, whole
from tests.integrations.google_genai.clients import connect, genai, quiet, types

pytestmark = quiet
sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
early_and_late = pytest.mark.parametrize("early", [False, True], ids=["client made after init", "client made before"])

FLASH = {"model": "gemini-2.5-flash", "contents": "Hi"}
INTERACTION = {"id": "i1", "status": "completed", "steps": [{"type": "model_output", "content": []}]}
CALLS = {
    "models.generate_content": (FLASH, whole(text("Hi."))),
    "models.generate_content_stream": (FLASH, stream(*PIECES)),
    "models.embed_content": (
        {"model": "gemini-embedding-001", "contents": ["a", "b"]},
        whole({"embeddings": [{"values": [0.1, 0.2]}, {"values": [0.3, 0.4]}]}),
    ),
    "models.count_tokens": (FLASH, whole({"totalTokens": 3})),
    "caches.create": ({"model": "gemini-2.5-flash"}, whole({"name": "cachedContents/c1"})),
    "interactions.create": ({"model": "gemini-3", "input": "Hi"}, whole(INTERACTION)),
    "interactions.create stream": ({"model": "gemini-3", "input": "Hi", "stream": True}, steps()),
    "interactions.with_raw_response.create": ({"model": "gemini-3", "input": "Hi"}, whole(INTERACTION)),
    "interactions.get": ({"id": "i1"}, whole(INTERACTION)),
}
every_call = pytest.mark.parametrize("name", CALLS)
STREAMS = [name for name in CALLS if "stream" in name]


def refused(module, request):
    return module.ConnectError("nobody there", request=request)


def slow(module, request):
    return module.ReadTimeout("too slow", request=request)


def cut(module):
    return module.RemoteProtocolError("peer closed connection")


ERROR = b'{"error": {"code": %d, "message": "No.", "status": "INVALID_ARGUMENT"}}'
WRONG = {
    "400": Answer(400, JSON, ERROR % 400),
    "429": Answer(429, {**JSON, "retry-after": "0"}, ERROR % 429),
    "500": Answer(500, JSON, ERROR % 500),
    "html": Answer(502, {"content-type": "text/html"}, b"<html>bad gateway</html>"),
    "empty": Answer(200, JSON, b""),
    "malformed": Answer(200, JSON, b'{"candidates": ['),
    "odd": Answer(200, JSON, b'[1, "two", null]'),
    "refused": Answer(refused=refused),
    "timeout": Answer(refused=slow),
    "broken body": Answer(200, JSON, b'{"candidates"', broken=cut),
}
STREAM_WRONG = {
    "broken off": Answer(200, {"content-type": "text/event-stream"}, stream(*PIECES).body[:500], broken=cut),
    "cut short": Answer(200, {"content-type": "text/event-stream"}, stream(*PIECES).body[:500]),
    "error inside": stream(*PIECES[:2], {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}),
    "error as lines": Answer(200, JSON, json.dumps({"error": {"code": 500, "message": "No."}}, indent=1).encode()),
    "no document": Answer(200, {"content-type": "text/event-stream"}, b"data: {not json}\n\n"),
}


async def seen(made, name, asynchronous):
    net, client = made
    side = client.aio if asynchronous else client

    async def run(note):
        answer = await settled(attrgetter(name.partition(" ")[0])(side)(**CALLS[name][0]))
        note("type", type(answer).__qualname__)
        note("offers", public(answer))
        if "stream" in name:
            async for piece in each(answer):
                note("piece", piece)
        else:
            note("value", answer)

    return await observe(run, net)


async def compare(name, asynchronous, *answers, early=False, **options):
    def made():
        net = network(*answers)
        return net, connect(net, **options)

    without = await seen(made(), name, asynchronous)
    before = made()
    with capture() as captured:
        traced = await seen(before if early else made(), name, asynchronous)
        if not captured.spans:
            await collected()
        spans = captured.spans
    for part in ("notes", "error", "warned", "sent"):
        assert getattr(traced, part) == getattr(without, part)
    assert len(spans) == 1
    assert not {key.lower() for one in traced.sent for key, _ in one[2]} & {"traceparent", "tracestate", "baggage"}
    return traced, spans[0]


@early_and_late
@sync_and_async
@every_call
async def test_a_value_and_a_stream_are_the_same(name, asynchronous, early):
    observed, span = await compare(name, asynchronous, CALLS[name][1], early=early)
    assert observed.error is None
    assert span.status.is_unset


@sync_and_async
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ["models.generate_content", "interactions.create", *STREAMS])
async def test_an_error_is_the_same(name, wrong, asynchronous):
    await compare(name, asynchronous, WRONG[wrong])


@sync_and_async
@pytest.mark.parametrize("wrong", STREAM_WRONG)
@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_that_goes_wrong_is_the_same(name, wrong, asynchronous):
    await compare(name, asynchronous, STREAM_WRONG[wrong])


@sync_and_async
@pytest.mark.parametrize("name", ["models.generate_content", "models.generate_content_stream", "interactions.create"])
async def test_a_call_that_is_retried_is_the_same_and_one_span(name, asynchronous):
    retry = types.HttpRetryOptions(attempts=3, initial_delay=0.001, max_delay=0.001, jitter=0.0)
    answers = [WRONG["500"], WRONG["500"], CALLS[name][1]]
    observed, span = await compare(name, asynchronous, *answers, retry_options=retry)
    assert observed.error is None
    assert span.attributes["llmtrace.attempts"] == len(observed.sent) == 3


PATCHED = [
    "models.Models.generate_content",
    "models.Models.generate_content_stream",
    "models.AsyncModels.generate_content",
    "models.AsyncModels.generate_content_stream",
    "chats.Chat.send_message",
    "chats.Chat.send_message_stream",
    "chats.AsyncChat.send_message",
    "chats.AsyncChat.send_message_stream",
    "_api_client.BaseApiClient._request",
    "_api_client.BaseApiClient._async_request",
    "_api_client.BaseApiClient._request_once",
    "_api_client.BaseApiClient._async_request_once",
    "_api_client.HttpResponse.__init__",
    "_extra_utils.invoke_function_from_dict_args",
    "_extra_utils.invoke_function_from_dict_args_async",
    "_extra_utils.get_function_response_parts",
    "_extra_utils.get_function_response_parts_async",
]


def looks(function):
    asks = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return (inspect.signature(function), function.__qualname__, function.__doc__, [ask(function) for ask in asks])


@pytest.mark.parametrize("place", PATCHED)
def test_what_stands_in_looks_like_what_it_stands_in_for(place):
    without = looks(attrgetter(place)(genai))
    with capture():
        assert looks(attrgetter(place)(genai)) == without


@sync_and_async
@pytest.mark.parametrize("name", ["models.generate_content_stream", "interactions.create stream"])
async def test_a_stream_is_what_it_was(name, asynchronous):
    async def kind():
        client = connect(network(CALLS[name][1]))
        side = client.aio if asynchronous else client
        answer = await settled(attrgetter(name.partition(" ")[0])(side)(**CALLS[name][0]))
        found = (type(answer), inspect.isgenerator(answer), inspect.isasyncgen(answer))
        async for _ in each(answer):
            pass
        return found

    without = await kind()
    with capture():
        assert await kind() == without


@sync_and_async
async def test_a_client_is_traced_from_init_to_uninstrument_and_again_after_another_init(asynchronous):
    client = connect(network(whole(generated({"text": "Hi."}))))
    side = client.aio if asynchronous else client

    async def result():
        return described(await settled(side.models.generate_content(**FLASH)))

    without = await result()
    for _ in range(2):
        with capture() as captured:
            assert await result() == without
            assert len(captured.spans) == 1
            runtime.uninstrument()
            assert await result() == without
            assert len(captured.spans) == 1
