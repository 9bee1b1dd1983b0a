"""The command about libraries: which are known, in which versions, what is traced of them, and what holds here."""

from __future__ import annotations

import importlib.metadata
import json
from importlib.resources import files
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from llmtrace import settings
from llmtrace.cli.output import console, fail
from llmtrace.exporters.figures import plain
from llmtrace.facts.operation import Integration, Listed
from llmtrace.integrations import choose, installed


def integrations(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One of them, with every patch point.")] = None,
) -> None:
    """Say which libraries are traced: versions supported, tested and installed, what is captured, how it was verified.

    The settings that are seen are those of this shell: an app that calls init(integrations=...) says more.
    """
    known = {listed.name: listed for listed in choose(None)}
    states = _states(known)
    if name is None:
        console().print(_all([(known[each].load(), states[each]) for each in sorted(known)]))
    elif name in known:
        console().print(_one(known[name].load(), states[name]))
    else:
        fail(f"there is no integration {name!r}; known are {', '.join(sorted(known))}")


def _states(known: dict[str, Listed]) -> dict[str, str]:
    """Of each integration whether `init()` would trace its library here, or why not."""
    try:
        found = settings.resolve({})
        chosen = {listed.name for listed in choose(found.integrations)}
    except (settings.SettingsError, ValueError) as error:
        fail(str(error))
    return {
        name: "not installed"
        if not installed(listed)
        else f"off, by {found.origin('integrations')}"
        if name not in chosen
        else f"its own spans, by {found.origin('native_spans')}"
        if name in found.native_spans
        else "traced"
        for name, listed in known.items()
    }


def _tested(name: str) -> list[str]:
    """The versions that the tests of this release ran with, of the integrations that come with it."""
    return list(json.loads((files("llmtrace.integrations") / "tested.json").read_text()).get(name, ()))


def _here(integration: Integration, state: str) -> str:
    try:
        return f"{importlib.metadata.version(integration.distribution)}, {state}"
    except importlib.metadata.PackageNotFoundError:
        return state


def _said(integration: Integration, state: str) -> dict[str, str]:
    """What is said of one, by the name of its column."""
    return {
        "supported": integration.requires,
        "tested": ", ".join(_tested(integration.name)) or "-",
        "here": _here(integration, state),
        "captured": ", ".join(integration.captures) or "-",
        "verified with": ", ".join(integration.verified) or "-",
    }


def _all(found: list[tuple[Integration, str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    rows = [{"name": integration.name, **_said(integration, state)} for integration, state in found]
    for column in rows[0]:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(value)) for value in row.values()))
    return table


def _one(integration: Integration, state: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    for label, value in {"name": integration.name, **_said(integration, state)}.items():
        grid.add_row(Text(label, "dim"), Text(plain(value), overflow="fold"))
    for n, place in enumerate(_places(integration)):
        grid.add_row(Text("" if n else "points", "dim"), Text(plain(place), overflow="fold"))
    return grid


def _places(integration: Integration) -> list[str]:
    """Where it listens."""
    points = {point: " (where there is one)" if point in integration.optional else "" for point in integration.points}
    return [*map("".join, points.items()), *(f"spans of {scope}" for scope in integration.spans)]
