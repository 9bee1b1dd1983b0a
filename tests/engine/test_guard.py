"""The guard: what it swallows, what it lets through, what it says, and when it gives up."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from llmtrace.engine.guard import TOLERANCE, Guard

SECRET = "what the user asked"

said_and_expected = pytest.mark.allows_log("kept from your app|switched off")


def fail(guard: Guard, times: int = 1, error: type[BaseException] = ValueError) -> None:
    for _ in range(times):
        with guard:
            raise error(SECRET)


def test_in_our_tests_it_raises() -> None:
    guard = Guard("here")
    with pytest.raises(ValueError, match=SECRET):
        fail(guard)
    assert guard.faults == 0


@pytest.mark.usefixtures("lenient")
@said_and_expected
def test_a_fault_is_swallowed_and_counted_and_said_once() -> None:
    guard = Guard("here")
    fail(guard, 3)
    assert (guard.faults, guard.armed) == (3, True)


@pytest.mark.usefixtures("lenient")
@said_and_expected
def test_the_log_names_the_place_and_the_line_but_not_the_exceptions_words(logs: list[logging.LogRecord]) -> None:
    fail(Guard("the place"), 3)
    (record,) = logs
    said = logging.Formatter().format(record)
    assert "the place" in said
    assert "test_guard.py" in said
    assert said.endswith("ValueError")
    assert SECRET not in said.replace("raise error(SECRET)", "")


@pytest.mark.usefixtures("lenient")
@said_and_expected
def test_after_so_many_faults_it_disarms_and_says_so_once(logs: list[logging.LogRecord]) -> None:
    guard = Guard("here")
    fail(guard, TOLERANCE - 1)
    assert guard.armed
    fail(guard, 3)
    assert not guard.armed
    assert [record.getMessage() for record in logs][1:] == [
        f"llmtrace: here failed {TOLERANCE} times and is switched off."
    ]


@pytest.mark.usefixtures("lenient")
@said_and_expected
def test_a_place_that_every_call_needs_is_never_disarmed() -> None:
    guard = Guard("here", tolerance=None)
    fail(guard, 100)
    assert (guard.faults, guard.armed) == (100, True)


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_is_no_fault_passes(error: type[BaseException]) -> None:
    guard = Guard("here")
    with pytest.raises(error):
        fail(guard, error=error)
    assert guard.faults == 0


@pytest.mark.usefixtures("lenient")
def test_without_a_fault_it_does_nothing() -> None:
    guard = Guard("here")
    with guard:
        pass
    assert (guard.faults, guard.armed) == (0, True)


@pytest.mark.usefixtures("lenient")
@said_and_expected
def test_a_log_filter_of_the_apps_that_raises_is_not_heard() -> None:
    def hostile(record: logging.LogRecord) -> bool:
        raise RuntimeError("the app's own filter")

    logger = logging.getLogger("llmtrace")
    logger.addFilter(hostile)
    try:
        fail(Guard("here"), TOLERANCE)
    finally:
        logger.removeFilter(hostile)


@pytest.mark.usefixtures("lenient")
@said_and_expected
def test_many_threads_may_be_inside_at_once() -> None:
    guard = Guard("here")
    threads = [threading.Thread(target=fail, args=(guard, 500)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (guard.faults, guard.armed) == (4000, False)
