"""A thousand conversations at once through a web app, by tasks, threads, executors and streamed generators."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import llmtrace
from tests.e2e.chat_service import Service

PATHS = list(Service.spans)
CONVERSATION, USER = "gen_ai.conversation.id", "user.id"


class Running:
    """The service, traced into memory together with the server's own spans."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        self.handle = llmtrace.init(tracer_provider=provider, exporters="none")
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.service = Service()
        self.service.app.tracer = provider.get_tracer("server")

    def traces(self) -> dict[int, list[ReadableSpan]]:
        """All spans by the number that their trace's server span is named after."""
        assert self.handle.flush()
        by_trace: dict[int, list[ReadableSpan]] = defaultdict(list)
        for span in self.exporter.get_finished_spans():
            by_trace[span.context.trace_id].append(span)
        named: dict[int, list[ReadableSpan]] = {}
        for spans in by_trace.values():
            (root,) = [span for span in spans if span.parent is None]
            assert root.name.startswith("n="), f"{root.name} has no parent"
            number = int(root.name[2:])
            assert number not in named, f"request {number} has two traces"
            named[number] = spans
        return named


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    yield made
    made.handle.shutdown()
    made.service.pool.shutdown()


def path(number: int) -> str:
    return PATHS[number % len(PATHS)]


async def converse(client: httpx.AsyncClient, count: int) -> None:
    """Asks everything at once, and looks at every answer."""

    async def ask(number: int) -> None:
        answer = await client.get(path(number), params={"n": number})
        assert answer.status_code == 200
        assert set(re.findall(r"<(\d+)>", answer.text)) == {str(number)}

    await asyncio.gather(*(ask(number) for number in range(count)))


def check(running: Running, count: int) -> None:
    traces = running.traces()
    assert sorted(traces) == list(range(count))
    for number, spans in traces.items():
        check_trace(number, spans)
    assert running.service.strays == []
    sent = Counter(name for headers in running.service.model.headers for name in headers)
    assert not {"traceparent", "tracestate", "baggage"} & set(sent)


def check_trace(number: int, spans: list[ReadableSpan]) -> None:
    """Every span is where it belongs, belongs to this conversation and tells of nothing else."""
    assert len(spans) == Service.spans[path(number)], [span.name for span in spans]
    known = {span.context.span_id: span for span in spans}
    for span in spans:
        if span.parent is None:
            continue
        parent = known[span.parent.span_id]
        assert parent.start_time <= span.start_time
        assert span.links == ()
        attributes: dict[str, Any] = dict(span.attributes)
        assert attributes[CONVERSATION] == f"c-{number}"
        assert attributes[USER] == f"u-{number}"
        assert set(re.findall(r"<(\d+)>", json.dumps(attributes))) <= {str(number)}


async def test_a_thousand_conversations_at_once_are_a_thousand_clean_traces(running: Running) -> None:
    transport = httpx.ASGITransport(app=running.service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=120) as client:
        await converse(client, 1000)
    check(running, 1000)


async def test_through_a_real_server_it_is_the_same(running: Running) -> None:
    config = uvicorn.Config(running.service.app, port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while thread.is_alive() and not server.started:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            await converse(client, 60)
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join)
    check(running, 60)
