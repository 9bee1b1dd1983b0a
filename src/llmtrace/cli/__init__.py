"""The command `llmtrace`: what is traced, and what was traced into the local store, in the terminal."""

from __future__ import annotations

import typer

from llmtrace.cli.forget import forget
from llmtrace.cli.integrations import integrations
from llmtrace.cli.show import show
from llmtrace.cli.store import store

# No decorated tracebacks: they would print local variables, and with them prompts.
app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__
)
app.command()(show)
app.add_typer(store, name="store")
app.command()(forget)
app.command()(integrations)

__all__ = ["app"]
