"""Prints what was measured as a table: the reference's own cost, and everybody else's as a part of it, with spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.contest import BARE, BEGIN, ENTRIES, IMPORT, OLDER, PEAK, REFERENCE, Found, Values, costs, median, ratio
from benchmarks.promises import SENT, SLICES

_MOST = {
    **{name: f"{how.most:g}" for name, how in SLICES.items()},
    **dict.fromkeys(SENT, "1"),
    PEAK: "1.3",
    IMPORT: "30 ms",
    BEGIN: "80 ms",
}
"""What each measure should be at most: a ratio, or a time where it has a unit."""


def table(values: Values, contestants: Sequence[str]) -> str:
    """All measures, as a Markdown table."""
    others = [name for name in contestants if name not in (BARE, OLDER, REFERENCE)]
    head = ["", "bare app", f"{REFERENCE} adds", *others, "at most"]
    rows = [[measure, *_row(measure, found, others), _MOST[measure]] for measure, found in values.items()]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [head, *rows]]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(measure: str, found: Found, others: Sequence[str]) -> list[str]:
    unit = _unit(measure)
    zero = unit(median(found[BARE])) if BARE in found else "none"
    by_hand = unit(median(costs(found, REFERENCE)))
    return [zero, by_hand, *(_cell(found, name, unit) if name in found else _without(measure, name) for name in others)]


def _without(measure: str, name: str) -> str:
    """Why there is no number."""
    entries = {entry.name: entry for entry in ENTRIES}
    if name not in entries or measure in SENT:
        return "sends none"
    return entries[name].lacks.get(measure, "not installed" if not entries[name].installed else "none")


def _cell(found: Found, name: str, unit: Callable[[float], str]) -> str:
    """The ratio, its spread, and the cost itself."""
    added = unit(median(costs(found, name)))
    part = ratio(found, name)
    return added if part is None else f"{part.middle:.2f} ({part.low:.2f} to {part.high:.2f}), {added}"


def _unit(measure: str) -> Callable[[float], str]:
    if measure in SENT:
        return lambda value: f"{value:,.0f} B"
    if measure == PEAK:
        return lambda value: f"{value / 2**20:.1f} MiB"
    if measure in (IMPORT, BEGIN):
        return lambda value: f"{value * 1e3:.0f} ms"
    return lambda value: f"{value * 1e6:.1f} µs"
