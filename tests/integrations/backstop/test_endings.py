"""However an app leaves a body that it reads by hand, the span of the call ends exactly once, and says how."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry import trace

from tests.integrations.backstop.clients import OPENING, every_opening
from tests.integrations.conformance.clients import collected, each, settled

BODY = {"model": "m-1", "messages": [{"role": "user", "content": "tell me more than a little"}], "stream": True}
HOST, PATH = "api.groq.com", "/v1/chat/completions"


def library_of(name):
    return pytest.importorskip(name, reason="not applicable: lib is tested in another environment")


async def exhausted(opened):
    async for _ in each(opened.pieces):
        assert not trace.get_current_span().get_span_context().is_valid


async def broken_off(opened):
    await opened.first()


async def closed(opened):
    await opened.first()
    await settled(opened.close())


async def raising(opened):
    await opened.first()
    raise LookupError("the app's own")


async def unread(opened):
    """Does not read at all."""


SLOWLY = 0.003
"""Seconds between two pieces, so that the first one read is not the whole body."""

ENDINGS = {exhausted: None, broken_off: "abandoned", closed: "abandoned", raising: "abandoned", unread: "abandoned"}


@pytest.mark.parametrize("ending", ENDINGS)
@every_opening
async def test_a_body_that_is_left_ends_its_span_once(library, opening, ending, at, tracing, server):
    http = library_of(library)
    server.delay = SLOWLY
    live = tracing("trace")
    try:
        async with opening(http, at(HOST, PATH), BODY) as opened:
            try:
                await ending(opened)
            finally:
                await settled(opened.close())
    except LookupError:
        assert ending is raising
    del opened
    await collected()
    span = live.only()
    assert span.attributes.get("llmtrace.outcome") == ENDINGS[ending]
    assert ("gen_ai.response.time_to_first_chunk" in span.attributes) == (ending is not unread)
    assert span.status.is_unset


@pytest.mark.filterwarnings("ignore:Unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("reads", [0, 1])
@every_opening
async def test_a_body_that_is_let_go_of_ends_its_span_when_it_is_collected(
    library, opening, reads, at, tracing, server
):
    http = library_of(library)
    server.delay = SLOWLY
    live = tracing("trace")
    async with opening(http, at(HOST, PATH), BODY) as opened:
        if reads:
            await opened.first()
        opened.response = opened.pieces = opened.close = None
    await collected()
    span = live.only()
    assert span.attributes["llmtrace.outcome"] == "abandoned"
    assert ("gen_ai.response.time_to_first_chunk" in span.attributes) == bool(reads)


@pytest.mark.parametrize("library", ["httpx", "httpx2", "aiohttp"])
async def test_a_body_whose_reader_is_cancelled_ends_its_span_as_cancelled(library, at, tracing, server):
    http = library_of(library)
    _, opening = OPENING[library if library == "aiohttp" else f"{library} async"]
    live = tracing("trace")
    server.delay = 0.05
    reading = asyncio.Event()

    async def read():
        async with opening(http, at(HOST, PATH), BODY) as opened:
            try:
                await opened.first()
                reading.set()
                await exhausted(opened)
            finally:
                await settled(opened.close())

    task = asyncio.create_task(read())
    await asyncio.wait_for(reading.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    span = live.only()
    assert span.attributes["llmtrace.outcome"] == "cancelled"
    assert span.status.is_unset
