"""Where the messages of an MCP session go: noted when its streams are opened, since nothing on a session says so."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from llmtrace.facts.operation import Hooked, Point, Runs, Wrapped
from llmtrace.facts.shape import text

Streams = Callable[..., AsyncIterator[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """The way that a stream's messages go: `host` is empty where they stay on this machine, in a pipe or in memory.

    `client` is the HTTP transport, which knows the session's id and the version of its protocol.
    """

    transport: str | None
    host: str = ""
    port: int | None = None
    client: Any = None

    @property
    def session_id(self) -> str | None:
        """What the server calls the session, once it has said so."""
        return text(getattr(self.client, "session_id", None))

    @property
    def version(self) -> str | None:
        """The version of the protocol, once it was agreed on; only version 1 of the library keeps it there."""
        return text(getattr(self.client, "protocol_version", None))


_ROUTES: WeakKeyDictionary[Any, Route] = WeakKeyDictionary()


def _key(stream: Any) -> Any:
    """Version 2 has streams of its own around those of anyio, and nothing can refer to them weakly."""
    return getattr(stream, "_inner", stream)


def route_of(stream: Any) -> Route | None:
    """The way of a stream's messages; None where nobody saw it being opened."""
    try:
        return _ROUTES.get(_key(stream))
    except TypeError:  # a transport of the app's own, of any type; or none, in memory
        return None


def host_of(stream: Any) -> str | None:
    """The host that a stream's messages go to, as `Carrying.host` says it."""
    route = route_of(stream)
    return None if route is None else route.host


def _note(streams: Iterator[Any], route: Route) -> None:
    for stream in streams:
        with contextlib.suppress(TypeError):
            _ROUTES[_key(stream)] = route


def _to(url: Any, client: Any = None) -> Route:
    parts = urlsplit(str(url))
    return Route("tcp", parts.hostname or "?", parts.port or (443 if parts.scheme == "https" else 80), client)


def _posting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Streamable HTTP has a method that gets both the transport and the stream that it is to read from."""

    @functools.wraps(function)
    def post_writer(*args: Any, **kwargs: Any) -> Any:
        with contextlib.suppress(AttributeError, LookupError, ValueError):
            stream = args[4] if len(args) > 4 else kwargs["write_stream"]  # noqa: PLR2004 - its fifth parameter
            _note(iter((stream,)), _to(args[0].url, args[0]))
        return function(*args, **kwargs)

    return post_writer


def _opened(route: Callable[[tuple[Any, ...], Mapping[str, Any]], Route]) -> Hooked:
    """For a function under `asynccontextmanager` that gives a pair of streams, or two.

    Scripts import these by name before they call `init()`, so the generator function inside is what is exchanged.
    """

    def put_on(found: Any, _: Runs) -> Callable[[], None]:
        cells = dict(zip(found.__code__.co_freevars, found.__closure__ or (), strict=False))
        cell, original = cells["func"], cells["func"].cell_contents
        cell.cell_contents = _noting(original, route)

        def take_off() -> None:
            cell.cell_contents = original

        return take_off

    return Hooked(put_on)


def _noting(original: Streams, route: Callable[[tuple[Any, ...], Mapping[str, Any]], Route]) -> Streams:
    opening = contextlib.asynccontextmanager(original)

    @functools.wraps(original)
    async def noting(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async with opening(*args, **kwargs) as streams:
            with contextlib.suppress(LookupError, TypeError, ValueError):
                pairs = streams if isinstance(streams[0], tuple) else (streams,)
                _note((pair[1] for pair in pairs), route(args, kwargs))
            yield streams

    return noting


_PIPE = _opened(lambda *_: Route("pipe"))

POINTS: dict[str, Point] = {
    "mcp.client.stdio:stdio_client": _PIPE,
    "mcp.server.stdio:stdio_server": _PIPE,
    "mcp.shared.memory:create_client_server_memory_streams": _opened(lambda *_: Route(None)),
    "mcp.client.sse:sse_client": _opened(lambda args, kwargs: _to(args[0] if args else kwargs["url"])),
    "mcp.client.streamable_http:StreamableHTTPTransport.post_writer": Wrapped(_posting),
}
