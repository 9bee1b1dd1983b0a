"""Prints finished traces as trees on the terminal: one line a span, with what a call cost and why it failed."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from llmtrace.exporters.local import row
from llmtrace.store import SpanRow

_WAITING_SPANS = 10_000
_SECOND = 1_000_000_000


class ConsoleExporter(SpanExporter):
    """Prints a trace when its root has ended; what has no root of ours yet, at the next flush or at the end.

    It prints to the standard error stream of the moment, so that what the app prints stays its own.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console
        self._waiting: dict[str, list[SpanRow]] = defaultdict(list)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Prints the traces that these spans complete."""
        for span in map(row, spans):
            self._waiting[span.trace_id].append(span)
        rooted = {f"{span.context.trace_id:032x}" for span in spans if span.context and is_root(span)}
        crowded = sum(map(len, self._waiting.values())) > _WAITING_SPANS
        self._print(list(self._waiting) if crowded else rooted)
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Prints what waits for its root."""
        self._print(list(self._waiting))
        return True

    def shutdown(self) -> None:
        """Prints what waits for its root."""
        self.force_flush()

    def _print(self, traces: Iterable[str]) -> None:
        console = self._console or Console(file=sys.stderr, highlight=False)
        for trace in traces:
            for tree in drawn(self._waiting.pop(trace)):
                console.print(tree, soft_wrap=True)


def is_root(span: ReadableSpan) -> bool:
    """Whether the span began its trace in this process."""
    return span.parent is None or span.parent.is_remote


def drawn(spans: Sequence[SpanRow]) -> list[Tree]:
    """The spans of one trace as trees, in order of time; a span whose parent is not among them is a root."""
    trees = {span.span_id: Tree(line(span)) for span in spans}
    roots = []
    for span in sorted(spans, key=lambda span: span.started):
        tree = trees[span.span_id]
        if span.parent_id in trees and span.parent_id != span.span_id:
            trees[span.parent_id].children.append(tree)
        else:
            roots.append(tree)
    return roots


def line(span: SpanRow) -> Text:
    """One span in one line. Control characters are spelled out: a terminal obeys them, whoever wrote them."""
    text = Text(printable(span.name), style="bold", end="")
    for part, style in _parts(span):
        text.append("  ").append(printable(part), style=style)
    return text


def printable(text: str) -> str:
    """The text with control characters, line ends and invisible marks written as escapes."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _parts(span: SpanRow) -> Iterable[tuple[str, str]]:
    if span.ended is not None:
        yield duration(span.ended - span.started), "dim"
    if span.input_tokens is not None or span.output_tokens is not None:
        yield f"{_count(span.input_tokens)} → {_count(span.output_tokens)} tokens", "cyan"
    if span.cost is not None:
        yield f"{span.cost:.6f} {span.currency or ''}".rstrip(), "green"
    if span.conversation_id:
        yield f"conversation {span.conversation_id}", "magenta"
    if span.status == "error":
        yield f"error {span.error_type or span.status_message or ''}".rstrip(), "red"


def duration(nanoseconds: int) -> str:
    """A span of time as people read it."""
    return f"{nanoseconds / 1e6:.1f} ms" if nanoseconds < _SECOND else f"{nanoseconds / _SECOND:.2f} s"


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"
