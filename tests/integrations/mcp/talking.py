"""Clients of MCP, of whichever version is installed, and what they need to be talked to and looked at."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

mcp = pytest.importorskip("mcp", reason="not applicable: mcp is tested in another environment")

from mcp import ClientSession, StdioServerParameters, stdio_client  # noqa: E402 - only where there is one
from mcp.client.sse import sse_client  # noqa: E402
from mcp.shared.memory import create_client_server_memory_streams  # noqa: E402

from tests.integrations.mcp.service import made  # noqa: E402
from tests.sources import REPOSITORY  # noqa: E402

try:
    from mcp.client.streamable_http import streamable_http_client as http_client
except ImportError:
    from mcp.client.streamable_http import streamablehttp_client as http_client
try:
    from mcp.shared.exceptions import MCPError
except ImportError:
    from mcp.shared.exceptions import McpError as MCPError

TWO = hasattr(mcp, "Client")
LEAKS = pytest.mark.filterwarnings("ignore:.*MemoryObject.*Stream:pytest.PytestUnraisableExceptionWarning")
"""For tests of servers over a network: version 1 leaves streams of its own open when it is stopped."""

SERVICE = Path(__file__).parent / "service.py"

__all__ = ["LEAKS", "SERVICE", "TWO", "MCPError", "made"]


@asynccontextmanager
async def session(streams: Any, **options: Any) -> AsyncIterator[Any]:
    """A session over a transport's streams, greeted."""
    async with streams as opened, ClientSession(opened[0], opened[1], **options) as talk:
        await talk.initialize()
        yield talk


def piped(endpoint: str) -> Any:
    """A session with the service as a process of its own."""
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY), "LLMTRACE_WORKER": "false"}
    return session(
        stdio_client(StdioServerParameters(command=sys.executable, args=[str(SERVICE), endpoint], env=environ))
    )


def posted(url: str) -> Any:
    """A session over streamable HTTP."""
    return session(http_client(f"{url}/mcp"))


def heard(url: str) -> Any:
    """A session over HTTP with server-sent events, as it was before."""
    return session(sse_client(f"{url}/sse"))


@asynccontextmanager
async def beside(server: Any, **options: Any) -> AsyncIterator[Any]:
    """A session with a server in this very process, through streams in memory."""
    import anyio

    lowlevel = getattr(server, "_mcp_server", None) or server._lowlevel_server
    async with create_client_server_memory_streams() as (ours, theirs), anyio.create_task_group() as tasks:
        tasks.start_soon(lowlevel.run, *theirs, lowlevel.create_initialization_options())
        async with ClientSession(*ours, **options) as talk:
            await talk.initialize()
            yield talk
        tasks.cancel_scope.cancel()


def seconds(amount: float) -> Any:
    """A time limit, as this version wants it."""
    return amount if TWO else timedelta(seconds=amount)


@dataclass
class Served:
    """A server on this machine: its URL by number and by name, and all that came over the wire, heads and bodies."""

    port: int
    wire: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def named(self) -> str:
        return f"http://localhost:{self.port}"


@contextmanager
def serving(app: Any) -> Iterator[Served]:
    """Serves an ASGI app from a thread of its own, listening in on the wire."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        reserved.listen()
        served = Served(reserved.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(_listening(app, served), log_level="critical", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [reserved]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield served
        finally:
            server.should_exit = server.force_exit = True
            thread.join(10)


def _listening(app: Any, served: Served) -> Any:
    async def listening(scope: Any, receive: Any, send: Any) -> None:
        served.wire += [name + b": " + value for name, value in scope.get("headers", ())]

        async def received() -> Any:
            message = await receive()
            served.wire.append(message.get("body") or b"")
            return message

        await app(scope, received, send)

    return listening
