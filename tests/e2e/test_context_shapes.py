"""Every way in which a web app hands work on: each call is in its request's trace, or linked to one that is over."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse as FastAPIStream
from opentelemetry.sdk.trace import ReadableSpan
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import llmtrace
from llmtrace.testing import Captured, ModelServer, capture
from llmtrace.testing.captured import decoded

Handler = Callable[[Request], Any]


class App:
    """What the handlers share: clients of both colours, a pool, and a model to ask."""

    def __init__(self, url: str) -> None:
        self.client = openai.OpenAI(base_url=url, api_key="fake", max_retries=0)
        self.asynchronous = openai.AsyncOpenAI(base_url=url, api_key="fake", max_retries=0)
        self.pool = ThreadPoolExecutor(2)
        self.jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.worker = threading.Thread(target=self.work)

    def ask(self, *_: Any) -> str:
        answer = self.client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello"}])
        return str(answer.choices[0].message.content)

    async def aask(self) -> str:
        answer = await self.asynchronous.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Hello"}]
        )
        return str(answer.choices[0].message.content)

    def stream(self) -> Any:
        return self.client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Hello"}], stream=True
        )

    async def astream(self) -> Any:
        return await self.asynchronous.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Hello"}], stream=True
        )

    def work(self) -> None:
        """A worker that outlives every request."""
        while (done := self.jobs.get()) is not None:
            self.ask()
            done.set()

    def hand_over(self) -> None:
        """Gives the worker something to do, and starts it if need be: in whichever request comes first."""
        if not self.worker.is_alive():
            self.worker.start()
        done = threading.Event()
        self.jobs.put(done)
        done.wait()

    async def close(self) -> None:
        if self.worker.is_alive():
            self.jobs.put(None)
            self.worker.join()
        self.pool.shutdown()
        self.client.close()
        await self.asynchronous.close()


def text(chunk: Any) -> str:
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


@pytest.fixture
async def app() -> AsyncIterator[App]:
    with ModelServer() as server:
        made = App(server.openai_url)
        yield made
        await made.close()


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture() as block:
        yield block


@llmtrace.workflow
async def gathered(app: App) -> None:
    await asyncio.gather(app.aask(), asyncio.create_task(app.aask()), asyncio.to_thread(app.ask))


@llmtrace.workflow
async def pooled(app: App) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(app.pool, app.ask) for _ in range(3)))


@llmtrace.workflow
async def called_back(app: App) -> None:
    """A worker thread is done and calls back: once where it is, once in the loop, which starts a task."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    asked = threading.Event()

    async def ask() -> None:
        await app.aask()
        done.set()

    future = app.pool.submit(asked.wait)
    future.add_done_callback(app.ask)
    future.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.create_task, ask()))
    loop.call_soon(asked.set)
    await app.aask()
    await done.wait()


