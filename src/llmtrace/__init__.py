"""Traces of LLM applications as OpenTelemetry spans: `llmtrace.init()`, and every model call from then on is one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmtrace.api.context import conversation as conversation
    from llmtrace.api.decorators import retrieval as retrieval
    from llmtrace.api.decorators import step as step
    from llmtrace.api.decorators import tool as tool
    from llmtrace.api.decorators import workflow as workflow
    from llmtrace.runtime import Handle as Handle
    from llmtrace.runtime import flush as flush
    from llmtrace.runtime import init as init
    from llmtrace.runtime import shutdown as shutdown
    from llmtrace.runtime import uninstrument as uninstrument
    from llmtrace.settings import SettingsError as SettingsError

_HOMES = {
    "Handle": "llmtrace.runtime",
    "SettingsError": "llmtrace.settings",
    "conversation": "llmtrace.api.context",
    "flush": "llmtrace.runtime",
    "init": "llmtrace.runtime",
    "retrieval": "llmtrace.api.decorators",
    "shutdown": "llmtrace.runtime",
    "step": "llmtrace.api.decorators",
    "tool": "llmtrace.api.decorators",
    "uninstrument": "llmtrace.runtime",
    "workflow": "llmtrace.api.decorators",
}
"""Public name → the module it lives in, which is loaded when the name is first used."""

__all__ = [
    "Handle",
    "SettingsError",
    "conversation",
    "flush",
    "init",
    "retrieval",
    "shutdown",
    "step",
    "tool",
    "uninstrument",
    "workflow",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
