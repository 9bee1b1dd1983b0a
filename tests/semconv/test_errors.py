import asyncio
import json

from llmtrace.semconv.errors import error_type, failure_of


class OwnError(Exception):
    class Inner(Exception):  # noqa: N818 - a class inside a class is the point
        pass


def test_a_builtin_exception_is_bare_and_another_is_qualified():
    assert error_type(ValueError("x")) == "ValueError"
    assert error_type(asyncio.CancelledError()) == "asyncio.exceptions.CancelledError"
    assert error_type(json.JSONDecodeError("x", "y", 0)) == "json.decoder.JSONDecodeError"
    assert error_type(OwnError.Inner()) == f"{__name__}.OwnError.Inner"


def test_a_failure_is_told_in_the_exceptions_own_words():
    failure = failure_of(TimeoutError("after 3 s"))
    assert (failure.type, failure.message) == ("TimeoutError", "after 3 s")


def test_a_message_without_end_is_cut_and_one_that_no_exporter_takes_is_mended():
    assert len(failure_of(ValueError("x" * 100_000)).message) == 2001
    assert failure_of(ValueError("\ud800")).message == "\ufffd"
