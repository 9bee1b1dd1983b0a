"""The Model Context Protocol's library, client and server, versions 1 and 2: each request is a span on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmtrace.facts.operation import Begin, Carrying, Integration, Point, Received, Silenced, Start
from llmtrace.facts.records import McpRequest
from llmtrace.facts.shape import integer, text
from llmtrace.integrations import mcp_one, mcp_transports
from llmtrace.integrations.mcp_messages import error, members, start
from llmtrace.integrations.mcp_transports import host_of, route_of

Arguments = tuple[Any, ...]
Named = Mapping[str, Any]


class _NoSpan:
    """What the library's own tracing gets in place of a span: it lets all be done to it."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        """Lets what was raised through."""

    def set_attributes(self, *_: object) -> None:
        """Says nothing."""

    set_attribute = set_status = record_exception = set_attributes


def _argument(args: Arguments, kwargs: Named, place: int, name: str) -> Any:
    return args[place] if len(args) > place else kwargs.get(name)


def _sending(args: Arguments, kwargs: Named) -> Start | None:
    """`send_raw_request(dispatcher, method, params, opts)`."""
    dispatcher, method = args[0], _argument(args, kwargs, 1, "method")
    params = members(_argument(args, kwargs, 2, "params"))
    options = members(_argument(args, kwargs, 3, "opts"))  # the session sets its headers whatever the transport is
    version = text(members(options.get("headers")).get("mcp-protocol-version"))
    request = McpRequest(method, id=_request_id(dispatcher, options), version=version)
    return start(request, params, route_of(_stream(dispatcher)), served=False, wire=False)


def _request_id(dispatcher: Any, options: Named) -> str | None:
    """The id that was asked for, or else the one that comes next."""
    given = options.get("request_id")
    if given is not None:
        return str(given)
    last = integer(getattr(getattr(dispatcher, "_peer", dispatcher), "_next_id", None))
    return None if last is None else str(last + 1)


def _stream(dispatcher: Any) -> Any:
    return getattr(dispatcher, "_write_stream", None)


def _host(args: Arguments, _: Named) -> str | None:
    return host_of(_stream(args[0]))


def _put(args: Arguments, kwargs: Named, headers: Mapping[str, str]) -> tuple[Arguments, Named] | None:
    params = _argument(args, kwargs, 2, "params") or {}
    meta = params.get("_meta") or {}
    if "traceparent" in meta:  # the app's own word on what this belongs to
        return None
    told = {**params, "_meta": {**meta, **headers}}
    return ((*args[:2], told, *args[3:]), kwargs) if len(args) > 2 else (args, {**kwargs, "params": told})  # noqa: PLR2004


def _serving(args: Arguments, kwargs: Named) -> Start | None:
    """`_on_request(runner or session, dctx, method, params)`."""
    runner, dctx, method = args[0], _argument(args, kwargs, 1, "dctx"), _argument(args, kwargs, 2, "method")
    connection = getattr(runner, "connection", None)
    web = getattr(getattr(dctx, "message_metadata", None), "request_context", None)
    route = route_of(_stream(getattr(dctx, "_dispatcher", None)))
    request = McpRequest(
        method,
        id=None if dctx.request_id is None else str(dctx.request_id),
        session_id=text(getattr(connection, "session_id", None)),
        version=text(getattr(connection or runner, "protocol_version", None)),
    )
    mcp_one.came_by(request, web)
    return start(request, members(_argument(args, kwargs, 3, "params")), route, served=True, wire=False)


def _brought(args: Arguments, kwargs: Named) -> Mapping[str, str]:
    """The trace that a served request says it belongs to."""
    return members(members(_argument(args, kwargs, 3, "params")).get("_meta"))


def _refused(raised: BaseException) -> Received | None:
    """What a served request was answered with in place of a result."""
    if type(raised).__name__ == "ValidationError":  # the library's word for it, since pydantic's would quote the client
        return error(-32602, "Invalid request parameters", served=True)
    found = getattr(raised, "error", None)
    return None if found is None else error(getattr(found, "code", None), getattr(found, "message", None), served=True)


_SERVING = Begin(_serving, failed=_refused, carrier=_brought)
_SENDING = Begin(_sending, failed=mcp_one.failed, carrying=Carrying(_host, _put))

TWO: dict[str, Point] = {
    "mcp.shared.jsonrpc_dispatcher:JSONRPCDispatcher.send_raw_request": _SENDING,
    "mcp.shared.direct_dispatcher:DirectDispatcher.send_raw_request": _SENDING,
    "mcp.server.runner:ServerRunner._on_request": _SERVING,
    "mcp.client.session:ClientSession._on_request": _SERVING,
    # Its own spans would be the same once more, and it tells every host of the trace.
    "mcp.server._otel:otel_span": Silenced(_NoSpan(), always=True),
    "mcp.shared.jsonrpc_dispatcher:otel_span": Silenced(_NoSpan(), always=True),
    "mcp.shared.jsonrpc_dispatcher:inject_trace_context": Silenced(always=True),
}
"""What version 2 has, where requests go through a dispatcher and are mappings as on the wire."""

INTEGRATION = Integration(
    name="mcp",
    requires="mcp>=1.20",
    points={**TWO, **mcp_one.POINTS, **mcp_transports.POINTS},
    # These lie in modules that both versions have.
    optional=frozenset({"mcp.client.session:ClientSession._on_request", *mcp_one.ALONE}),
    captures=(
        "every request, as client and as server: tool calls, prompts, resources, listings, sampling, elicitation",
        "one trace across processes: through pipes always, over HTTP to the hosts that are allowed",
    ),
    verified=("real clients and servers over pipes, streamable HTTP, SSE and in memory",),
)
