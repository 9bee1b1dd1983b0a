"""The commands about the local store itself: where it is, how much it holds, and keeping it small."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from llmtrace.cli import quantities, transfer
from llmtrace.cli.output import console, fail, opened, say
from llmtrace.cli.places import StorePath, existing, named
from llmtrace.exporters.figures import moment, plain

store = typer.Typer(
    help="Say where the local store is and how much it holds; keep it small; take spans out and in.",
    rich_markup_mode=None,
)


@store.callback(invoke_without_command=True)
def stats_unless_more(context: typer.Context, path: StorePath = None) -> None:
    """Say where the local store is and how much it holds; keep it small; take spans out and in."""
    if context.invoked_subcommand is None:
        stats(path)
    elif path is not None:
        raise typer.BadParameter(f"--store goes behind {context.invoked_subcommand}")


@store.command()
def stats(path: StorePath = None) -> None:
    """Say where the local store is and how much it holds."""
    file = existing(path)
    if file is None:
        return
    with opened(file) as source:
        found = source.stats()
    grid = Table.grid(padding=(0, 2))
    for label, value in (
        ("path", str(found.path)),
        ("size", f"{found.bytes / 1e6:,.1f} MB"),
        ("traces", f"{found.traces:,}"),
        ("spans", f"{found.spans:,}"),
        ("oldest", moment(found.oldest) if found.oldest else "-"),
        ("newest", moment(found.newest) if found.newest else "-"),
        ("schema", str(found.schema)),
    ):
        grid.add_row(Text(label, "dim"), Text(plain(value), overflow="fold"))
    console().print(grid)


@store.command()
def path(path: StorePath = None) -> None:
    """Say where the local store is, or will be."""
    print(named(path))


@store.command()
def prune(
    max_age: Annotated[
        float | None,
        typer.Option(parser=quantities.duration, metavar="TIME", help="Remove traces that began longer ago: 30d."),
    ] = None,
    max_size: Annotated[
        int | None,
        typer.Option(parser=quantities.size, metavar="SIZE", help="Remove the oldest until the rest fits: 1GiB."),
    ] = None,
    path: StorePath = None,
) -> None:
    """Remove old traces, once: by age, by size, or both. Apps keep the store below 2 GiB by themselves."""
    if max_age is None and max_size is None:
        raise typer.BadParameter("say what may stay: --max-age 30d, --max-size 1GiB, or both")
    file = existing(path)
    if file is None:
        return
    with opened(file) as target:
        removed = target.prune(max_age=max_age, max_bytes=max_size)
    say(f"{removed:,} trace{'s' * (removed != 1)} removed.")


@store.command()
def vacuum(path: StorePath = None) -> None:
    """Write the file anew, as small as it can be. Apps that write meanwhile wait."""
    file = existing(path)
    if file is None:
        return
    with opened(file) as target:
        before = target.stats().bytes
        done = target.vacuum()
        after = target.stats().bytes
    if not done:
        fail("another process reads the store, so its log could not be emptied; try again when it is done")
    say(f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now.")


store.command("export")(transfer.export)
store.command("import")(transfer.import_)
