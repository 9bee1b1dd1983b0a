"""Datadog's LLM Observability; it speaks to an agent, which the receiver plays."""

from __future__ import annotations

import importlib
import os
from typing import TypeVar

from benchmarks.contestants.contestant import Untraced

F = TypeVar("F")


class Contestant(Untraced):
    """`LLMObs.enable()` and its decorator."""

    package: str | None = "ddtrace.llmobs"

    def begin(self, endpoint: str) -> None:
        """All defaults, which are batches and content."""
        os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
        os.environ["DD_TRACE_AGENT_URL"] = endpoint
        self.observing = importlib.import_module("ddtrace.llmobs").LLMObs
        self.observing.enable(ml_app="benchmark", agentless_enabled=False)

    def decorated(self, function: F) -> F:
        """The plainest decorator."""
        traced: F = importlib.import_module("ddtrace.llmobs.decorators").task(function)
        return traced

    def flush(self) -> None:
        """What it observed, and the traces that lie under that."""
        self.observing.flush()
        importlib.import_module("ddtrace.trace").tracer.flush()

    def end(self) -> None:
        """Through its own function."""
        self.observing.disable()
