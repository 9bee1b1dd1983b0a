"""Sends one span to Honeycomb as llmtrace would, and says whether Honeycomb took it."""

from __future__ import annotations

import logging
import sys

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace.exporters import build
from llmtrace.settings import SettingsError, resolve


def main() -> str | None:
    """What is wrong, or None; why a span was refused is logged."""
    logging.basicConfig(format="%(message)s")
    try:
        (destination,) = build(resolve({"exporters": "honeycomb"}))
    except SettingsError as error:
        return str(error)
    made = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "llmtrace-check"}))
    provider.add_span_processor(SimpleSpanProcessor(made))
    provider.get_tracer("llmtrace-check").start_span("check").end()
    result = destination.exporter.export(made.get_finished_spans())
    destination.exporter.shutdown()
    if result.name != "SUCCESS":
        return "not taken"
    print(f"ok: {destination.exporter.remote.shown} took it")
    return None


if __name__ == "__main__":
    sys.exit(main())
