"""What tests of an LLM application need: a local model server, replayed recordings, and the spans of a block."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmtrace.testing.answers import RATE_LIMITED, Answer, Fault, ToolUse
    from llmtrace.testing.captured import Captured, capture
    from llmtrace.testing.model_server import ModelServer
    from llmtrace.testing.replay import ReplayServer

__all__ = ["RATE_LIMITED", "Answer", "Captured", "Fault", "ModelServer", "ReplayServer", "ToolUse", "capture"]

_HOMES = {
    "RATE_LIMITED": "answers",
    "Answer": "answers",
    "Captured": "captured",
    "Fault": "answers",
    "ModelServer": "model_server",
    "ReplayServer": "replay",
    "ToolUse": "answers",
    "capture": "captured",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: pytest imports this package at every start, for the plugin in it.
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
