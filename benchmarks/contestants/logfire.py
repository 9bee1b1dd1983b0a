"""Logfire, sending to an OTLP endpoint in place of its own platform."""

from __future__ import annotations

import importlib
import os
from typing import TypeVar

from benchmarks.contestants.contestant import Untraced
from benchmarks.contestants.over_sdk import batching

F = TypeVar("F")


class Contestant(Untraced):
    """`logfire.configure()`, the two clients instrumented, and its decorator."""

    package: str | None = "logfire"

    def begin(self, endpoint: str) -> None:
        """As its documentation says for another backend; nothing is printed."""
        os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
        self.logfire = importlib.import_module("logfire")
        self.logfire.configure(
            send_to_logfire=False,
            service_name="benchmark",
            console=False,
            additional_span_processors=[batching(endpoint)],
        )
        self.logfire.instrument_openai()
        self.logfire.instrument_anthropic()

    def decorated(self, function: F) -> F:
        """The plainest decorator."""
        traced: F = self.logfire.instrument(function)
        return traced

    def flush(self) -> None:
        """Through its own function."""
        self.logfire.force_flush()

    def end(self) -> None:
        """Through its own function."""
        self.logfire.shutdown()
