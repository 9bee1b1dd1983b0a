"""A decorated generator is told from a bare one by its span alone, whatever its body does and its consumer asks."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from opentelemetry import trace

import llmtrace
from llmtrace.testing import Captured, capture
from tests.api.bodies import adriven, bodies, driven, here, hopping, inline, intask, made, moves

NAMED = llmtrace.step("generator")
SAID = llmtrace.conversation("outer")
TIMES = settings(max_examples=150, deadline=None)


IGNORING = pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning")
"""Made-up bodies may yield on being closed, which the interpreter says of an async generator once it is collected."""


@pytest.fixture
def collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture(integrations=["-openai", "-anthropic"]) as block:
        yield block


@pytest.fixture(params=["traced", "untraced"])
def tracing(request: pytest.FixtureRequest) -> Captured | None:
    return request.getfixturevalue("captured") if request.param == "traced" else None


def check(captured: Captured | None, notes: list[Any]) -> None:
    """The span began with the body and ended once; children lie below it."""
    if captured is None:
        return
    spans = captured.spans
    captured.clear()
    outer = [span for span in spans if span.name == "generator"]
    assert len(outer) == notes.count(("began",)) <= 1
    assert len({span.context.span_id for span in spans}) == len(spans)
    # What a body does after it was closed, and did not heed it, is linked to the span, which is over.
    roots = [span for span in spans if span.parent is None and not span.links]
    assert len(roots) <= 1, "children made during iteration nest"


def forget(captured: Captured | None) -> None:
    if captured is not None:
        captured.clear()


@contextmanager
def unheard() -> Iterator[None]:
    """What a bare generator logs once the interpreter collects it is not ours to answer for, and so not heard."""
    logger = logging.getLogger("opentelemetry.context")
    logger.disabled = True
    try:
        yield
        gc.collect()
    finally:
        logger.disabled = False


def compared(
    captured: Captured | None,
    decorate: Callable[[Any], Any],
    source: str,
    drive: Callable[[Any], list[Any]],
    **how: bool,
) -> None:
    notes: list[Any] = []
    expected: list[Any] = []
    with unheard():
        bare = contextvars.copy_context().run(drive, made(source, expected, **how))
    forget(captured)
    span = trace.get_current_span()
    assert contextvars.copy_context().run(drive, decorate(made(source, notes, **how))) == bare
    assert trace.get_current_span() is span
    assert notes == expected
    if decorate is NAMED:
        check(captured, notes)
    forget(captured)


@pytest.mark.parametrize("decorate", [NAMED, SAID], ids=["step", "conversation"])
def test_a_generator_does_what_the_bare_one_does(tracing, decorate) -> None:
    @TIMES
    @given(source=bodies(variables=True), asked=moves(variables=True))
    def run(source, asked) -> None:
        compared(tracing, decorate, source, lambda made: driven(made(), asked, here), asynchronous=False)

    run()


@IGNORING
@pytest.mark.parametrize("decorate", [NAMED, SAID], ids=["step", "conversation"])
def test_an_async_generator_does_what_the_bare_one_does(tracing, decorate, collected) -> None:
    @TIMES
    @given(source=bodies(variables=True), asked=moves(variables=True))
    def run(source, asked) -> None:
        def drive(made: Any) -> list[Any]:
            return asyncio.run(adriven(made(), asked, inline))

        compared(tracing, decorate, source, drive, asynchronous=True)

    run()


def test_each_step_in_another_thread_is_as_all_in_one(captured) -> None:
    @TIMES
    @given(source=bodies(variables=False), asked=moves(variables=False))
    def run(source, asked) -> None:
        notes: list[Any] = []
        expected: list[Any] = []
        with ThreadPoolExecutor(2) as pool:
            bare = contextvars.copy_context().run(driven, made(source, expected, asynchronous=False)(), asked, here)
            forget(captured)
            decorated = NAMED(made(source, notes, asynchronous=False))
            assert driven(decorated(), asked, hopping(pool)) == bare
        assert notes == expected
        check(captured, notes)

    run()


@IGNORING
def test_each_step_in_another_task_is_as_all_in_one(captured, collected) -> None:
    @TIMES
    @given(source=bodies(variables=False), asked=moves(variables=False))
    def run(source, asked) -> None:
        notes: list[Any] = []
        expected: list[Any] = []
        bare = asyncio.run(adriven(made(source, expected, asynchronous=True)(), asked, inline))
        forget(captured)
        decorated = NAMED(made(source, notes, asynchronous=True))
        assert asyncio.run(adriven(decorated(), asked, intask)) == bare
        assert notes == expected
        check(captured, notes)

    run()


# -- cases that no made-up body comes by


def test_a_call_that_does_not_fit_begins_no_span(captured: Captured) -> None:
    @llmtrace.step
    def generator(n: int) -> Iterator[int]:
        yield n

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'n'"):
        next(generator())
    assert captured.spans == []


@pytest.mark.parametrize("traced", [True, False])
def test_what_a_generator_raised_is_freed_at_once(traced: bool, request: pytest.FixtureRequest) -> None:
    if traced:
        request.getfixturevalue("captured")

    class Thing: ...

    seen: list[weakref.ref[Thing]] = []

    @llmtrace.step
    def generator() -> Iterator[int]:
        thing = Thing()
        seen.append(weakref.ref(thing))
        yield 1

    gc.disable()
    try:
        iterator = generator()
        next(iterator)
        with pytest.raises(KeyError):
            iterator.throw(KeyError("thrown in"))
        del iterator
        llmtrace.flush()
        assert seen[0]() is None
    finally:
        gc.enable()


def test_a_generator_left_to_the_collector_ends_its_span(captured: Captured) -> None:
    @llmtrace.step
    def generator() -> Iterator[int]:
        yield 1
        yield 2

    next(generator())
    gc.collect()
    assert captured.one("generator").attributes["llmtrace.outcome"] == "abandoned"


def test_a_loop_that_shuts_down_closes_what_is_left_open_once(captured: Captured) -> None:
    closed: list[str] = []
    complaints: list[Any] = []

    @llmtrace.step
    @llmtrace.tags("two of ours, one above the other")
    async def generator() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    kept: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
        for _ in range(20):
            kept.append(generator())
            await kept[-1].__anext__()

    asyncio.run(main())
    assert complaints == []
    assert closed == ["closed"] * 20
    assert len(captured.all("generator", llmtrace__outcome="abandoned")) == 20


def test_an_async_generator_cancelled_inside_ends_its_span_as_cancelled(captured: Captured) -> None:
    @llmtrace.step
    async def generator() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    async def consume() -> None:
        async for _ in generator():
            pass

    async def main() -> None:
        task = asyncio.create_task(consume())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert captured.one("generator").attributes["llmtrace.outcome"] == "cancelled"
