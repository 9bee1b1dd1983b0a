"""Work handed to a thread goes on in the context it was handed over in, and nothing of that stays behind there."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import inspect
import pickle
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context, pool
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest
from opentelemetry import baggage, context, trace

import llmtrace
from llmtrace.testing import Captured, capture
from llmtrace.testing.captured import decoded


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture(integrations=["-openai", "-anthropic"]) as block:
        yield block


@llmtrace.step
def inner(*_: Any) -> str:
    return threading.current_thread().name


class Overriding(threading.Thread):
    def run(self) -> None:
        inner()


def own_run() -> None:
    thread = threading.Thread()
    thread.run = inner  # type: ignore[method-assign]
    joined(thread)


def joined(thread: threading.Thread) -> None:
    thread.start()
    thread.join()


def on_executor(work: Callable[[Executor], Any]) -> None:
    with ThreadPoolExecutor(2) as executor:
        work(executor)


def on_pool(work: Callable[[ThreadPool], Any]) -> None:
    with ThreadPool(2) as made:
        work(made)


def called_back(executor: Executor) -> None:
    """By the thread that is done, which is busy until the callback is there."""
    asked, done = threading.Event(), threading.Event()
    future = executor.submit(asked.wait)
    future.add_done_callback(inner)
    future.add_done_callback(lambda _: done.set())
    asked.set()
    done.wait()


def called_back_by(made: ThreadPool, answered: Callable[..., Any], **callbacks: Any) -> None:
    made.apply_async(answered, **callbacks).wait()


def failing() -> None:
    raise LookupError


async def back_in_the_loop(executor: Executor) -> None:
    """A worker thread asks the loop to do something."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def back() -> None:
        inner()
        done.set()

    await loop.run_in_executor(executor, loop.call_soon_threadsafe, back)
    await done.wait()


async def in_loop(executor: Executor | None) -> None:
    await asyncio.get_running_loop().run_in_executor(executor, inner)


WAYS: dict[str, Callable[[], Any]] = {
    "thread": lambda: joined(threading.Thread(target=inner)),
    "subclass": lambda: joined(Overriding()),
    "own run": own_run,
    "timer": lambda: joined(threading.Timer(0, inner)),
    "submit": lambda: on_executor(lambda executor: executor.submit(inner).result()),
    "map": lambda: on_executor(lambda executor: list(executor.map(inner, [1]))),
    "run_in_executor": lambda: on_executor(lambda executor: asyncio.run(in_loop(executor))),
    "default executor": lambda: asyncio.run(in_loop(None)),
    "to_thread": lambda: asyncio.run(asyncio.to_thread(inner)),
    "done callback": lambda: on_executor(called_back),
    "call_soon_threadsafe": lambda: on_executor(lambda executor: asyncio.run(back_in_the_loop(executor))),
    "callback": lambda: on_pool(lambda made: called_back_by(made, int, callback=inner)),
    "error callback": lambda: on_pool(lambda made: called_back_by(made, failing, error_callback=inner)),
    "apply": lambda: on_pool(lambda made: made.apply(inner)),
    "apply_async": lambda: on_pool(lambda made: made.apply_async(func=inner).get()),
    "pool map": lambda: on_pool(lambda made: made.map(inner, [1])),
    "map_async": lambda: on_pool(lambda made: made.map_async(inner, [1]).get()),
    "starmap": lambda: on_pool(lambda made: made.starmap(inner, [(1, 2)])),
    "starmap_async": lambda: on_pool(lambda made: made.starmap_async(inner, [(1, 2)]).get()),
    "imap": lambda: on_pool(lambda made: list(made.imap(inner, [1]))),
    "imap_unordered": lambda: on_pool(lambda made: list(made.imap_unordered(inner, [1]))),
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@every_way
def test_work_started_inside_a_step_is_below_it_and_in_its_conversation(
    captured: Captured, way: Callable[[], Any]
) -> None:
    with llmtrace.conversation("c-1", user="u-1"), llmtrace.step("outer"):
        way()
    outer, below = captured.one("outer"), captured.one("inner")
    assert below.parent.span_id == outer.context.span_id
    assert decoded(below)["gen_ai.conversation.id"] == "c-1"
    assert decoded(below)["user.id"] == "u-1"
    assert decoded(below)["llmtrace.step.path"] == "outer/inner"


@every_way
def test_work_that_begins_when_the_block_is_left_keeps_what_was_said_there(
    captured: Captured, way: Callable[[], Any]
) -> None:
    late = threading.Thread(target=way)
    with llmtrace.conversation("c-2"):
        late.start()
    late.join()
    assert decoded(captured.one("inner"))["gen_ai.conversation.id"] == "c-2"


@every_way
def test_outside_of_everything_nothing_is_carried(captured: Captured, way: Callable[[], Any]) -> None:
    way()
    assert captured.one("inner").parent is None


@every_way
def test_without_tracing_it_is_as_ever(way: Callable[[], Any]) -> None:
    way()


def test_the_threads_of_a_pool_do_not_keep_the_context_they_were_started_in(captured: Captured) -> None:
    with llmtrace.conversation("c-3"), llmtrace.step("first"):
        executor, made = ThreadPoolExecutor(1), ThreadPool(1)
        executor.submit(inner).result()
        made.apply(inner)
    with executor, made:
        seen = [executor.submit(context.get_current).result(), made.apply(context.get_current)]
        executor.submit(inner).result()
        made.apply(inner)
    assert seen == [{}, {}]
    assert [decoded(span).get("gen_ai.conversation.id") for span in captured.all("inner")] == ["c-3", "c-3", None, None]


def test_a_callback_is_its_askers_whoever_calls_it(captured: Captured) -> None:
    with ThreadPoolExecutor(1) as executor:
        with llmtrace.conversation("c-4"), llmtrace.step("first"):
            future = executor.submit(inner)
            future.result()
        with llmtrace.conversation("c-5"), llmtrace.step("second"):
            future.add_done_callback(inner)
        future.add_done_callback(inner)
    assert [decoded(span).get("gen_ai.conversation.id") for span in captured.all("inner")] == ["c-4", "c-5", None]


def test_what_is_said_in_a_job_ends_with_it(captured: Captured) -> None:
    def forgetful() -> None:
        context.attach(baggage.set_baggage("left", "behind"))

    with llmtrace.step("outer"), ThreadPoolExecutor(1) as executor:
        executor.submit(forgetful).result()
        assert executor.submit(baggage.get_baggage, "left").result() is None


def test_other_context_variables_stay_where_they_are(captured: Captured) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("the caller's")
    with llmtrace.step("outer"), ThreadPoolExecutor(1) as executor:
        assert executor.submit(variable.get).result() == "unset"


def test_spans_of_others_are_carried_too(captured: Captured) -> None:
    span = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=False))
    with trace.use_span(span), ThreadPoolExecutor(1) as executor:
        assert executor.submit(trace.get_current_span).result() is span


