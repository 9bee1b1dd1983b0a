"""What a contestant can do: begin tracing, and be asked to wrap what it does not patch by itself.

A contestant is a module here with a class `Contestant`. It runs in an interpreter of its own, maybe in another
environment, where the two client libraries are installed; it sends OTLP over HTTP to the endpoint that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

NO_DECORATOR: Mapping[str, str] = dict.fromkeys(
    ("decorated empty function", "decorated empty coroutine"), "it has no decorator"
)
"""What those that only instrument clients lack."""


class Untraced:
    """The app itself: nothing is traced. What an instrumentation does beyond that is what it costs."""

    package: str | None = None
    """What is imported first where this contestant is used; None where nothing is."""

    lacks: Mapping[str, str] = {}
    """The measures that this contestant does not take part in, and why."""

    def begin(self, endpoint: str) -> None:
        """Starts tracing, to this endpoint (a URL without `/v1/traces`)."""

    def call(self, api: str, function: F) -> F:  # noqa: ARG002 - for those who wrap by hand
        """The client's function, traced; `api` is `chat`, `responses`, `messages`, `async chat` or `stream`."""
        return function

    def decorated(self, function: F) -> F:
        """A function of the app's own, traced; plain or a coroutine function."""
        return function

    def flush(self) -> None:
        """Returns when all that was recorded has been sent."""

    def end(self) -> None:
        """Ends tracing."""
