"""OpenLIT, sending to an OTLP endpoint."""

from __future__ import annotations

import importlib
import os
import tempfile
from pathlib import Path
from typing import TypeVar

from benchmarks.contestants.contestant import Untraced

F = TypeVar("F")


class Contestant(Untraced):
    """`openlit.init()` and its decorator."""

    package: str | None = "openlit"
    lacks = {"decorated empty coroutine": "its decorator ends before a coroutine runs"}  # noqa: RUF012 - a constant

    def begin(self, endpoint: str) -> None:
        """All defaults, which are a batch processor and content, but prices from a file: it would download them."""
        os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
        with tempfile.TemporaryDirectory() as folder:
            prices = Path(folder) / "prices.json"
            prices.write_text('{"chat": {"gpt-4o-mini": {"promptPrice": 0.00015, "completionPrice": 0.0006}}}')
            self.openlit = importlib.import_module("openlit")
            self.openlit.init(service_name="benchmark", otlp_endpoint=endpoint, pricing_json=str(prices))

    def decorated(self, function: F) -> F:
        """The plainest decorator."""
        traced: F = self.openlit.trace(function)
        return traced

    def flush(self) -> None:
        """Through the provider that it made."""
        importlib.import_module("opentelemetry.trace").get_tracer_provider().force_flush()
