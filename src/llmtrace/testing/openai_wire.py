"""What OpenAI's endpoints have in common on the wire: errors, event streams, tools, and the models themselves."""

from __future__ import annotations

from collections.abc import Iterable

from llmtrace.facts.records import Json
from llmtrace.facts.shape import mapping, mappings
from llmtrace.testing.answers import Fault, OfferedTool, ToolUse, Types, mistyped
from llmtrace.testing.local_http import json_bytes

REQUEST_ID = "x-request-id"
MODELS = ("gpt-5-mini", "gpt-5-nano", "gpt-4o-mini", "text-embedding-3-small", "text-embedding-3-large")
CREATED = 1_750_000_000
MOST_OUTPUT = 128_000
_TYPES = {401: "authentication_error", 403: "permission_error", 404: "invalid_request_error", 429: "requests"}
_SERVER_ERROR = 500


def error(fault: Fault) -> dict[str, Json]:
    """The error object that stands in an answer's `error`."""
    kind = _TYPES.get(fault.status, "server_error" if fault.status >= _SERVER_ERROR else "invalid_request_error")
    return {"message": fault.message, "type": kind, "param": fault.param, "code": fault.code}


def error_body(fault: Fault, _request_id: str) -> dict[str, Json]:
    """The body of an error answer."""
    return {"error": error(fault)}


def named_events(events: Iterable[dict[str, Json]]) -> bytes:
    """An event stream in which each event's `type` is also its name."""
    return b"".join(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json_bytes(event)) for event in events)


def wrong(body: dict[str, Json], required: tuple[str, ...], types: Types) -> Fault | None:
    """The complaint about the first required field that is not there, or about one of a wrong type."""
    for name in required:
        if body.get(name) in (None, "", []):
            return Fault(400, f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
    if odd := mistyped(body, types):
        return Fault(400, f"Invalid type for '{odd}'.", "invalid_type", odd)
    return None


def too_large(body: dict[str, Json], most: dict[str, int]) -> Fault | None:
    """The complaint about a number that is larger than any model allows."""
    for name, limit in most.items():
        asked = body.get(name) or 0
        if asked > limit:
            words = f"{name} is too large: {asked}. This model supports at most {limit}."
            return Fault(400, words, "invalid_value", name)
    return None


def offered(tools: Json) -> tuple[OfferedTool, ...]:
    """The functions among the tools, nested as in chat completions or flat as in responses."""
    functions = [mapping(tool.get("function", tool)) for tool in mappings(tools) if tool.get("type") == "function"]
    return tuple(OfferedTool(str(function.get("name")), mapping(function.get("parameters"))) for function in functions)


def choice(wanted: Json) -> str:
    """`tool_choice` as a word: `auto`, `none`, `required` or a function's name."""
    if isinstance(wanted, dict):
        return str(mapping(wanted.get("function", wanted)).get("name", "required"))
    return str(wanted or "auto")


def text_of(content: Json) -> str:
    """The text in a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in mappings(content))


def arguments(call: ToolUse) -> str:
    """A tool call's arguments as the string that goes over the wire."""
    return call.arguments if isinstance(call.arguments, str) else json_bytes(call.arguments).decode()


def models() -> dict[str, Json]:
    """The answer to a listing of the models."""
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "system"} for name in MODELS]
    return {"object": "list", "data": data}
