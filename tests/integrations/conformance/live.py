"""Counts spans from their very beginning, so that a test sees the one that never ends and the one that ends twice."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llmtrace import runtime


class Live(SpanProcessor):
    """Counts the spans that have begun, and how often each has ended."""

    def __init__(self):
        self.begun = 0
        self.ended = []

    def on_start(self, span, parent_context=None):
        self.begun += 1

    def on_end(self, span):
        self.ended.append(span)


class Tracing:
    """llmtrace over a provider whose spans are counted from their very beginning."""

    def __init__(self):
        self.live = Live()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self.live)
        self.handle = runtime.init(tracer_provider=self.provider, exporters=[InMemorySpanExporter()])

    def only(self):
        """The one span; none is still open, and none ended twice."""
        self.handle.flush()
        assert self.live.begun == len(self.live.ended) == 1
        return self.live.ended[0]


@contextmanager
def traced() -> Iterator[Tracing]:
    """Tracing within the block; what a fixture of its own yields."""
    made = Tracing()
    gc.freeze()  # what was there before need not be looked through again and again
    try:
        yield made
    finally:
        gc.unfreeze()
        made.handle.shutdown()
