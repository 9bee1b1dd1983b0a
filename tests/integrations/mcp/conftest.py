"""Tracing over MCP, in memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import llmtrace


class Traced:
    """Tracing under way: `spans` are the finished ones."""

    def __init__(self, **options: object) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.handle = llmtrace.init(tracer_provider=provider, exporters="none", integrations="mcp", **options)

    @property
    def spans(self) -> list[ReadableSpan]:
        self.handle.flush()
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str, kind: str | None = None) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name and kind in (None, span.kind.name)]

    def pair(self, name: str) -> tuple[ReadableSpan, ReadableSpan]:
        """The client's span of that name and the server's."""
        (asked,), (served,) = self.named(name, "CLIENT"), self.named(name, "SERVER")
        return asked, served


@pytest.fixture(autouse=True)
def gone() -> Iterator[None]:
    """What a test left behind is collected with it, and warned of there."""
    yield
    gc.collect()


@pytest.fixture
def traced(request: pytest.FixtureRequest) -> Iterator[Traced]:
    """Tracing on, with `init`'s arguments as a test's parameter."""
    made = Traced(**getattr(request, "param", {}))
    yield made
    made.handle.shutdown()
