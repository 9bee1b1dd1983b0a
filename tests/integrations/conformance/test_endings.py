"""However an app leaves a stream of a real client, its span ends exactly once, and says how."""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import pytest
from opentelemetry import trace

from tests.integrations.conformance.asked import ASKS
from tests.integrations.conformance.clients import call, collected, connect, each, entered, package_of, settled
from tests.integrations.conformance.live import traced
from tests.integrations.conformance.network import Network, http_of

sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
every_stream = pytest.mark.parametrize("name", ["chat", "responses", "messages", "beta messages"])


@pytest.fixture
def tracing():
    with traced() as made:
        yield made


def network_for(ask, **changes):
    return Network(http_of(package_of(ask.kind)), replace(ask.streamed.answer(), cut=40, **changes))


def stream(client, ask):
    """`create(stream=True)`: the stream is its own context manager."""
    return call(client, ask.verb, ask.streamed.body)


def helper(client, ask):
    """`stream(...)`."""
    return call(client, ask.verb.replace("create", "stream"), ask.body)


def raw(client, ask):
    """`with_streaming_response.create(stream=True)`, read by the line."""
    return call(client, ask.verb.replace("create", "with_streaming_response.create"), ask.streamed.body)


def legacy(client, ask):
    """`with_raw_response.create(stream=True)`, parsed into a stream."""
    return call(client, ask.verb.replace("create", "with_raw_response.create"), ask.streamed.body)


SHAPES = (stream, helper, raw, legacy)
every_shape = pytest.mark.parametrize("shape", SHAPES)


async def opened(shape, client, ask, stack):
    """What is read from: the manager is entered on the stack, as `with` would."""
    manager = shape(client, ask)
    if shape in (stream, legacy):
        manager = await settled(manager)
    if shape is legacy:
        manager = await settled(manager.parse())
    thing = await stack.enter_async_context(entered(manager))
    return thing.iter_lines() if shape is raw else thing


async def step(items):
    """The next item."""
    return await anext(items) if hasattr(items, "__anext__") else next(items)


async def exhausted(items):
    """Reads to the end."""
    async for _ in each(items):
        assert not trace.get_current_span().get_span_context().is_valid


async def left(items):
    """Reads one item and leaves the block."""
    await step(items)
    assert not trace.get_current_span().get_span_context().is_valid


async def closed(items):
    """Reads one item and closes."""
    await step(items)
    close = getattr(items, "close", None) or items.aclose
    await settled(close())


async def raising(items):
    """Raises after one item."""
    await step(items)
    raise LookupError("the app's own")


async def unread(items):
    """Does not read at all."""


ENDINGS = {exhausted: None, left: "abandoned", closed: "abandoned", raising: "abandoned", unread: "abandoned"}


@sync_and_async
@pytest.mark.parametrize("ending", ENDINGS)
@every_shape
@every_stream
async def test_a_stream_ends_once_when_its_block_is_left(name, shape, ending, asynchronous, tracing):
    ask = ASKS[name]
    client = connect(ask.kind, network_for(ask), asynchronous=asynchronous)
    with suppress(LookupError):
        async with AsyncExitStack() as block:
            await ending(await opened(shape, client, ask, block))
    span = tracing.only()
    assert span.attributes.get("llmtrace.outcome") == ENDINGS[ending]
    assert ("gen_ai.response.time_to_first_chunk" in span.attributes) == (ending is not unread)
    assert span.status.is_unset
    assert ("llmtrace.stream.complete" not in span.attributes) == (ending is exhausted)


async def dropped(shape, client, ask, reads):
    """Reads so many items outside any block, and lets go of the stream."""
    manager = shape(client, ask)
    if shape in (stream, legacy):
        manager = await settled(manager)
    if shape is legacy:
        manager = await settled(manager.parse())
    enter = getattr(manager, "__aenter__", None) or manager.__enter__
    thing = await settled(enter()) if shape in (helper, raw) else manager
    items = thing.iter_lines() if shape is raw else thing
    for _ in range(reads):
        await step(items)


@sync_and_async
@pytest.mark.parametrize("reads", [0, 1, 3])
@every_shape
@every_stream
async def test_a_stream_that_is_let_go_of_ends_when_it_is_collected(name, shape, reads, asynchronous, tracing):
    ask = ASKS[name]
    client = connect(ask.kind, network_for(ask), asynchronous=asynchronous)
    await dropped(shape, client, ask, reads)
    await collected()
    span = tracing.only()
    assert span.attributes["llmtrace.outcome"] == "abandoned"
    assert ("gen_ai.response.time_to_first_chunk" in span.attributes) == (reads > 0)


@every_shape
@every_stream
async def test_a_stream_whose_task_is_cancelled_ends_as_cancelled(name, shape, tracing):
    ask = ASKS[name]
    whole = ask.streamed.answer().body
    client = connect(ask.kind, network_for(ask, body=whole[: len(whole) // 2], stalls=True), asynchronous=True)
    reading = asyncio.Event()

    async def read():
        async with AsyncExitStack() as block:
            items = await opened(shape, client, ask, block)
            await step(items)
            reading.set()
            await exhausted(items)

    task = asyncio.create_task(read())
    await asyncio.wait_for(reading.wait(), 5)
    for _ in range(100):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    span = tracing.only()
    assert span.attributes["llmtrace.outcome"] == "cancelled"
    assert "gen_ai.response.time_to_first_chunk" in span.attributes
    assert span.status.is_unset


@every_stream
async def test_a_call_that_is_cancelled_before_its_answer_ends_as_cancelled(name, tracing):
    ask = ASKS[name]
    client = connect(ask.kind, network_for(ask, body=b"", stalls=True), asynchronous=True)
    task = asyncio.ensure_future(call(client, ask.verb, ask.body))
    for _ in range(100):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tracing.only().attributes["llmtrace.outcome"] == "cancelled"


@sync_and_async
@every_stream
async def test_a_loop_that_is_broken_off_ends_once_the_stream_is_gone(name, asynchronous, tracing):
    ask = ASKS[name]
    client = connect(ask.kind, network_for(ask), asynchronous=asynchronous)
    answer = await settled(stream(client, ask))
    async for _ in each(answer):
        break
    del answer, _
    await collected()
    assert tracing.only().attributes["llmtrace.outcome"] == "abandoned"
