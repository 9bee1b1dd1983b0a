"""However an app leaves a body or a stream of Bedrock's, its span ends exactly once, and says how."""

import asyncio
import json
from contextlib import suppress

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode
from urllib3 import HTTPResponse

from llmtrace.testing import Answer, ModelServer
from tests.integrations.bedrock.asked import ASKS
from tests.integrations.bedrock.clients import connected
from tests.integrations.conformance.clients import collected, each, settled
from tests.integrations.conformance.live import traced

sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
every_stream = pytest.mark.parametrize("name", ["converse stream", "invoke stream"])
leaves_it_open = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def tracing():
    with traced() as made:
        yield made


async def opened(client, name):
    """The body or stream that is still to be read."""
    ask = ASKS[name]
    return (await settled(getattr(client, ask.method)(**ask.given)))[ask.coming]


async def step(stream):
    """Reads the next event; neither library's stream is an iterator itself."""
    async for _ in each(stream):
        assert not trace.get_current_span().get_span_context().is_valid
        return


async def exhausted(stream):
    """Reads to the end."""
    async for _ in each(stream):
        assert not trace.get_current_span().get_span_context().is_valid


async def in_two(stream):
    """Leaves one loop and goes on in another, as both libraries let an app do."""
    await step(stream)
    await exhausted(stream)


async def left(stream):
    """Reads one event."""
    await step(stream)


async def raising(stream):
    """Raises after one event."""
    await step(stream)
    raise LookupError("the app's own")


async def unread(stream):
    """Does not read at all."""


ENDINGS = {exhausted: None, in_two: None, left: "abandoned", raising: "abandoned", unread: "abandoned"}


@sync_and_async
@pytest.mark.parametrize("ending", ENDINGS)
@every_stream
async def test_a_stream_ends_once_when_it_is_closed(name, ending, asynchronous, tracing):
    with ModelServer(cut=40) as server:
        async with connected("bedrock-runtime", server.url, asynchronous=asynchronous) as client:
            stream = await opened(client, name)
            with suppress(LookupError):
                await ending(stream)
            await settled(stream.close())
            await settled(stream.close())
            span = tracing.only()
    assert span.attributes.get("llmtrace.outcome") == ENDINGS[ending]
    assert ("gen_ai.response.time_to_first_chunk" in span.attributes) == (ending is not unread)
    assert ("llmtrace.stream.complete" not in span.attributes) == (ENDINGS[ending] is None)
    assert span.status.is_unset


@leaves_it_open
@sync_and_async
@pytest.mark.parametrize("reads", [0, 1, 3])
@every_stream
async def test_a_stream_that_is_let_go_of_ends_when_it_is_collected(name, reads, asynchronous, tracing):
    with ModelServer(cut=40) as server:
        async with connected("bedrock-runtime", server.url, asynchronous=asynchronous) as client:
            stream = await opened(client, name)
            for _ in range(reads):
                await step(stream)
            del stream
            await asyncio.sleep(0.05)  # aiohttp holds a response until the rest of it has come in
            await collected()
            span = tracing.only()
    assert span.attributes["llmtrace.outcome"] == "abandoned"
    assert ("gen_ai.response.time_to_first_chunk" in span.attributes) == (reads > 0)


@every_stream
async def test_a_stream_whose_task_is_cancelled_ends_as_cancelled(name, tracing):
    with ModelServer(cut=40, delay=0.02) as server:
        async with connected("bedrock-runtime", server.url, asynchronous=True) as client:
            stream = await opened(client, name)
            await step(stream)
            task = asyncio.create_task(exhausted(stream))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            span = tracing.only()
            stream.close()
    assert span.attributes["llmtrace.outcome"] == "cancelled"
    assert "gen_ai.response.time_to_first_chunk" in span.attributes
    assert span.status.is_unset


@pytest.mark.parametrize("name", ASKS)
async def test_a_call_that_is_cancelled_before_its_answer_ends_as_cancelled(name, tracing):
    with ModelServer() as server:
        async with connected("bedrock-runtime", server.url, asynchronous=True) as client:
            ask = ASKS[name]
            task = asyncio.ensure_future(getattr(client, ask.method)(**ask.given))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert tracing.only().attributes["llmtrace.outcome"] == "cancelled"


async def whole(body):
    return await settled(body.read())


async def by_amount(body):
    pieces = []
    while piece := await settled(body.read(50)):
        pieces.append(piece)
    return b"".join(pieces)


async def to_the_byte(body):
    """As many bytes as there are, and not once more to see that there are no others."""
    return await settled(body.read(100_000))


async def by_chunks(body):
    return b"".join([chunk async for chunk in each(body.iter_chunks(30))])


