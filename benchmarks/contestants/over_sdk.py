"""What those without a set-up of their own are set up with: the SDK, its batching and the official OTLP exporter."""

from __future__ import annotations

import importlib
import os
from typing import Any

from benchmarks.contestants.contestant import Untraced


class OverSdk(Untraced):
    """A provider of spans as OpenTelemetry's own documentation sets it up for production."""

    package: str | None = "opentelemetry.sdk.trace"

    def begin(self, endpoint: str) -> None:
        """The imports are part of what an app waits for; Anthropic's own spans would only double these."""
        os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"
        resources = importlib.import_module("opentelemetry.sdk.resources")
        self.provider = self.made(resources.Resource.create({"service.name": "benchmark"}))
        self.provider.add_span_processor(batching(endpoint))
        importlib.import_module("opentelemetry.trace").set_tracer_provider(self.provider)

    def made(self, resource: Any) -> Any:
        """The provider itself."""
        return importlib.import_module("opentelemetry.sdk.trace").TracerProvider(resource=resource)

    def flush(self) -> None:
        """Through the provider."""
        self.provider.force_flush()

    def end(self) -> None:
        """Through the provider."""
        self.provider.shutdown()


def batching(endpoint: str) -> Any:
    """The SDK's batch processor, with the official exporter."""
    exporter = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    processor = importlib.import_module("opentelemetry.sdk.trace.export").BatchSpanProcessor
    return processor(exporter.OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
