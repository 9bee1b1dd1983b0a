"""What is over does not go on: work that outlives its request begins traces of its own, in nobody's conversation."""

from __future__ import annotations

import asyncio
import gc
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

import llmtrace
from llmtrace.testing import Captured, capture
from llmtrace.testing.captured import decoded

REQUESTS = 100
OTHERS = TracerProvider(shutdown_on_exit=False).get_tracer("others")


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture(integrations=["-openai", "-anthropic"]) as block:
        yield block


@llmtrace.step
def work(n: int) -> int:
    model(f"<{n}>")
    return n


@llmtrace.llm(model="m")
def model(prompt: str) -> str:
    return prompt


async def task_worker(jobs: asyncio.Queue[Any]) -> None:
    while True:
        job, done = await jobs.get()
        done.set_result(job())


async def through_a_task(request: Callable[[int, Callable[[Any], Any]], Any]) -> None:
    """Hands each request's job to one task, which the first request starts."""
    jobs: asyncio.Queue[Any] = asyncio.Queue()
    workers: list[asyncio.Task[None]] = []

    def hand(job: Any) -> Any:
        if not workers:
            workers.append(asyncio.create_task(task_worker(jobs)))
        done = asyncio.get_running_loop().create_future()
        jobs.put_nowait((job, done))
        return done

    for n in range(REQUESTS):
        await request(n, hand)
    workers[0].cancel()


async def through_a_thread(request: Callable[[int, Callable[[Any], Any]], Any]) -> None:
    """Hands each request's job to one thread, which the first request starts."""
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    workers: list[threading.Thread] = []

    def serve() -> None:
        while (job := jobs.get()) is not None:
            job()

    def hand(job: Any) -> Any:
        if not workers:
            workers.append(threading.Thread(target=serve))
            workers[0].start()
        loop, done = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        jobs.put(lambda: loop.call_soon_threadsafe(done.set_result, job()))
        return done

    for n in range(REQUESTS):
        await request(n, hand)
    jobs.put(None)
    workers[0].join()


@pytest.fixture(params=[through_a_task, through_a_thread], ids=["task", "thread"])
def through(request: pytest.FixtureRequest) -> Any:
    return request.param


def by_trace(captured: Captured, name: str) -> dict[int, ReadableSpan]:
    return {span.context.trace_id: span for span in captured.all(name)}


async def test_a_worker_gives_a_clean_trace_for_each_of_a_hundred_requests(captured: Captured, through: Any) -> None:
    async def request(n: int, hand: Callable[[Any], Any]) -> None:
        with llmtrace.conversation(f"c-{n}", user=f"u-{n}"), llmtrace.step("request"):
            await hand(lambda: work(n))

    await through(request)
    first, *others = sorted(by_trace(captured, "work").values(), key=lambda span: span.start_time)
    assert first.parent is not None
    assert decoded(first)["gen_ai.conversation.id"] == "c-0"
    assert len(others) == REQUESTS - 1
    for span in others:
        assert span.parent is None
        assert [link.context.span_id for link in span.links] == [first.parent.span_id]
        assert not {"gen_ai.conversation.id", "user.id"} & set(span.attributes)
        assert span.attributes["llmtrace.step.path"] == "work"
        (below,) = captured.children(span)
        assert below.links == ()


async def test_what_a_job_itself_says_is_all_that_holds_for_it(captured: Captured, through: Any) -> None:
    def job(n: int) -> None:
        with llmtrace.conversation(f"c-{n}"):
            work(n)

    async def request(n: int, hand: Callable[[Any], Any]) -> None:
        with llmtrace.conversation(f"c-{n}", user="the first one's", tier="gold"), llmtrace.tags("first"):
            await hand(lambda: job(n))

    await through(request)
    spans = captured.all("work")
    assert [decoded(span)["gen_ai.conversation.id"] for span in spans] == [f"c-{n}" for n in range(REQUESTS)]
    first, *others = [decoded(span) for span in spans]
    assert first["user.id"] == "the first one's"
    assert not [span for span in others if {"user.id", "llmtrace.metadata.tier", "llmtrace.tags"} & set(span)]


async def test_below_a_server_span_that_ended_a_worker_begins_anew(captured: Captured, through: Any) -> None:
    async def request(n: int, hand: Callable[[Any], Any]) -> None:
        with OTHERS.start_as_current_span("server"):
            await hand(lambda: work(n))

    await through(request)
    first, *others = captured.all("work")
    assert first.parent is not None
    assert [span.parent for span in others] == [None] * (REQUESTS - 1)
    assert {link.context.span_id for span in others for link in span.links} == {first.parent.span_id}


async def test_below_another_services_span_too(captured: Captured, through: Any) -> None:
    headers = {"traceparent": "00-0000000000000000000000000000000a-000000000000000b-01"}

    async def request(n: int, hand: Callable[[Any], Any]) -> None:
        with llmtrace.extract(headers):
            await hand(lambda: work(n))

    await through(request)
    first, *others = captured.all("work")
    assert first.context.trace_id == 10
    assert [span.parent for span in others] == [None] * (REQUESTS - 1)


