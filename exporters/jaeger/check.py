"""Sends one span to Jaeger as llmtrace would, and asks Jaeger's query API whether it arrived."""

from __future__ import annotations

import argparse
import sys
import time

import httpx
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from llmtrace.exporters import build
from llmtrace.settings import resolve

PATIENCE_SECONDS = 10


def main() -> str | None:
    """What is wrong, or None."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--query", default="http://localhost:16686", help="Jaeger's pages and query API")
    query = parser.parse_args().query.rstrip("/")
    trace_id = send()
    return None if shown(query, trace_id) else f"not found: {query}/trace/{trace_id}"


def send() -> str:
    """Sends a span to the destination `jaeger` and gives the trace's id."""
    (destination,) = build(resolve({"exporters": "jaeger"}))
    provider = TracerProvider(resource=Resource({"service.name": "llmtrace-check"}))
    provider.add_span_processor(SimpleSpanProcessor(destination.exporter))
    span = provider.get_tracer("llmtrace-check").start_span("check")
    span.end()
    provider.shutdown()
    return f"{span.get_span_context().trace_id:032x}"


def shown(query: str, trace_id: str) -> bool:
    """Whether Jaeger shows the trace: it may take a moment after it was sent."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends:
        if httpx.get(f"{query}/api/traces/{trace_id}").is_success:
            print(f"ok: {query}/trace/{trace_id}")
            return True
        time.sleep(0.2)
    return False


if __name__ == "__main__":
    sys.exit(main())