@llmtrace.workflow
def threaded(app: App) -> None:
    threads = [threading.Thread(target=app.ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("way", [gathered, pooled, called_back, threaded], ids=lambda way: way.__name__)
async def test_three_calls_handed_on_are_below_the_step_that_handed_them_on(app: App, captured: Captured, way: Any):
    with llmtrace.conversation("c-1", user="ada"):
        await asyncio.gather(way(app)) if asyncio.iscoroutinefunction(way) else way(app)
    calls = captured.all("chat m")
    step = captured.one(f"invoke_workflow {way.__name__}")
    assert [call.parent.span_id for call in calls] == [step.context.span_id] * 3
    assert {decoded(call)["gen_ai.conversation.id"] for call in calls} == {"c-1"}


def with_starlette(handler: Handler) -> Any:
    return Starlette(routes=[Route("/", handler)])


def with_fastapi(handler: Handler) -> Any:
    made = FastAPI()
    made.add_route("/", handler)
    return made


async def asked(served: Any, times: int = 1) -> str:
    """What the app answers when it is asked so often, one request after the other."""
    transport = httpx.ASGITransport(app=served)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return "".join([(await client.get("/")).text for _ in range(times)])


@pytest.mark.parametrize("stream", [StreamingResponse, FastAPIStream], ids=["starlette", "fastapi"])
@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_generator_that_a_framework_drives_is_one_trace(app: App, captured: Captured, stream, colour):
    @llmtrace.conversation("c-2")
    @llmtrace.workflow(name="answer")
    def answer() -> Iterator[str]:
        yield app.ask()
        yield from map(text, app.stream())

    @llmtrace.conversation("c-2")
    @llmtrace.workflow(name="answer")
    async def aanswer() -> AsyncIterator[str]:
        yield await app.aask()
        async for chunk in await app.astream():
            yield text(chunk)

    async def handle(_: Request) -> Response:
        return stream((answer if colour == "sync" else aanswer)())

    made = with_starlette(handle) if stream is StreamingResponse else with_fastapi(handle)
    said = await asked(made)
    whole, streamed = captured.all("chat m")
    step = captured.one("invoke_workflow answer")
    assert whole.parent.span_id == streamed.parent.span_id == step.context.span_id
    assert said.endswith(decoded(streamed)["gen_ai.output.messages"][0]["parts"][0]["content"])
    assert {decoded(span)["gen_ai.conversation.id"] for span in captured.spans} == {"c-2"}


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_stream_that_outlives_its_step_stays_below_it(app: App, captured: Captured, colour):
    async def handle(_: Request) -> Response:
        with llmtrace.conversation("c-3"), llmtrace.workflow("answer"):
            if colour == "sync":
                return StreamingResponse(map(text, app.stream()))
            return StreamingResponse(text(chunk) async for chunk in await app.astream())

    said = await asked(with_starlette(handle))
    call, step = captured.one("chat m"), captured.one("invoke_workflow answer")
    assert call.parent.span_id == step.context.span_id
    assert call.end_time >= step.end_time
    assert said == decoded(call)["gen_ai.output.messages"][0]["parts"][0]["content"]


def check_outlived(call: ReadableSpan, step: ReadableSpan) -> None:
    """A call that began when its step was over has a trace of its own, which is linked to the step's."""
    assert call.parent is None
    assert call.context.trace_id != step.context.trace_id
    assert [link.context.span_id for link in call.links] == [step.context.span_id]


def by_starlette(app: App, made: Callable[[], Any]) -> Any:
    async def handle(_: Request) -> Response:
        with llmtrace.conversation("c-4"), llmtrace.workflow("answer"):
            app.ask()
            return PlainTextResponse("later", background=BackgroundTask(made()))

    return with_starlette(handle)


def by_fastapi(app: App, made: Callable[[], Any]) -> Any:
    served = FastAPI()

    @served.get("/")
    async def handle(tasks: BackgroundTasks) -> str:
        with llmtrace.conversation("c-4"), llmtrace.workflow("answer"):
            app.ask()
            tasks.add_task(made())
        return "later"

    return served


@pytest.mark.parametrize("by", [by_starlette, by_fastapi], ids=["starlette", "fastapi"])
@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_background_task_belongs_to_nobody_who_is_over(app: App, captured: Captured, by, colour):
    await asked(by(app, lambda: app.ask if colour == "sync" else app.aask))
    during, after = captured.all("chat m")
    step = captured.one("invoke_workflow answer")
    assert during.parent.span_id == step.context.span_id
    # A framework runs it where the block was left long ago: nothing of the block holds there any more.
    assert after.context.trace_id != step.context.trace_id
    assert "gen_ai.conversation.id" not in decoded(after)


async def test_a_task_that_outlives_its_request_is_linked_to_it(app: App, captured: Captured):
    over, tasks = asyncio.Event(), []

    async def later() -> None:
        await over.wait()
        await app.aask()

    async def handle(_: Request) -> Response:
        with llmtrace.conversation("c-4"), llmtrace.workflow("answer"):
            tasks.append(asyncio.create_task(later()))
        return PlainTextResponse("later")

    await asked(with_starlette(handle))
    over.set()
    await asyncio.gather(*tasks)
    call = captured.one("chat m")
    check_outlived(call, captured.one("invoke_workflow answer"))
    assert decoded(call)["gen_ai.conversation.id"] == "c-4"  # the task was started for it


async def test_a_long_lived_worker_inherits_no_strangers_conversation(app: App, captured: Captured):
    requests = iter(range(9))

    async def handle(_: Request) -> Response:
        with llmtrace.conversation(f"c-{next(requests)}"), llmtrace.workflow("answer"):
            await asyncio.to_thread(app.hand_over)
        return PlainTextResponse("done")

    await asked(with_starlette(handle), times=5)
    first, *others = captured.all("chat m")
    steps = captured.all("invoke_workflow answer")
    assert first.context.trace_id == steps[0].context.trace_id  # it was this request that started the worker
    for call in others:
        check_outlived(call, steps[0])
        assert "gen_ai.conversation.id" not in decoded(call)
