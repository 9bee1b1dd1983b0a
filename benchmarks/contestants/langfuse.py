"""Langfuse's client, its server's address being the receiver's."""

from __future__ import annotations

import importlib
import os
from typing import TypeVar

from benchmarks.contestants.contestant import Untraced

F = TypeVar("F")


class Contestant(Untraced):
    """Its drop-in for openai, the instrumentor that it recommends for anthropic, and its decorator."""

    package: str | None = "langfuse"

    def begin(self, endpoint: str) -> None:
        """It has a variable of its own for what is otherwise the exporter's."""
        os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
        os.environ["LANGFUSE_OTEL_COMPRESSION"] = os.environ["OTEL_EXPORTER_OTLP_COMPRESSION"]
        self.langfuse = importlib.import_module("langfuse")
        self.client = self.langfuse.Langfuse(public_key="pk-not-a-key", secret_key="sk-not-a-key", base_url=endpoint)  # noqa: S106
        importlib.import_module("langfuse.openai")
        importlib.import_module("opentelemetry.instrumentation.anthropic").AnthropicInstrumentor().instrument()

    def decorated(self, function: F) -> F:
        """The plainest decorator."""
        traced: F = self.langfuse.observe(function)
        return traced

    def flush(self) -> None:
        """Through its client."""
        self.client.flush()

    def end(self) -> None:
        """Through its client."""
        self.client.shutdown()
