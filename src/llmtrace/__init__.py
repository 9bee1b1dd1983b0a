"""Traces of LLM applications as OpenTelemetry spans: `llmtrace.init()`, and every model call from then on is one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmtrace.api.carrier import extract as extract
    from llmtrace.api.carrier import inject as inject
    from llmtrace.api.context import capture as capture
    from llmtrace.api.context import conversation as conversation
    from llmtrace.api.context import metadata as metadata
    from llmtrace.api.context import prompt as prompt
    from llmtrace.api.context import suppress as suppress
    from llmtrace.api.context import tags as tags
    from llmtrace.api.current import current as current
    from llmtrace.api.feedback import feedback as feedback
    from llmtrace.api.kinds import agent as agent
    from llmtrace.api.kinds import chain as chain
    from llmtrace.api.kinds import embedding as embedding
    from llmtrace.api.kinds import guardrail as guardrail
    from llmtrace.api.kinds import llm as llm
    from llmtrace.api.kinds import rerank as rerank
    from llmtrace.api.kinds import retrieval as retrieval
    from llmtrace.api.kinds import step as step
    from llmtrace.api.kinds import tool as tool
    from llmtrace.api.kinds import workflow as workflow
    from llmtrace.runtime import flush as flush
    from llmtrace.runtime import init as init
    from llmtrace.runtime import shutdown as shutdown
    from llmtrace.runtime import uninstrument as uninstrument
    from llmtrace.settings import SettingsError as SettingsError

_HOMES = {
    "SettingsError": "llmtrace.settings",
    "agent": "llmtrace.api.kinds",
    "capture": "llmtrace.api.context",
    "chain": "llmtrace.api.kinds",
    "conversation": "llmtrace.api.context",
    "current": "llmtrace.api.current",
    "embedding": "llmtrace.api.kinds",
    "extract": "llmtrace.api.carrier",
    "feedback": "llmtrace.api.feedback",
    "flush": "llmtrace.runtime",
    "guardrail": "llmtrace.api.kinds",
    "init": "llmtrace.runtime",
    "inject": "llmtrace.api.carrier",
    "llm": "llmtrace.api.kinds",
    "metadata": "llmtrace.api.context",
    "prompt": "llmtrace.api.context",
    "rerank": "llmtrace.api.kinds",
    "retrieval": "llmtrace.api.kinds",
    "shutdown": "llmtrace.runtime",
    "step": "llmtrace.api.kinds",
    "suppress": "llmtrace.api.context",
    "tags": "llmtrace.api.context",
    "tool": "llmtrace.api.kinds",
    "uninstrument": "llmtrace.runtime",
    "workflow": "llmtrace.api.kinds",
}
"""Public name → the module it lives in, which is loaded when the name is first used."""

__all__ = [
    "SettingsError",
    "agent",
    "capture",
    "chain",
    "conversation",
    "current",
    "embedding",
    "extract",
    "feedback",
    "flush",
    "guardrail",
    "init",
    "inject",
    "llm",
    "metadata",
    "prompt",
    "rerank",
    "retrieval",
    "shutdown",
    "step",
    "suppress",
    "tags",
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
