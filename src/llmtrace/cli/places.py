"""Which store a command is about, and what it says where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmtrace.cli.output import fail, say
from llmtrace.settings import store_path

StorePath = Annotated[
    Path | None,
    typer.Option("--store", help="The store's file, instead of LLMTRACE_STORE or the default.", show_default=False),
]


def named(given: Path | None) -> Path:
    """The store's path, whether it is there or not."""
    return given or store_path()


def existing(given: Path | None) -> Path | None:
    """The store's path, or None (and a hint) where nothing was traced into the usual place yet."""
    path = named(given)
    if path.is_file():
        return path
    if given or path.exists():
        fail(f"there is no store at {path}")
    say(
        f"Nothing to show: there is no store at {path} yet.\n"
        "An app that calls llmtrace.init() without another destination writes there.\n"
        "If yours writes elsewhere, say where with --store PATH or the variable LLMTRACE_STORE."
    )
    return None
