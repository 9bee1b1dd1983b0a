"""A fault at any place where our code calls anything under boto3's and aiobotocore's calls never reaches the app."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import llmtrace
from llmtrace.engine.guard import Guard
from llmtrace.testing import ModelServer
from tests.engine.planting import Plant, Site, watched
from tests.integrations.bedrock.asked import ASKS
from tests.integrations.bedrock.clients import ELSEWHERE, connected
from tests.integrations.conformance.clients import each, settled


async def value(client: Any) -> Any:
    answer = await settled(client.converse(**ASKS["converse"].given))
    return answer["output"], answer["usage"]


async def stream(client: Any) -> Any:
    answer = await settled(client.converse_stream(**ASKS["converse stream"].given))
    return [event async for event in each(answer["stream"])]


async def left_stream(client: Any) -> Any:
    answer = await settled(client.converse_stream(**ASKS["converse stream"].given))
    events = each(answer["stream"])
    first = await anext(events)
    await settled(answer["stream"].close())
    return first


async def body(client: Any) -> Any:
    answer = await settled(client.invoke_model(**ASKS["invoke"].given))
    return len(await settled(answer["body"].read()))


async def body_in_pieces(client: Any) -> Any:
    answer = await settled(client.invoke_model(**ASKS["invoke"].given))
    return [len(chunk) async for chunk in each(answer["body"].iter_chunks(99))]


async def refused(client: Any) -> Any:
    with pytest.raises(client.exceptions.ValidationException) as caught:
        await settled(client.converse(modelId="m", messages=[]))
    return str(caught.value), type(caught.value)


SHAPES = (value, stream, left_stream, body, body_in_pieces, refused)


def on_the_apps_path(site: Site) -> bool:
    return site.file.split("/")[0] in ("engine", "integrations")


@pytest.mark.allows_log("kept from your app|switched off")
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_fault_reaches_an_app(
    shape: Callable[[Any], Any], asynchronous: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guard, "strict", False)
    library = "aiobotocore" if asynchronous else "botocore"
    pytest.importorskip(library, reason=ELSEWHERE.format(library))
    loop, held = asyncio.new_event_loop(), AsyncExitStack()
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with ModelServer(cut=60) as server:
        entering = held.enter_async_context(connected("bedrock-runtime", server.url, asynchronous=asynchronous))
        client = loop.run_until_complete(entering)

        def run() -> Any:
            return loop.run_until_complete(shape(client))

        untraced = run()
        handle = llmtrace.init(tracer_provider=provider, exporters="none", integrations=[library])
        try:
            assert run() == untraced
            sites = watched(run, on_the_apps_path)
            assert len({site.callee for site in sites}) > 15
            gc.collect()
            handle.flush()
            assert len(exporter.get_finished_spans()) == 2
            for site in sites:
                plant = Plant(site)
                assert plant(run) == untraced, f"a fault at {site} reached the app"
                assert plant.raised
                handle.uninstrument()
                handle.session.instrument()
        finally:
            handle.shutdown()
            loop.run_until_complete(held.aclose())
            loop.close()
