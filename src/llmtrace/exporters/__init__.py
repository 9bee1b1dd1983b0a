"""Where spans go: the destinations that have a name, any OTLP endpoint, and what a new one is made of."""

from __future__ import annotations

from llmtrace.exporters.destinations import Destination, build
from llmtrace.exporters.local import LocalExporter
from llmtrace.exporters.otlp import OtlpExporter
from llmtrace.exporters.presets import Preset
from llmtrace.exporters.remote import Limits, Remote

__all__ = ["Destination", "Limits", "LocalExporter", "OtlpExporter", "Preset", "Remote", "build"]
