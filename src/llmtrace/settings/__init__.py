"""The settings of llmtrace: one model, one way to resolve it, one error; the only room that reads the environment."""

from __future__ import annotations

from llmtrace.settings.errors import SettingsError
from llmtrace.settings.model import Settings
from llmtrace.settings.paths import store_path
from llmtrace.settings.resolve import differences, resolve

__all__ = ["Settings", "SettingsError", "differences", "resolve", "store_path"]
