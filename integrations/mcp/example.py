"""MCP, traced: a client, a server behind a pipe and one at a URL, three processes in one trace. No key is needed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn
from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.client import streamable_http

import llmtrace

try:
    from mcp.server import MCPServer
except ImportError:  # version 1
    from mcp.server.fastmcp import FastMCP as MCPServer

TRACED = {"invoke_workflow": 1, "execute_tool": 4}
"""What ends up in the store: operations, and how many of each at least."""


def server() -> Any:
    """A server with one tool, in which a step of its own is traced, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # version 1 with the newest pydantic-settings
        made = MCPServer("bears", log_level="ERROR")

    @made.tool()
    def weight(bear: str) -> int:
        """Says how many kilograms a bear weighs."""
        with llmtrace.step("look-up"):
            return {"polar": 450, "brown": 300}.get(bear, 100)

    return made


@asynccontextmanager
async def greeted(streams: Any) -> AsyncIterator[ClientSession]:
    """A session over a transport's streams."""
    async with streams as (read, write, *_), ClientSession(read, write) as session:
        await session.initialize()
        yield session


async def talk(url: str) -> None:
    """Calls the tool through a pipe, then over HTTP."""
    itself = StdioServerParameters(command=sys.executable, args=[__file__, "serve"], env=dict(os.environ))
    over_http = getattr(streamable_http, "streamable_http_client", None) or streamable_http.streamablehttp_client
    with llmtrace.workflow("weighing"):
        for bear, streams in (("polar", stdio_client(itself)), ("brown", over_http(url))):
            async with greeted(streams) as session:
                print(bear, (await session.call_tool("weight", {"bear": bear})).content[0].text)


@contextmanager
def served() -> Iterator[str]:
    """The server as a process of its own that listens on this machine; gives its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, __file__, "serve", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while True:
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        try:
            yield f"http://localhost:{port}/mcp"
        finally:
            process.send_signal(signal.SIGINT)


def main() -> None:
    """Traces the calls and says where the trace is."""
    # A host is told of the trace only where it is named here; a process spoken to through a pipe always is.
    os.environ.setdefault("LLMTRACE_PROPAGATE_HOSTS", "localhost")
    llmtrace.init(service_name="mcp-example", integrations="mcp")
    with served() as url:
        asyncio.run(talk(url))
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


def serve(port: str | None) -> None:
    """Serves at a port, or through the pipe that the client opened."""
    llmtrace.init(service_name="mcp-example-server", integrations="mcp")
    if port is None:
        server().run("stdio")
    else:
        uvicorn.run(server().streamable_http_app(), port=int(port), log_level="critical", ws="none")
    llmtrace.shutdown()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", *port]:
            serve(next(iter(port), None))
        case _:
            main()
