"""llmtrace as an app uses it, sending to an OTLP endpoint."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

from benchmarks.contestants.contestant import Untraced

F = TypeVar("F", bound=Callable[..., Any])


class Contestant(Untraced):
    """`llmtrace.init()` and its decorators."""

    package: str | None = "llmtrace"

    def begin(self, endpoint: str) -> None:
        """The import is part of what an app waits for."""
        self.llmtrace = importlib.import_module("llmtrace")
        self.handle = self.llmtrace.init(service_name="benchmark", exporters=self.exporter(endpoint))

    def exporter(self, endpoint: str) -> str:
        """Where `init()` is told to send."""
        return f"{endpoint}/v1/traces"

    def decorated(self, function: F) -> F:
        """The plainest decorator."""
        step: Callable[[F], F] = self.llmtrace.step
        return step(function)

    def flush(self) -> None:
        """Through the handle."""
        assert self.handle.flush()

    def end(self) -> None:
        """Through the handle."""
        self.handle.shutdown()
