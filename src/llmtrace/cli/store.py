"""The command that says where the local store is and how much it holds."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from llmtrace.cli.output import console, opened
from llmtrace.cli.show import StorePath, existing
from llmtrace.exporters.figures import moment, plain


def store(path: StorePath = None) -> None:
    """Say where the local store is and how much it holds."""
    file = existing(path)
    if file is None:
        return
    with opened(file) as source:
        stats = source.stats()
    grid = Table.grid(padding=(0, 2))
    for label, value in (
        ("path", str(stats.path)),
        ("size", f"{stats.bytes / 1e6:,.1f} MB"),
        ("traces", f"{stats.traces:,}"),
        ("spans", f"{stats.spans:,}"),
        ("oldest", moment(stats.oldest) if stats.oldest else "-"),
        ("newest", moment(stats.newest) if stats.newest else "-"),
        ("schema", str(stats.schema)),
    ):
        grid.add_row(Text(label, "dim"), Text(plain(value), overflow="fold"))
    console().print(grid)
