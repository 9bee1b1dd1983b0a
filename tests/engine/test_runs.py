"""What a library's hook tells of: current where it is told, each ended once, and nothing of it kept."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

import llmtrace
from llmtrace.engine import runs as engine_runs
from llmtrace.engine.guard import Guard
from llmtrace.engine.homed import homed
from llmtrace.engine.runs import Run, Runs
from llmtrace.facts.operation import Evidence, Operation, Start
from llmtrace.facts.records import Inference, Record, Step, Usage
from tests.integrations.conformance.live import Tracing, traced


def _step(evidence: Evidence) -> Record:
    body = evidence.response.body if evidence.response else None
    return Step(name=evidence.start.target or "", input=evidence.request, output=body)


def _model(_: Evidence) -> Record:
    return Inference(operation="chat", usage=Usage(input_tokens=1))


STEP = Operation("step", _step, kind="internal", step=True)
CHAT = Operation("chat", _model, bears_usage=True)


def start(name: str, operation: Operation = STEP) -> Start:
    return Start(operation, target=name, request={"asked": name})


@pytest.fixture
def tracing() -> Iterator[Tracing]:
    with traced() as made:
        yield made


@pytest.fixture
def runs(tracing: Tracing) -> Runs:
    return Runs(Guard("a hook"))


def ended(tracing: Tracing) -> dict[str, ReadableSpan]:
    """The spans by name; all that began have ended, once."""
    tracing.handle.flush()
    assert tracing.live.begun == len(tracing.live.ended)
    return {span.name: span for span in tracing.live.ended}


def parents(tracing: Tracing) -> dict[str, str | None]:
    """Each span's name with its parent's."""
    spans = ended(tracing)
    names = {span.context.span_id: name for name, span in spans.items()}
    return {name: names[span.parent.span_id] if span.parent else None for name, span in spans.items()}


def current() -> str | None:
    return getattr(trace.get_current_span(), "name", None)


def test_a_run_is_current_until_it_is_over(runs: Runs, tracing: Tracing) -> None:
    runs.begun("a", start("a"))
    assert current() == "a"
    runs.begun("b", start("b"), "a")
    assert current() == "b"
    runs.ended("b", "answer")
    assert current() == "a"
    runs.ended("a")
    assert current() is None
    assert parents(tracing) == {"a": None, "b": "a"}
    assert ended(tracing)["b"].attributes["llmtrace.output"] == "answer"


def test_what_the_app_opens_in_a_run_is_around_the_runs_inside(runs: Runs, tracing: Tracing) -> None:
    runs.begun("a", start("a"))
    with llmtrace.step("mine"):
        runs.begun("b", start("b"), "a")
        runs.ended("b")
    runs.ended("a")
    assert parents(tracing) == {"a": None, "mine": "a", "b": "mine"}


def test_a_run_that_is_told_of_elsewhere_is_below_its_parent_all_the_same(runs: Runs, tracing: Tracing) -> None:
    runs.begun("a", start("a"))

    def elsewhere() -> None:
        runs.begun("b", start("b"), "a")
        runs.ended("b")

    context = contextvars.Context()
    thread = threading.Thread(target=context.run, args=(elsewhere,))
    thread.start()
    thread.join()
    runs.ended("a")
    assert parents(tracing) == {"a": None, "b": "a"}


def test_what_is_not_shown_hands_its_own_on_to_its_parent(runs: Runs, tracing: Tracing) -> None:
    runs.begun("a", start("a"))
    runs.begun("hidden", None, "a")
    runs.begun("b", start("b"), "hidden")
    runs.ended("b")
    with llmtrace.step("mine"):
        runs.begun("deeper", None, "hidden")
        runs.begun("c", start("c"), "deeper")
        runs.ended("c")
        runs.ended("deeper")
    runs.ended("hidden")
    assert current() == "a"
    runs.ended("a")
    assert parents(tracing) == {"a": None, "b": "a", "mine": "a", "c": "mine"}


def test_what_is_not_shown_is_inside_of_its_parent_wherever_it_is_told_of(runs: Runs, tracing: Tracing) -> None:
    runs.begun("a", start("a"))
    runs.begun("other", start("other"), "a")
    runs.begun("hidden", None, "a")
    with llmtrace.step("mine"):
        pass
    runs.ended("hidden")
    runs.ended("other")
    runs.ended("a")
    assert current() is None
    assert parents(tracing)["mine"] == "a"


def test_runs_may_end_in_any_order(runs: Runs, tracing: Tracing) -> None:
    for name in "abc":
        runs.begun(name, start(name))
    for name in "abc":
        runs.ended(name)
    assert current() is None
    assert len(ended(tracing)) == 3


def test_runs_that_begin_together_in_a_homed_function_are_siblings_and_a_call_below_is_that_of_both(
    runs: Runs, tracing: Tracing
) -> None:
    def together() -> None:
        runs.begun("a", start("a", CHAT))
        runs.begun("b", start("b", CHAT))
        runs.begun("c", start("c", CHAT), "b")
        for name in "cab":
            runs.ended(name)

    homed(Guard("together"), together)()
    assert current() is None
    assert parents(tracing) == {"chat a": None, "chat b": None, "chat c": "chat b"}
    billed = [name for name, span in ended(tracing).items() if "gen_ai.usage.input_tokens" in span.attributes]
    assert billed == ["chat c"]


async def test_an_end_that_is_told_of_in_a_task_of_its_own_is_one_where_it_is_awaited(
    runs: Runs, tracing: Tracing
) -> None:
    async def told(name: str) -> None:
        async def tell() -> None:
            runs.ended(name)

        await asyncio.shield(asyncio.ensure_future(tell()))

    ending = homed(Guard("told"), told)
    runs.begun("a", start("a"))
    runs.begun("b", start("b"), "a")
    await ending("b")
    assert current() == "a"
    await ending("a")
    assert current() is None
    assert parents(tracing) == {"a": None, "b": "a"}


async def test_what_an_end_in_another_task_leaves_behind_is_left_when_the_next_run_begins(
    runs: Runs, tracing: Tracing
) -> None:
    async def tell() -> None:
        runs.ended("a")

    runs.begun("a", start("a"))
    await asyncio.ensure_future(tell())
    runs.begun("b", start("b"))
    runs.ended("b")
    assert parents(tracing) == {"a": None, "b": None}
    assert not ended(tracing)["b"].links


def test_a_homed_generators_runs_are_current_in_its_steps_alone(runs: Runs, tracing: Tracing) -> None:
    def stream() -> Iterator[str | None]:
        runs.begun("a", start("a"))
        yield current()
        yield current()
        runs.ended("a")

    for name in homed(Guard("stream"), stream)():
        assert name == "a"
        assert current() is None
    assert current() is None
    assert parents(tracing) == {"a": None}


def test_a_run_ends_as_abandoned_in_a_generator_that_is_closed_whatever_the_library_says(
    runs: Runs, tracing: Tracing
) -> None:
    def stream() -> Iterator[None]:
        runs.begun("a", start("a"))
        try:
            yield
        finally:
            runs.ended("a", "in part")

    left = homed(Guard("stream"), stream)()
    next(left)
    left.close()
    (span,) = ended(tracing).values()
    assert span.attributes["llmtrace.outcome"] == "abandoned"
    assert span.attributes["llmtrace.output"] == "in part"


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError()], ids=["failed", "cancelled"])
async def test_a_run_that_the_library_does_not_end_ends_with_its_function(
    error: BaseException, runs: Runs, tracing: Tracing
) -> None:
    async def fails() -> None:
        runs.begun("a", start("a"))
        raise error

    with pytest.raises(type(error)):
        await homed(Guard("fails"), fails)()
    (span,) = ended(tracing).values()
    failed = isinstance(error, Exception)
    assert span.attributes.get("llmtrace.outcome") == (None if failed else "cancelled")
    assert span.status.is_unset != failed


def test_a_failure_keeps_what_there_was_by_then(runs: Runs, tracing: Tracing) -> None:
    runs.begun("a", start("a"))
    runs.failed("a", ValueError("no"), "in part")
    (span,) = ended(tracing).values()
    assert span.attributes["llmtrace.output"] == "in part"
    assert span.attributes["error.type"] == "ValueError"


def test_a_run_that_nobody_began_is_passed_over(runs: Runs, tracing: Tracing) -> None:
    runs.heard("a", "chunk")
    runs.ended("a")
    runs.failed("a", ValueError("no"))
    assert not ended(tracing)


def test_a_run_whose_parent_nobody_began_is_where_it_is_told_of(runs: Runs, tracing: Tracing) -> None:
    with llmtrace.step("mine"):
        runs.begun("a", start("a"), "unknown")
        runs.ended("a")
    assert parents(tracing) == {"mine": None, "a": "mine"}


def test_of_too_many_runs_the_oldest_is_taken_for_abandoned(
    runs: Runs, tracing: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_runs, "MOST", 10)

    def told() -> None:
        for number in range(25):
            runs.begun(number, start(f"run {number}"))

    contextvars.Context().run(told)
    assert len(runs) == 10
    tracing.handle.flush()
    assert [span.attributes["llmtrace.outcome"] for span in tracing.live.ended] == ["abandoned"] * 15
    gc.collect()
    assert len([one for one in gc.get_objects() if type(one) is Run]) == 10


def test_a_run_that_is_too_old_is_taken_for_abandoned(
    runs: Runs, tracing: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.begun("old", start("old"))
    monkeypatch.setattr(engine_runs, "OLDEST", 0.01)
    time.sleep(0.02)
    runs.begun("new", start("new"))
    runs.ended("new")
    assert ended(tracing)["old"].attributes["llmtrace.outcome"] == "abandoned"


def test_nothing_is_traced_where_somebody_asked_for_that(runs: Runs, tracing: Tracing) -> None:
    with llmtrace.suppress():
        runs.begun("a", start("a"))
        runs.begun("b", start("b"), "a")
        runs.ended("b")
        runs.ended("a")
    assert len(runs) == 0
    assert not ended(tracing)


def test_many_threads_may_tell_of_runs(runs: Runs, tracing: Tracing) -> None:
    def told(thread: int) -> Any:
        for number in range(50):
            runs.begun((thread, number), start("outer"))
            runs.begun((thread, number, "in"), start("inner"), (thread, number))
            runs.ended((thread, number, "in"))
            runs.ended((thread, number))
            assert current() is None

    threads = [threading.Thread(target=told, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tracing.handle.flush()
    assert tracing.live.begun == len(tracing.live.ended) == 800
    spans = {span.context.span_id: span for span in tracing.live.ended}
    assert all((span.parent is None) == (span.name == "outer") for span in spans.values())
    assert all(spans[span.parent.span_id].name == "outer" for span in spans.values() if span.parent)


def test_a_hook_is_told_where_to_trace_and_whether_content_is_wanted(runs: Runs, tracing: Tracing) -> None:
    assert runs.tracer_provider is tracing.provider
    assert runs.content
    tracing.handle.shutdown()
    assert runs.tracer_provider is None
    assert not runs.content
