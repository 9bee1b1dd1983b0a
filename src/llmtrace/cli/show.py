"""The command that shows what was traced: the last traces as trees, or one trace or call in full."""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Group, RenderableType

from llmtrace.cli.call import call
from llmtrace.cli.filters import filtered
from llmtrace.cli.output import console, fail, opened, say
from llmtrace.cli.places import StorePath, existing, named
from llmtrace.exporters.drawing import trace_tree
from llmtrace.store import Filter, Score, SpanRow, Store, TraceSummary

FIRST = 2_000
"""How many spans of each listed trace are read, and summed up in its headline."""

LINES = 100
"""How many of them are drawn; `llmtrace show ID` draws all."""


@filtered
def show(
    wanted: Filter,
    prefix: Annotated[
        str | None, typer.Argument(metavar="ID", help="The first digits of a trace's or a span's id: it in full.")
    ] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="How many traces, counted from the last.")] = 10,
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as traces come, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")] = False,
    store: StorePath = None,
) -> None:
    """Show the last traces as trees, the newest at the end, or one trace or call in full."""
    if follow and prefix is not None:
        raise typer.BadParameter("--follow shows traces as they come; leave out the id")
    path = existing(store)
    if follow:
        # Deferred: only this loads what draws again and again.
        from llmtrace.cli.follow import follow as run  # noqa: PLC0415

        run(path or named(store), wanted, limit, as_json=as_json)
    elif path is not None:
        _show(path, wanted, prefix, limit, as_json=as_json)


def _show(path: Path, wanted: Filter, prefix: str | None, limit: int, *, as_json: bool) -> None:
    with opened(path) as source:
        picks = last(source, wanted, limit, content=as_json) if prefix is None else [_one(source, prefix)]
    if as_json:
        sys.stdout.writelines(f"{json.dumps(plain_json(pick.document()))}\n" for pick in picks)
    elif picks:
        out, now = console(), time.time_ns()
        for pick in picks:
            out.print(pick.drawn(now), "")
    if not picks:
        say(f"{'There is no trace yet' if wanted == Filter() else 'No trace matches these filters'} in {path}.")


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


def _one(source: Store, prefix: str) -> Pick:
    wanted = prefix.strip().lower()
    found = source.find(wanted)
    exact = [item for item in found if item.span_id == wanted]
    if len(exact or found) > 1:
        ids = "\n".join(f"  span  {item.span_id}" if item.span_id else f"  trace {item.trace_id}" for item in found)
        fail(f"{prefix} is not enough to tell these apart:\n{ids}")
    chosen = next(iter(exact or found), None)
    spans = source.spans(chosen.trace_id) if chosen else []
    if chosen is None or not spans:
        fail(f"no trace or span in {source.path} has an id that begins with {prefix}")
    scores = source.scores(chosen.trace_id)
    single = [span for span in spans if span.span_id == chosen.span_id]
    if not single:
        return Pick(spans, scores, len(spans))
    return Pick(single, [score for score in scores if score.span_id == chosen.span_id], 1, single=True)


def plain_json(value: Any) -> Any:
    """The value with None for the numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
