"""Follows the store: traces are printed as they finish, and what is under way is drawn below until it has."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live

from llmtrace.cli.output import console, opened, say
from llmtrace.cli.picks import Pick, json_line, picked
from llmtrace.store import Filter, SpanRow, Store, TraceSummary

POLL = 0.25
"""Seconds between two looks; one that finds nothing new reads a single row."""

QUIET = 1.5
"""Seconds without news after which a trace is taken for complete although spans of it name a parent never seen."""

DRAWN = 20
"""How many traces under way are drawn at once."""

REMEMBERED = 10_000
"""Of how many traces it is remembered what was told of them."""


@dataclass(slots=True)
class Feed:
    """What is new in a store, in order of time: first its last traces, then whatever changes."""

    source: Store
    wanted: Filter
    limit: int
    _mark: int | None = None
    _told: dict[str, int] = field(default_factory=dict)

    def changed(self) -> list[TraceSummary]:
        """The traces that have news since the last look, oldest first."""
        mark, now = self._mark, self.source.last()
        self._mark = now
        if mark == now:
            return []
        if mark is None or now < mark:  # the first look, or another file has taken the place of the one followed
            self._told.clear()
            return self.source.traces(self.wanted, self.limit)[::-1]
        return self.source.traces(self.wanted, since=mark)[::-1]

    def news(self) -> Iterator[SpanRow]:
        """Every span once as it is first seen, and once more when it has ended since."""
        for trace in self.changed():
            since, until = self._told.pop(trace.trace_id, 0), self._mark or 0
            self._told[trace.trace_id] = until
            yield from self.source.spans(trace.trace_id, written=(since, until))
        while len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]


@dataclass(slots=True)
class Board:
    """The traces under way: from the first that is seen of one until nothing more of it is expected."""

    feed: Feed
    under_way: dict[str, tuple[TraceSummary, float]] = field(default_factory=dict)

    def look(self, now: float) -> tuple[list[Pick], list[Pick]]:
        """The traces that are complete by now, which are told only this once, and those that are not."""
        for trace in self.feed.changed():
            self.under_way[trace.trace_id] = (trace, now)
        complete, open_ones = [], []
        for trace, changed in list(self.under_way.values()):
            pick = picked(self.feed.source, trace)
            if is_complete(pick.spans, quiet=now - changed >= QUIET):
                del self.under_way[trace.trace_id]
                complete += [pick] if pick.spans else []  # there is none where it was removed meanwhile
            else:
                open_ones.append(pick)
        return complete, open_ones


def is_complete(spans: list[SpanRow], *, quiet: bool) -> bool:
    """Whether all of a trace seems to be there: nothing runs, and every span's parent is known or will not come."""
    known = {span.span_id for span in spans}
    return not any(span.running for span in spans) and (
        quiet or all(span.parent_id is None or span.parent_id in known for span in spans)
    )


def follow(path: Path, wanted: Filter, limit: int, *, as_json: bool) -> None:
    """Prints the last traces and goes on with what comes, until Ctrl-C."""
    with suppress(KeyboardInterrupt):
        while not path.is_file():
            time.sleep(POLL)
        with opened(path) as source:
            feed = Feed(source, wanted, limit)
            say(f"Following {path}; Ctrl-C ends it.")
            if as_json:
                _stream(feed)
            else:
                _draw(Board(feed), console())


def _stream(feed: Feed) -> None:
    while True:
        sys.stdout.writelines(json_line(asdict(span)) for span in feed.news())
        sys.stdout.flush()
        time.sleep(POLL)


def _draw(board: Board, out: Console) -> None:
    """On a terminal, traces under way are drawn anew at each look; in a pipe, once when first seen."""
    live = Live(console=out, auto_refresh=False, transient=True) if out.is_terminal else None
    seen: set[str] = set()
    open_ones: list[Pick] = []
    try:
        with live or nullcontext():
            while True:
                complete, open_ones = board.look(time.monotonic())
                now = time.time_ns()
                for pick in complete:
                    out.print(pick.drawn(now), "")
                if live is not None:
                    live.update(Group(*(pick.drawn(now) for pick in open_ones[-DRAWN:])), refresh=True)
                else:
                    _print_once(out, open_ones, seen, now)
                time.sleep(POLL)
    except KeyboardInterrupt:
        for pick in open_ones if live is not None else ():
            out.print(pick.drawn(time.time_ns()), "")


def _print_once(out: Console, open_ones: list[Pick], seen: set[str], now: int) -> None:
    under_way = {pick.spans[0].trace_id for pick in open_ones}
    for pick in open_ones:
        if pick.spans[0].trace_id not in seen and any(span.running for span in pick.spans):
            seen.add(pick.spans[0].trace_id)
            out.print(pick.drawn(now), "")
    seen &= under_way
