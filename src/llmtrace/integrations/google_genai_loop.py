"""The loop in which Google's library calls a model and the app's functions by turns: one step around all of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from llmtrace.facts.operation import Begin, Evidence, Operation, Point, Start
from llmtrace.facts.records import Step
from llmtrace.facts.shape import integer, items

_CHATS = "google.genai.chats"
_MODELS = "google.genai.models"


def _read(evidence: Evidence) -> Step:
    return Step(kind="chain", name=evidence.start.target or "")


LOOP = Operation("step", _read, kind="internal", step=True)


def _field(holder: Any, name: str) -> Any:
    """A field of what may be given as an object or as a dict."""
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _runs(tool: Any) -> bool:
    """Whether it is a function, or a session of the Model Context Protocol, which the library does not declare."""
    return callable(tool) or (hasattr(tool, "call_tool") and hasattr(tool, "list_tools"))


def loops(config: Any) -> bool:
    """Whether the library runs the functions itself: it does not where one is only declared, or it is told not to."""
    tools = items(_field(config, "tools"))
    if not any(_runs(tool) for tool in tools) or any(_field(tool, "function_declarations") for tool in tools):
        return False
    told = _field(config, "automatic_function_calling")
    most = integer(_field(told, "maximum_remote_calls"))
    return not _field(told, "disable") and (most is None or most > 0)


def _start(_args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start | None:
    return Start(LOOP, target="generate_content") if loops(kwargs.get("config")) else None


def _chat_start(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start | None:
    if not hasattr(sys.modules.get(_CHATS), "_extra_utils"):  # it leaves the loop to the models
        return None
    config = args[2] if len(args) > 2 else kwargs.get("config")  # noqa: PLR2004 - (self, message, config)
    return Start(LOOP, target="generate_content") if loops(config or getattr(args[0], "_config", None)) else None


def _nothing(_result: Any) -> None:
    """The turns have what was answered, each its own."""


_ASKED = Begin(_start, result=_nothing)
_ASKED_LATER = Begin(_start, result=_nothing, deferred=True)
_SAID = Begin(_chat_start, result=_nothing)
_SAID_LATER = Begin(_chat_start, result=_nothing, deferred=True)

POINTS: dict[str, Point] = {
    f"{_MODELS}:Models.generate_content": _ASKED,
    f"{_MODELS}:Models.generate_content_stream": _ASKED,
    f"{_MODELS}:AsyncModels.generate_content": _ASKED,
    f"{_MODELS}:AsyncModels.generate_content_stream": _ASKED_LATER,
    f"{_CHATS}:Chat.send_message": _SAID,
    f"{_CHATS}:Chat.send_message_stream": _SAID,
    f"{_CHATS}:AsyncChat.send_message": _SAID,
    f"{_CHATS}:AsyncChat.send_message_stream": _SAID_LATER,
}
