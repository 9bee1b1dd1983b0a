"""The app's functions that Google's library runs itself when a model asks for them: each run is a tool's."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from llmtrace.facts.operation import Begin, Evidence, Operation, Point, Start
from llmtrace.facts.records import ToolCall
from llmtrace.facts.shape import mapping, text


def _read(evidence: Evidence) -> ToolCall:
    asked = mapping(evidence.request)
    return ToolCall(
        name=evidence.start.target or "",
        description=text(asked.get("description")),
        arguments=asked.get("arguments"),
        result=evidence.response.body if evidence.response is not None else None,
    )


TOOL = Operation("execute_tool", _read, kind="internal")


def _start(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start:
    arguments = args[0] if args else kwargs["args"]
    function = args[1] if len(args) > 1 else kwargs["function_to_invoke"]
    name = getattr(function, "__name__", None)
    said = getattr(function, "__doc__", None)
    request = {"arguments": arguments, "description": inspect.cleandoc(said) if isinstance(said, str) else None}
    return Start(TOOL, target=name if isinstance(name, str) else type(function).__name__, request=request)


_PLACE = "google.genai._extra_utils:invoke_function_from_dict_args"
POINTS: dict[str, Point] = {_PLACE: Begin(_start), f"{_PLACE}_async": Begin(_start)}
