"""OpenLLMetry, by its own SDK, sending to an OTLP endpoint."""

from __future__ import annotations

import importlib
import os
from typing import TypeVar

from benchmarks.contestants.contestant import Untraced

F = TypeVar("F")


class Contestant(Untraced):
    """`Traceloop.init()` and its decorators."""

    package: str | None = "traceloop.sdk"

    def begin(self, endpoint: str) -> None:
        """All defaults, which are a batch processor and content, but no usage statistics to its maker."""
        os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
        traceloop = importlib.import_module("traceloop.sdk").Traceloop
        traceloop.init(app_name="benchmark", api_endpoint=endpoint, api_key="not-a-key", telemetry_enabled=False)

    def decorated(self, function: F) -> F:
        """The plainest decorator."""
        traced: F = importlib.import_module("traceloop.sdk.decorators").task(name="empty")(function)
        return traced

    def flush(self) -> None:
        """Through the provider that it made."""
        importlib.import_module("opentelemetry.trace").get_tracer_provider().force_flush()
