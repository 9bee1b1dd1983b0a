"""The settings of llmtrace: one model, one way to resolve it, one error; the only room that reads the environment."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmtrace.settings.errors import SettingsError as SettingsError
    from llmtrace.settings.model import Settings as Settings
    from llmtrace.settings.paths import store_path as store_path
    from llmtrace.settings.resolution import differences as differences
    from llmtrace.settings.resolution import resolve as resolve

__all__ = ["Settings", "SettingsError", "differences", "resolve", "store_path"]

_HOMES = {
    "Settings": "llmtrace.settings.model",
    "SettingsError": "llmtrace.settings.errors",
    "differences": "llmtrace.settings.resolution",
    "resolve": "llmtrace.settings.resolution",
    "store_path": "llmtrace.settings.paths",
}
"""Name → module, loaded on first use: a decorator asks this room for its switch and should not load pydantic for it."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_HOMES[name]), name)
