"""The command that shows what was traced: the last traces as trees, or one trace or call in full."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from llmtrace.cli.filters import filtered
from llmtrace.cli.output import console, fail, opened, say
from llmtrace.cli.picks import Pick, json_line, last
from llmtrace.cli.places import StorePath, existing, named
from llmtrace.store import Filter, Store


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
        sys.stdout.writelines(json_line(pick.document()) for pick in picks)
    elif picks:
        out, now = console(), time.time_ns()
        for pick in picks:
            out.print(pick.drawn(now), "")
    if not picks:
        say(f"{'There is no trace yet' if wanted == Filter() else 'No trace matches these filters'} in {path}.")


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
