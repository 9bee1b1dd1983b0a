"""The command that removes what a user or a conversation left in the store."""

from __future__ import annotations

from typing import Annotated

import typer

from llmtrace.cli.output import fail, opened, say
from llmtrace.cli.places import StorePath, existing
from llmtrace.store import Forgotten


def forget(
    user: Annotated[str | None, typer.Option(help="Forget this user.")] = None,
    conversation: Annotated[str | None, typer.Option(help="Forget this conversation.")] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: StorePath = None,
) -> None:
    """Remove every trace that a user or a conversation has a part in, so that no byte of it stays in the file."""
    if (user is None) == (conversation is None):
        raise typer.BadParameter("say whom to forget: --user ID or --conversation ID")
    path = existing(store)
    if path is None:
        return
    who = f"user {user}" if conversation is None else f"conversation {conversation}"
    with opened(path) as target:
        found = target.census(conversation=conversation, user=user)
        if not found.traces and not found.scores:
            say(f"There is nothing of {who} in {path}.")
        elif not yes:
            say(f"{path} holds {_told(found)} of {who}. This cannot be undone.")
            typer.confirm("Remove them?", abort=True, err=True)
        removed = target.forget(conversation=conversation, user=user)
        # Also where nothing was found: an earlier attempt may have been broken off before this.
        clean = target.vacuum()
    if not clean:
        fail(f"{_told(removed)} removed, but another process reads the store, so its log still holds them: try again")
    if removed.traces or removed.scores:
        say(f"{_told(removed)} removed.")


def _told(found: Forgotten) -> str:
    counted = ((found.traces, "trace"), (found.spans, "span"), (found.scores, "score"))
    told = ", ".join(f"{count:,} {what}{'s' * (count != 1)}" for count, what in counted if count)
    return told + (f" ({found.shared:,} of the traces with others' spans too)" if found.shared else "")
