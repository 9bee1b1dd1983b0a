"""MCP's library, version 1: requests and answers are models of pydantic's, and a server hands its answer over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from llmtrace.facts.operation import Answered, Begin, Carrying, Point, Received, Start
from llmtrace.facts.records import McpRequest
from llmtrace.facts.shape import integer, text
from llmtrace.integrations.mcp_messages import error, members, start
from llmtrace.integrations.mcp_transports import host_of, route_of

Arguments = tuple[Any, ...]
Named = Mapping[str, Any]


def came_by(request: McpRequest, web: Any) -> None:
    """Adds what the HTTP request says that brought a request of the protocol; `web` is Starlette's, if there is one."""
    if web is None:
        return
    request.transport = "tcp"
    request.session_id = request.session_id or text(web.headers.get("mcp-session-id"))
    request.version = request.version or text(web.headers.get("mcp-protocol-version"))
    if web.client is not None:
        request.client_address, request.client_port = web.client.host, integer(web.client.port)


def failed(raised: BaseException) -> Received | None:
    """The error that was answered; or that nothing was, in time."""
    found = getattr(raised, "error", None)
    if found is None:
        return None
    if isinstance(raised.__context__, TimeoutError):  # it was raised on this side
        return error(None, getattr(found, "message", None), "timeout")
    return error(getattr(found, "code", None), getattr(found, "message", None))


def _sending(args: Arguments, kwargs: Named) -> Start | None:
    """`send_request(session, request, …)`."""
    session, asked = args[0], (args[1] if len(args) > 1 else kwargs["request"]).root
    request = McpRequest(asked.method, id=str(session._request_id))
    return start(request, members(asked.params), route_of(session._write_stream), served=False, wire=False)


def _host(args: Arguments, _: Named) -> str | None:
    return host_of(args[0]._write_stream)


def _put(args: Arguments, kwargs: Named, headers: Mapping[str, str]) -> tuple[Arguments, Named] | None:
    request = args[1] if len(args) > 1 else kwargs["request"]
    told = _told(request.root, headers)
    if told is None:
        return None
    request = request.model_copy(update={"root": told})
    return ((args[0], request, *args[2:]), kwargs) if len(args) > 1 else (args, {**kwargs, "request": request})


def _told(asked: Any, headers: Mapping[str, str]) -> Any:
    """The request as a copy with the headers in its metadata; None where it has no place for any, or has such."""
    params = asked.params
    if params is None:
        annotation = type(asked).model_fields["params"].annotation
        kind = next((each for each in get_args(annotation) or (annotation,) if hasattr(each, "Meta")), None)
        if kind is None:
            return None
        params = kind()
    meta = getattr(params, "meta", None)
    if meta is None:
        if not hasattr(params, "Meta"):
            return None
        meta = params.Meta()
    if "traceparent" in (meta.model_extra or {}):  # the app's own word on what this belongs to
        return None
    told = params.model_copy(update={"meta": meta.model_copy(update=dict(headers))})
    return asked.model_copy(update={"params": told})


def _result(result: Any) -> dict[str, Any]:
    return dict(members(result))


def _serving(args: Arguments, _: Named) -> Start | None:
    """`_handle_request(server, responder, …)`, or `_received_request(session, responder)` of a client."""
    responder = args[1]
    asked = responder.request.root
    web = getattr(responder.message_metadata, "request_context", None)
    session = responder._session
    agreed = text(getattr(getattr(session, "client_params", None), "protocolVersion", None))
    request = McpRequest(asked.method, id=str(responder.request_id), version=agreed)
    came_by(request, web)
    return start(request, members(asked.params), route_of(session._write_stream), served=True, wire=True)


def _initializing(args: Arguments, kwargs: Named) -> Start | None:
    """A server's session answers this one request itself."""
    return _serving(args, kwargs) if args[1].request.root.method == "initialize" else None


def _brought(args: Arguments, _: Named) -> Mapping[str, str]:
    """The trace that a served request says it belongs to."""
    return getattr(args[1].request_meta, "model_extra", None) or {}


def _answered(args: Arguments, kwargs: Named) -> Received | None:
    """`respond(responder, response)`."""
    response = args[1] if len(args) > 1 else kwargs["response"]
    found = getattr(response, "root", None)
    if found is None:
        return error(getattr(response, "code", None), getattr(response, "message", None))
    return Received(body=dict(members(found)))


POINTS: dict[str, Point] = {
    "mcp.shared.session:BaseSession.send_request": Begin(
        _sending, failed=failed, result=_result, carrying=Carrying(_host, _put)
    ),
    "mcp.server.lowlevel.server:Server._handle_request": Begin(_serving, carrier=_brought),
    "mcp.server.session:ServerSession._received_request": Begin(_initializing, carrier=_brought),
    "mcp.client.session:ClientSession._received_request": Begin(_serving, carrier=_brought),
    "mcp.shared.session:RequestResponder.respond": Answered(_answered),
}

ALONE = (
    "mcp.server.lowlevel.server:Server._handle_request",
    "mcp.server.session:ServerSession._received_request",
    "mcp.client.session:ClientSession._received_request",
)
"""Those in modules that version 2 has, too."""
