"""Names an exception as the conventions do, and makes a failure of it."""

from __future__ import annotations

from llmtrace.facts.records import Failure
from llmtrace.semconv.values import text

_LONGEST = 2000
"""Characters of a message that are kept: a client's message may repeat a whole answer."""


def error_type(error: BaseException) -> str:
    """The exception's qualified class name; a builtin one is bare."""
    cls = type(error)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def failure_of(error: BaseException) -> Failure:
    """What failed, in the exception's own words.

    The message may quote prompts or secrets: it is content until the content rules have seen it.
    """
    message = text(str(error))
    return Failure(error_type(error), message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…")