def test_a_thread_is_what_it_was_before_and_after(captured: Captured) -> None:
    ready = threading.Event()
    thread = threading.Thread(target=ready.wait)
    before = set(vars(thread))
    with llmtrace.step("outer"):
        thread.start()
    assert set(vars(thread)) - before <= {"run"}
    ready.set()
    thread.join()
    assert "run" not in vars(thread)
    assert thread.run.__func__ is threading.Thread.run


def test_a_thread_that_is_over_is_freed_at_once(captured: Captured) -> None:
    gc.disable()
    try:
        thread = threading.Thread(target=inner)
        with llmtrace.step("outer"):
            joined(thread)
        gone = weakref.ref(thread)
        del thread
        assert gone() is None
    finally:
        gc.enable()


def test_a_thread_that_cannot_start_says_so_and_stays_what_it_was(captured: Captured) -> None:
    thread = threading.Thread(target=inner)
    with llmtrace.step("outer"):
        joined(thread)
        with pytest.raises(RuntimeError, match="only be started once"):
            thread.start()
    assert "run" not in vars(thread)
    assert len(captured.all("inner")) == 1


def test_what_work_raises_and_returns_comes_back(captured: Captured) -> None:
    def failing() -> None:
        raise ZeroDivisionError("of the app")

    with llmtrace.step("outer"), ThreadPoolExecutor(1, thread_name_prefix="mine") as executor:
        assert executor.submit(inner).result().startswith("mine")
        with pytest.raises(ZeroDivisionError, match="of the app"):
            executor.submit(failing).result()
        with pytest.raises(TypeError, match="submit"):
            executor.submit()  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="apply_async"), ThreadPool(1) as made:
            made.apply_async()  # type: ignore[call-arg]


def test_pools_of_processes_are_left_alone(captured: Captured) -> None:
    spawn = get_context("fork" if sys.platform == "linux" and sys.version_info < (3, 12) else "spawn")
    with llmtrace.step("outer"), ProcessPoolExecutor(1, mp_context=spawn) as executor:
        assert executor.submit(abs, -2).result() == 2
        assert list(executor.map(abs, [-3])) == [3]
    with llmtrace.step("outer"), spawn.Pool(1) as made:
        assert made.map(abs, [-4]) == [4]
        assert made.apply(abs, (-5,)) == 5


PATCHED = [
    (threading.Thread, "start"),
    (ThreadPoolExecutor, "submit"),
    (Future, "add_done_callback"),
    (ProcessPoolExecutor, "submit"),
    *((pool.Pool, name) for name in ("__init__", "apply_async", "map", "starmap", "imap")),
]


def test_what_is_patched_looks_the_same_and_is_put_back() -> None:
    originals = [vars(owner)[name] for owner, name in PATCHED]
    with capture(integrations=["-openai", "-anthropic"]):
        patched = [vars(owner)[name] for owner, name in PATCHED]
        llmtrace.uninstrument()
        assert [vars(owner)[name] for owner, name in PATCHED] == originals
    assert not [now for now, before in zip(patched, originals, strict=True) if now is before]
    for now, before in zip(patched, originals, strict=True):
        assert inspect.signature(now) == inspect.signature(before)
        assert (now.__name__, now.__qualname__, now.__doc__) == (before.__name__, before.__qualname__, before.__doc__)


def test_functions_of_threads_are_copied_and_pickled_by_name_as_ever(captured: Captured) -> None:
    assert pickle.loads(pickle.dumps(threading.Thread.start)) is threading.Thread.start
    assert copy.deepcopy(ThreadPoolExecutor.submit) is ThreadPoolExecutor.submit


def test_a_setting_leaves_threads_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMTRACE_THREADS", "false")
    originals = [vars(owner)[name] for owner, name in PATCHED]
    with capture(integrations=["-openai", "-anthropic"]) as captured:
        assert [vars(owner)[name] for owner, name in PATCHED] == originals
        with llmtrace.step("outer"), ThreadPoolExecutor(1) as executor:
            executor.submit(inner).result()
    assert captured.one("inner").parent is None


def test_our_own_thread_is_in_nobodys_conversation() -> None:
    seen: list[context.Context] = []
    settled = threading.Event()

    def looking(text: str) -> str:
        if threading.current_thread().name == "llmtrace-worker":
            seen.append(context.get_current())
            settled.set()
        return text

    with capture(integrations=["-openai", "-anthropic"], redact=looking):
        with llmtrace.conversation("c-4"), llmtrace.step("outer"):
            inner("text")
        assert settled.wait(10)
    assert seen == [{}] * len(seen)