async def test_content_that_was_switched_off_stays_off(captured: Captured, through: Any) -> None:
    async def request(n: int, hand: Callable[[Any], Any]) -> None:
        with llmtrace.capture("none"):
            await hand(lambda: work(n))

    await through(request)
    assert not [span for span in captured.spans if "<" in str(dict(span.attributes))]


async def test_a_task_keeps_what_was_said_for_its_first_call_however_late(captured: Captured) -> None:
    async def background() -> None:
        await asyncio.sleep(0.01)
        work(1)
        work(2)

    with llmtrace.conversation("c", user="u"):
        task = asyncio.create_task(background())
    work(0)
    await task
    before, first, second = captured.all("work")
    assert "gen_ai.conversation.id" not in before.attributes
    assert (first.attributes["gen_ai.conversation.id"], first.attributes["user.id"]) == ("c", "u")
    (below,) = captured.children(first)
    assert below.attributes["gen_ai.conversation.id"] == "c"
    assert "gen_ai.conversation.id" not in second.attributes


async def test_tasks_of_one_block_each_keep_it(captured: Captured) -> None:
    async def background(n: int) -> None:
        work(n)

    with llmtrace.conversation("c"):
        tasks = [asyncio.create_task(background(n)) for n in range(20)]
    await asyncio.gather(*tasks)
    assert len(captured.all("work", gen_ai__conversation__id="c")) == 20


async def test_a_step_around_the_work_keeps_all_of_it_together(captured: Captured) -> None:
    @llmtrace.step
    async def background() -> None:
        work(1)
        await asyncio.sleep(0.01)
        work(2)

    with llmtrace.conversation("c"):
        task = asyncio.create_task(background())
    await task
    assert len(captured.all("work", gen_ai__conversation__id="c")) == 2


async def test_while_something_around_is_under_way_it_is_the_parent(captured: Captured) -> None:
    async def background() -> None:
        await asyncio.sleep(0.01)
        work(1)
        work(2)

    with llmtrace.conversation("c"), llmtrace.workflow("answer"):
        with llmtrace.step("start"), llmtrace.metadata(inside=True):
            task = asyncio.create_task(background())
        await task
    answer, start = captured.one("invoke_workflow answer"), captured.one("start")
    for span in captured.all("work"):
        assert span.parent.span_id == answer.context.span_id
        assert [link.context.span_id for link in span.links] == [start.context.span_id]
        assert span.attributes["llmtrace.step.path"] == "answer/work"
        assert span.attributes["gen_ai.conversation.id"] == "c"


async def test_a_server_span_under_way_is_the_parent_when_all_of_ours_are_over(captured: Captured) -> None:
    async def background() -> None:
        await asyncio.sleep(0.01)
        work(1)

    with OTHERS.start_as_current_span("server") as server:
        with llmtrace.step("handler"):
            task = asyncio.create_task(background())
        await task
    assert captured.one("work").parent.span_id == server.get_span_context().span_id


def test_a_function_that_says_it_as_a_decorator_is_left_when_it_returns(captured: Captured) -> None:
    later: list[threading.Timer] = []

    @llmtrace.conversation("c")
    def handler() -> None:
        def twice() -> None:
            work(1)
            work(2)

        later.append(threading.Timer(0.02, twice))
        later[0].start()

    handler()
    later[0].join()
    assert [span.attributes.get("gen_ai.conversation.id") for span in captured.all("work")] == ["c", None]


async def test_spans_of_others_say_only_what_still_holds(through: Any) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    tracer = provider.get_tracer("others")

    def job(n: int) -> None:
        work(n)
        tracer.start_span("theirs").end()

    async def request(n: int, hand: Callable[[Any], Any]) -> None:
        with llmtrace.conversation(f"c-{n}"), tracer.start_as_current_span("server"):
            await hand(lambda: job(n))

    with capture(integrations=["-openai", "-anthropic"], tracer_provider=provider) as captured:
        await through(request)
    theirs = [span for span in captured.spans if span.name == "theirs"]
    assert [span.attributes.get("gen_ai.conversation.id") for span in theirs] == ["c-0"] + [None] * (REQUESTS - 1)


async def test_tasks_that_start_one_another_keep_nothing_of_those_before(captured: Captured) -> None:
    spans: list[weakref.ref[Any]] = []
    tasks: set[asyncio.Task[None]] = set()

    def start(left: int) -> None:
        tasks.add(asyncio.create_task(hop(left)))
        for task in tasks:
            task.add_done_callback(tasks.discard)

    async def hop(left: int) -> None:
        with llmtrace.conversation(f"c-{left}"), llmtrace.suppress(), llmtrace.tags("t"):
            pass
        with llmtrace.conversation(f"c-{left}"), llmtrace.step("hop"):
            spans.append(weakref.ref(trace.get_current_span()))
            if left:
                start(left - 1)
            else:
                captured.clear()
                gc.collect()
                held.append(len([span for span in spans if span() is not None]))
            await asyncio.sleep(0)

    held: list[int] = []
    start(50)
    while tasks:
        await asyncio.wait(tasks)
    assert len(spans) == 51
    assert held[0] < 10
