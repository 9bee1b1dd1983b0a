"""The libraries llmtrace knows, one file each; found by name, and third parties' by entry point."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping, Sequence

from llmtrace.facts.operation import Integration

BUILT_IN = {
    "anthropic": "llmtrace.integrations.anthropic",
    "openai": "llmtrace.integrations.openai",
}
"""Integration name → module that holds its `INTEGRATION`."""

GROUP = "llmtrace.integrations"
"""The entry-point group in which a third party's package names its own `Integration`."""


def _registered() -> dict[str, importlib.metadata.EntryPoint]:
    """Third parties' integrations by name, the first of each. Looking for them reads every installed package."""
    found = importlib.metadata.entry_points(group=GROUP)
    return {entry.name: entry for entry in reversed(tuple(found))}


def load(name: str) -> Integration:
    """The integration of that name; a third party's wins over ours. KeyError where there is none."""
    return _loaded(name, _registered())


def _loaded(name: str, registered: Mapping[str, importlib.metadata.EntryPoint]) -> Integration:
    found = registered[name].load() if name in registered else importlib.import_module(BUILT_IN[name]).INTEGRATION
    if not isinstance(found, Integration):
        message = f"what is registered as the integration {name!r} is a {type(found).__name__}, not an Integration"
        raise TypeError(message)
    return found


def installed(integration: Integration) -> bool:
    """Whether the library that the integration is for can be imported. It is not imported by asking."""
    package = next(iter(integration.points)).partition(":")[0].partition(".")[0]
    return importlib.util.find_spec(package) is not None


def choose(wanted: Sequence[str] | None) -> list[Integration]:
    """The integrations to apply: all of them for None; the named ones; or all but those named with a leading `-`.

    Raises ValueError for a name that is unknown, or whose library is not installed though it was asked for by name.
    """
    chosen = [name for name in wanted or () if not name.startswith("-")]
    left_out = {name[1:] for name in wanted or () if name.startswith("-")}
    registered = _registered()
    known = sorted({*BUILT_IN, *registered})
    for name in (*chosen, *left_out):
        if name not in known:
            message = f"there is no integration {name!r}; known are {', '.join(known)}"
            raise ValueError(message)
    found = [_loaded(name, registered) for name in chosen or known if name not in left_out]
    for integration in found if chosen else ():
        if not installed(integration):
            message = f"the library of {integration.name!r} is not installed: pip install '{integration.requires}'"
            raise ValueError(message)
    return found
