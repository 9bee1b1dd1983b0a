"""However an app leaves a stream of Google's client, its span ends exactly once, and says how."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from opentelemetry import trace

from llmtrace.testing.local_http import LocalServer, Response
from tests.integrations.conformance.clients import collected, each, settled
from tests.integrations.conformance.live import traced
from tests.integrations.google_genai.answers import PIECES, network, steps, stream
from tests.integrations.google_genai.clients import connect, genai, quiet

pytestmark = quiet
sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


@pytest.fixture
def tracing():
    with traced() as made:
        yield made


def generating(side):
    """`generate_content_stream`: a plain generator."""
    return side.models.generate_content_stream(model="gemini-2.5-flash", contents="Tell me a story")


def chatting(side):
    """`send_message_stream`: a generator over that one."""
    return side.chats.create(model="gemini-2.5-flash").send_message_stream("Tell me a story")


def interacting(side):
    """`interactions.create(stream=True)`: a stream object of the second client."""
    return side.interactions.create(model="gemini-3", input="Tell me a story", stream=True)


SHAPES = [generating, chatting]
if hasattr(genai.Client, "interactions"):
    SHAPES.append(interacting)
every_shape = pytest.mark.parametrize("shape", SHAPES)


def answer(shape, **more):
    return replace(steps() if shape is interacting else stream(*PIECES), **more)


def connected(shape, **more):
    return connect(network(answer(shape, **{"cut": 40, **more})))


async def opened(shape, client, asynchronous):
    # A chat's async generator is behind a coroutine, as the others are.
    return await settled(shape(client.aio if asynchronous else client))


async def step(items):
    """The next item; what the app has current between two of them is its own."""
    found = await anext(items) if hasattr(items, "__anext__") else next(items)
    assert not trace.get_current_span().get_span_context().is_valid
    return found


async def exhausted(items):
    async for _ in each(items):
        assert not trace.get_current_span().get_span_context().is_valid


async def broken(items):
    async for _ in each(items):
        break


async def closed(items):
    await step(items)
    close = getattr(items, "close", None) or items.aclose
    await settled(close())


async def raising(items):
    async for _ in each(items):
        raise LookupError("the app's own")


async def thrice(items):
    for _ in range(3):
        await step(items)


ENDINGS = {exhausted: None, broken: "abandoned", closed: "abandoned", raising: "abandoned", thrice: "abandoned"}


@sync_and_async
@pytest.mark.parametrize("ending", ENDINGS)
@every_shape
async def test_a_stream_ends_once(shape, ending, asynchronous, tracing):
    client = connected(shape)
    items = await opened(shape, client, asynchronous)
    with suppress(LookupError):
        await ending(items)
    del items
    await collected()
    span = tracing.only()
    assert span.attributes.get("llmtrace.outcome") == ENDINGS[ending]
    assert "gen_ai.response.time_to_first_chunk" in span.attributes
    assert span.status.is_unset
    assert ("llmtrace.stream.complete" not in span.attributes) == (ending is exhausted)


@sync_and_async
@every_shape
async def test_a_stream_that_is_never_read_leaves_no_span_open(shape, asynchronous, tracing):
    client = connected(shape)
    items = await opened(shape, client, asynchronous)
    del items
    await collected()
    tracing.handle.flush()
    sent = len(client._api_client._httpx_client._transport.handler.requests)  # a generator sends when it is first asked
    assert tracing.live.begun == len(tracing.live.ended) == sent
    for span in tracing.live.ended:
        assert span.attributes["llmtrace.outcome"] == "abandoned"


@every_shape
async def test_a_stream_whose_task_is_cancelled_ends_as_cancelled(shape, tracing):
    whole = answer(shape).body
    client = connected(shape, body=whole[: len(whole) // 2], stalls=True)
    reading = asyncio.Event()

    async def read():
        async for _ in each(await opened(shape, client, asynchronous=True)):
            reading.set()

    task = asyncio.create_task(read())
    await asyncio.wait_for(reading.wait(), 5)
    for _ in range(100):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    span = tracing.only()
    assert span.attributes["llmtrace.outcome"] == "cancelled"
    assert span.status.is_unset


@every_shape
async def test_a_call_that_is_cancelled_before_its_answer_ends_as_cancelled(shape, tracing):
    client = connected(shape, body=b"", stalls=True)

    async def read():
        async for _ in each(await opened(shape, client, asynchronous=True)):
            pass

    task = asyncio.create_task(read())
    for _ in range(100):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tracing.only().attributes["llmtrace.outcome"] == "cancelled"


class Slow(LocalServer):
    """Gives the stream, event by event."""

    def answer(self, request):
        given = answer(generating)
        return Response(200, dict(given.headers), given.body, stream=True)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_stream_over_aiohttp_ends_once(ending, tracing):
    pytest.importorskip("aiohttp", reason="not applicable: aiohttp is tested in another environment")
    with Slow(cut=200, delay=0.005) as server:
        client = connect(base_url=server.url)
        assert client._api_client._use_aiohttp()
        items = await opened(generating, client, asynchronous=True)
        with suppress(LookupError):
            await ending(items)
        if ending is not exhausted:
            await items.aclose()
        del items
        await collected()
        await client.aio.aclose()
    span = tracing.only()
    assert span.attributes.get("llmtrace.outcome") == ENDINGS[ending]
    assert "gen_ai.response.time_to_first_chunk" in span.attributes
    assert ("llmtrace.stream.complete" not in span.attributes) == (ending is exhausted)


async def test_a_stream_over_aiohttp_whose_task_is_cancelled_ends_as_cancelled(tracing):
    pytest.importorskip("aiohttp", reason="not applicable: aiohttp is tested in another environment")
    with Slow(cut=200, delay=0.5) as server:
        client = connect(base_url=server.url)
        reading = asyncio.Event()

        async def read():
            async for _ in await opened(generating, client, asynchronous=True):
                reading.set()

        task = asyncio.create_task(read())
        await asyncio.wait_for(reading.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.aio.aclose()
    assert tracing.only().attributes["llmtrace.outcome"] == "cancelled"


@sync_and_async
async def test_an_error_inside_a_stream_is_the_span_s(asynchronous, tracing):
    wrong = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    client = connect(network(stream(*PIECES[:2], wrong)))
    with pytest.raises(genai.errors.ServerError):
        await exhausted(await opened(generating, client, asynchronous))
    await collected()
    span = tracing.only()
    assert span.attributes["error.type"] == "503"
    assert span.status.description == "The model is overloaded."
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