async def by_itself(body):
    return b"".join([chunk async for chunk in each(body)])


async def by_lines(body):
    return b"".join([line async for line in each(body.iter_lines(30, keepends=True))])


async def into_a_buffer(body):
    found, buffer = b"", bytearray(70)
    while count := await settled(body.readinto(buffer)):
        found += buffer[:count]
    return found


async def by_next(body):
    found = []
    with suppress(StopIteration, StopAsyncIteration):
        while True:
            found.append(await body.__anext__() if hasattr(body, "__anext__") else next(body))
    return b"".join(found)


READINGS = (whole, by_amount, to_the_byte, by_chunks, by_itself, by_lines, into_a_buffer, by_next)


@sync_and_async
@pytest.mark.parametrize("reading", READINGS)
async def test_a_body_that_is_read_ends_as_completed_and_says_all(reading, asynchronous, tracing):
    with ModelServer() as server:
        async with connected("bedrock-runtime", server.url, asynchronous=asynchronous) as client:
            body = await opened(client, "invoke")
            if reading is into_a_buffer and not hasattr(body, "readinto"):
                await settled(body.close())
                pytest.skip("not applicable: this version of the library has no such method")
            said = json.loads(await reading(body))
            span = tracing.only()
            await settled(body.close())
            assert tracing.only() is span
    assert "llmtrace.outcome" not in span.attributes
    assert span.attributes["gen_ai.response.id"] == said["id"]
    assert span.attributes["gen_ai.usage.output_tokens"] == said["usage"]["output_tokens"]
    assert "gen_ai.response.time_to_first_chunk" not in span.attributes


def entered(body):
    with body as raw:
        return raw.read()


def by_raw_lines(body):
    return b"".join(body.readlines())


def from_raw(body):
    with body as raw:
        return b"".join(raw.stream(20))


def each_of_raw(body):
    with body as raw:
        return b"".join(raw)


def one_by_one(body):
    with body as raw:
        return raw.read(5) + raw.read1() + raw.readline() + raw.read()


@pytest.mark.parametrize("reading", [entered, by_raw_lines, from_raw, each_of_raw, one_by_one])
async def test_what_botocore_hands_out_of_a_body_is_listened_to_as_well(reading, tracing):
    if reading is one_by_one and not hasattr(HTTPResponse, "read1"):
        pytest.skip("not applicable: this version of urllib3 has no such method")
    with ModelServer() as server:
        async with connected("bedrock-runtime", server.url, asynchronous=False) as client:
            body = await opened(client, "invoke")
            said = json.loads(reading(body))
            span = tracing.only()
    assert "llmtrace.outcome" not in span.attributes
    assert span.attributes["gen_ai.response.id"] == said["id"]


@sync_and_async
@pytest.mark.parametrize("reads", [0, 1])
async def test_a_body_that_is_closed_before_its_end_ends_as_abandoned(reads, asynchronous, tracing):
    with ModelServer() as server:
        async with connected("bedrock-runtime", server.url, asynchronous=asynchronous) as client:
            body = await opened(client, "invoke")
            for _ in range(reads):
                await settled(body.read(20))
            await settled(body.close())
            span = tracing.only()
    assert span.attributes["llmtrace.outcome"] == "abandoned"


@leaves_it_open
@sync_and_async
@pytest.mark.parametrize("reads", [0, 1])
async def test_a_body_that_is_let_go_of_ends_when_it_is_collected(reads, asynchronous, tracing):
    with ModelServer() as server:
        async with connected("bedrock-runtime", server.url, asynchronous=asynchronous) as client:
            body = await opened(client, "invoke")
            for _ in range(reads):
                await settled(body.read(20))
            del body
            await asyncio.sleep(0.05)  # as above
            await collected()
            assert tracing.only().attributes["llmtrace.outcome"] == "abandoned"


@leaves_it_open
@sync_and_async
@pytest.mark.parametrize("name", ["converse stream", "invoke stream", "invoke"])
async def test_a_connection_that_drops_ends_it_as_failed(name, asynchronous, tracing):
    with ModelServer(cut=40) as server:
        server.reply(Answer("one two three four five", drop_after=150))
        async with connected("bedrock-runtime", server.url, asynchronous=asynchronous) as client:
            body = await opened(client, name)
            with pytest.raises(Exception):  # noqa: B017, PT011 - each transport has its own
                await (whole if name == "invoke" else exhausted)(body)
            span = tracing.only()
            await settled(body.close())
    assert span.status.status_code is StatusCode.ERROR
    assert "Error" in span.attributes["error.type"] or "IncompleteRead" in span.attributes["error.type"]
