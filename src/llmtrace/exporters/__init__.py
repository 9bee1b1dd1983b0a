"""Where spans go: the destinations that have a name, any OTLP endpoint, and what a new one is made of."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmtrace.exporters.destinations import Destination as Destination
    from llmtrace.exporters.destinations import build as build
    from llmtrace.exporters.local import LocalExporter as LocalExporter
    from llmtrace.exporters.otlp import OtlpExporter as OtlpExporter
    from llmtrace.exporters.presets import Preset as Preset
    from llmtrace.exporters.remote import Limits as Limits
    from llmtrace.exporters.remote import Remote as Remote

__all__ = ["Destination", "Limits", "LocalExporter", "OtlpExporter", "Preset", "Remote", "build"]

_HOMES = {
    "Destination": "llmtrace.exporters.destinations",
    "Limits": "llmtrace.exporters.remote",
    "LocalExporter": "llmtrace.exporters.local",
    "OtlpExporter": "llmtrace.exporters.otlp",
    "Preset": "llmtrace.exporters.presets",
    "Remote": "llmtrace.exporters.remote",
    "build": "llmtrace.exporters.destinations",
}
"""Name → module, loaded on first use: the command line draws with this room and needs neither OTLP nor HTTP for it."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_HOMES[name]), name)
