"""What a command tells of a trace or a span: drawn for people, or as a document for machines."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any, NamedTuple

from rich.console import Group, RenderableType

from llmtrace.cli.call import call
from llmtrace.exporters.drawing import trace_tree
from llmtrace.store import Filter, Score, SpanRow, Store, TraceSummary

FIRST = 2_000
"""How many spans of each listed trace are read, and summed up in its headline."""

LINES = 100
"""How many of them are drawn; `llmtrace show ID` draws all."""


class Pick(NamedTuple):
    """What one part of the output is about: a trace, or (`single`) one span of it."""

    spans: list[SpanRow]
    scores: list[Score]
    total: int
    lines: int | None = None
    single: bool = False

    def drawn(self, now: int) -> RenderableType:
        """For people; `now` is nanoseconds since the epoch."""
        if self.single:
            return call(self.spans[0], self.scores, now)
        tree = trace_tree(self.spans, self.scores, shown=self.lines, count=self.total, now=now)
        return Group(tree, "", call(self.spans[0], now=now)) if self.total == 1 and self.lines is None else tree

    def document(self) -> dict[str, Any]:
        """For machines."""
        scores = [asdict(score) for score in self.scores]
        if self.single:
            return {**asdict(self.spans[0]), "scores": scores}
        return {
            "trace_id": self.spans[0].trace_id,
            "spans": [asdict(span) for span in self.spans],
            "scores": scores,
        }


def last(source: Store, wanted: Filter, limit: int, *, content: bool) -> list[Pick]:
    """The last traces, the newest at the end."""
    found = [picked(source, trace, content=content) for trace in reversed(source.traces(wanted, limit))]
    return [pick for pick in found if pick.spans]  # a trace may have been pruned since it was listed


def picked(source: Store, trace: TraceSummary, *, content: bool = False) -> Pick:
    """A trace of a listing."""
    spans = source.spans(trace.trace_id, content=content, limit=None if content else FIRST)
    return Pick(spans, source.scores(trace.trace_id), trace.span_count, LINES)


def _plain(value: Any) -> Any:
    """The value with None for the numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_line(document: dict[str, Any]) -> str:
    """The document as one line of JSON."""
    return f"{json.dumps(_plain(document))}\n"
