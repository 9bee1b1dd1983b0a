"""The app's functions that Google's library runs itself when a model asks for them: each run is a tool's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from llmtrace.facts.operation import Begin, Evidence, Operation, Point, Start, Wrapped
from llmtrace.facts.records import ToolCall
from llmtrace.facts.shape import mapping, text

_ASKED: ContextVar[list[tuple[Any, Any]]] = ContextVar("llmtrace_google_genai_asked")
"""Name and id of the calls that the library works off, one after the other; it hands on nothing but the arguments."""


def _read(evidence: Evidence) -> ToolCall:
    asked = mapping(evidence.request)
    return ToolCall(
        name=evidence.start.target or "",
        description=text(asked.get("description")),
        call_id=text(asked.get("id")),
        arguments=asked.get("arguments"),
        result=evidence.response.body if evidence.response is not None else None,
    )


TOOL = Operation("execute_tool", _read, kind="internal")


def _start(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start:
    arguments = args[0] if args else kwargs["args"]
    function = args[1] if len(args) > 1 else kwargs["function_to_invoke"]
    name, said = getattr(function, "__name__", None), getattr(function, "__doc__", None)
    asked = _ASKED.get([])
    found = next((n for n, (called, _) in enumerate(asked) if called == name), None)
    request = {
        "id": None if found is None else asked.pop(found)[1],
        "arguments": arguments,
        "description": inspect.cleandoc(said) if isinstance(said, str) else None,
    }
    return Start(TOOL, target=name if isinstance(name, str) else type(function).__name__, request=request)


def _numbered(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stands in for what works off an answer's calls, and says which these are."""

    def plain(*args: Any, **kwargs: Any) -> Any:
        token = _ASKED.set(_calls(args, kwargs))
        try:
            return original(*args, **kwargs)
        finally:
            _ASKED.reset(token)

    async def awaiting(*args: Any, **kwargs: Any) -> Any:
        token = _ASKED.set(_calls(args, kwargs))
        try:
            return await original(*args, **kwargs)
        finally:
            _ASKED.reset(token)

    return awaiting if inspect.iscoroutinefunction(original) else plain


def _calls(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    response = args[0] if args else kwargs.get("response")
    first = next(iter(getattr(response, "candidates", None) or ()), None)
    parts = getattr(getattr(first, "content", None), "parts", None) or ()
    asked = [getattr(part, "function_call", None) for part in parts]
    return [(getattr(call, "name", None), getattr(call, "id", None)) for call in asked if call]


_PLACE = "google.genai._extra_utils"
POINTS: dict[str, Point] = {
    f"{_PLACE}:invoke_function_from_dict_args": Begin(_start),
    f"{_PLACE}:invoke_function_from_dict_args_async": Begin(_start),
    f"{_PLACE}:get_function_response_parts": Wrapped(_numbered),
    f"{_PLACE}:get_function_response_parts_async": Wrapped(_numbered),
}
