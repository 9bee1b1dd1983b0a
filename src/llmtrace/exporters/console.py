"""Prints finished traces as trees on the terminal, each when its root has ended."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from rich.console import Console

from llmtrace.exporters.drawing import trace_tree
from llmtrace.exporters.local import row
from llmtrace.store import SpanRow

_WAITING_SPANS = 10_000


class ConsoleExporter(SpanExporter):
    """Prints a trace when its root has ended, and at shutdown what is left; more than 10,000 spans do not wait.

    It prints to the standard error stream of the moment, so that what the app prints stays its own.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console
        self._waiting: dict[str, list[SpanRow]] = defaultdict(list)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Prints the traces that these spans complete."""
        rooted = set()
        for span in spans:
            made = row(span)
            self._waiting[made.trace_id].append(made)
            if span.parent is None or span.parent.is_remote:
                rooted.add(made.trace_id)
        crowded = sum(map(len, self._waiting.values())) > _WAITING_SPANS
        self._print(list(self._waiting) if crowded else rooted)
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Nothing to send: what waits for its root is not finished."""
        return True

    def shutdown(self) -> None:
        """Prints what waits for its root."""
        self._print(list(self._waiting))

    def _print(self, traces: Iterable[str]) -> None:
        console = self._console or Console(file=sys.stderr, highlight=False)
        for trace in traces:
            console.print(trace_tree(sorted(self._waiting.pop(trace), key=attrgetter("started"))))
