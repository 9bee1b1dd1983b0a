"""Reads the requests and answers of the Model Context Protocol, whichever version of its library they were seen in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from llmtrace.facts.operation import Evidence, Operation, Received, Start
from llmtrace.facts.records import Failure, Json, McpCall, McpRequest
from llmtrace.facts.shape import integer, items, mapping, text
from llmtrace.integrations.mcp_transports import Route

CALLERS_FAULT = frozenset({-32700, -32600, -32601, -32602, -32002})
"""Errors that a server answers with when it is itself all right: its span is no failure."""

_CONTENT = {
    "tools/call": ("arguments",),
    "prompts/get": ("arguments",),
    "resources/read": (),
    "completion/complete": ("ref", "argument", "context"),
    "sampling/createMessage": ("messages", "systemPrompt"),
    "elicitation/create": ("message", "requestedSchema", "url"),
}
"""The methods whose answers are content, and which of their parameters are."""

_FRAME = frozenset({"meta", "_meta", "isError", "resultType", "ttlMs", "cacheScope"})
"""What an answer says besides its content."""


def members(value: Any) -> Mapping[str, Any]:
    """What an object of the protocol holds: a mapping on the wire, a model of pydantic's in version 1."""
    if isinstance(value, Mapping):
        return value
    held = getattr(value, "__dict__", None)
    return held if isinstance(held, dict) else {}


def start(request: McpRequest, params: Mapping[str, Any], route: Route | None, *, served: bool, wire: bool) -> Start:
    """What is known of a request when it is made, or comes in; what it is about and where it goes are added to it."""
    _aim(request, params)
    wanted = _CONTENT.get(request.method, ())
    found = {key: params[key] for key in wanted if params.get(key) is not None}
    began = Start(
        operation=_operation("execute_tool" if request.tool_name else "mcp", served=served),
        target=request.tool_name or request.prompt_name,
        mcp=request,
        request=found.get("arguments") if wanted == ("arguments",) else found or None,
        wire=wire,
    )
    if route is None:
        return began
    request.transport = request.transport or route.transport
    if served:
        return began
    request.session_id, request.version = route.session_id, request.version or route.version
    return replace(began, address=route.host or None, port=route.port)


def _aim(request: McpRequest, params: Mapping[str, Any]) -> None:
    name = text(params.get("name"))
    request.tool_name = name if request.method == "tools/call" else None
    request.prompt_name = name if request.method == "prompts/get" else None
    if request.method.startswith("resources/"):
        uri = params.get("uri")  # version 1 makes an object of it
        request.resource_uri = None if uri is None or isinstance(uri, dict | list) else str(uri)


@lru_cache(maxsize=8)
def _operation(name: str, *, served: bool) -> Operation:
    kind = "server" if served else "client"
    inside = _operation("mcp", served=served) if name == "execute_tool" else None
    return Operation(name, _read_served if served else _read, kind=kind, inside=inside)


def error(code: Any, message: Any, kind: str | None = None, *, served: bool = False) -> Received:
    """An error as the answer that it is; `kind` is what it is called where it has no code of JSON-RPC's."""
    excused = served and code in CALLERS_FAULT
    return Received(body={"error": {"code": code, "message": message, "kind": kind}}, excused=excused)


def _read(evidence: Evidence) -> McpCall:
    return _record(evidence, served=False)


def _read_served(evidence: Evidence) -> McpCall:
    return _record(evidence, served=True)


def _record(evidence: Evidence, *, served: bool) -> McpCall:
    asked = evidence.start.mcp
    request = McpRequest("?") if asked is None else replace(asked)
    body = mapping(evidence.response.body) if evidence.response is not None else {}
    if request.method == "initialize":
        request.version = text(body.get("protocolVersion")) or request.version
    record = McpCall(operation=evidence.start.operation.name, mcp=request, served=served, arguments=evidence.request)
    if (
        evidence.start.wire and evidence.response is None
    ):  # version 1 keeps it to itself that its client let go of the request
        record.outcome = "cancelled"
    if (fault := body.get("error")) is not None:
        _failed(record, mapping(fault))
    elif request.method in _CONTENT:
        record.result = {
            key: _bare(value) for key, value in body.items() if key not in _FRAME and value is not None
        } or None
    if request.tool_name is not None and body.get("isError") is True:
        record.failure = Failure("tool_error", _first_text(body.get("content")))
    return record


def _bare(value: Any, depth: int = 4) -> Any:
    """An answer as on the wire, where version 1 of the library has models: without what a model was not given."""
    if depth == 0:
        return value
    if isinstance(value, list):
        return [_bare(each, depth - 1) for each in value]
    if isinstance(value, dict):
        return {key: _bare(each, depth - 1) for key, each in value.items()}
    return {key: _bare(each, depth - 1) for key, each in members(value).items() if each is not None} or value


def _failed(record: McpCall, fault: dict[str, Json]) -> None:
    code = integer(fault.get("code"))
    record.mcp.status = None if code is None else str(code)
    if not (record.served and code in CALLERS_FAULT):
        kind = text(fault.get("kind")) or record.mcp.status or "_OTHER"
        record.failure = Failure(kind, text(fault.get("message")) or "")
        record.outcome = "timed_out" if kind == "timeout" else None


def _first_text(content: Json) -> str:
    texts = (text(members(item).get("text")) for item in items(content))
    return next(filter(None, texts), "")
