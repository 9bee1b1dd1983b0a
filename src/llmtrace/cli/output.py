"""Where commands print: a console that suits a terminal as well as a pipe, and errors that say what to do."""

from __future__ import annotations

import io
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from llmtrace.exporters.drawing import NARROWEST
from llmtrace.exporters.figures import plain
from llmtrace.store import Store, StoreError

PIPE_WIDTH = 160


def console() -> Console:
    """The standard output: as wide as the terminal, or (in a pipe) as COLUMNS says or as a log's lines may be."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What an old terminal's encoding lacks is shown as a question mark, not as a traceback.
        sys.stdout.reconfigure(errors="replace")
    wide = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
    return Console(width=max(wide, NARROWEST), highlight=False, markup=False, emoji=False)


def say(message: str) -> None:
    """Tells the user something that is no result: on the standard error stream, so that a pipe's reader is spared."""
    Console(stderr=True, highlight=False, markup=False, emoji=False).print(Text(plain(message)), soft_wrap=True)


def fail(message: str) -> NoReturn:
    """Ends the command with a message."""
    say(f"llmtrace: {message}")
    raise typer.Exit(1)


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """The store that is there; what is wrong with its file ends the command with a message."""
    try:
        with Store(path) as store:
            yield store
    except StoreError as error:
        fail(f"{path} can't be read: {error}")
    except (sqlite3.Error, OSError) as error:
        fail(f"{path} can't be read: {error}. Is it a file that llmtrace wrote, and may you read and write it?")
