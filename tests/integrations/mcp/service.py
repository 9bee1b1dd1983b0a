"""A server of MCP with a few tools, made with whichever version is installed; as a script it serves through a pipe."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import anyio
from opentelemetry import trace

import llmtrace

try:
    from mcp.server import MCPServer
except ImportError:
    from mcp.server.fastmcp import FastMCP as MCPServer

try:
    from mcp.server.mcpserver import Context
except ImportError:
    from mcp.server.fastmcp import Context


def made(**options: Any) -> Any:
    """The server."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Field 'lifespan'")  # the oldest version beside the newest pydantic-settings
        server = MCPServer("service", **options)

    @server.tool()
    async def add(a: int, b: int) -> int:
        """Adds two numbers, in a step of its own."""
        with llmtrace.step("adding"):
            return a + b

    @server.tool()
    def boom(secret: str) -> str:
        """Fails."""
        raise ValueError(f"no {secret}")

    @server.tool()
    async def slow(seconds: float) -> str:
        """Takes its time."""
        await anyio.sleep(seconds)
        return "done"

    @server.tool()
    async def where() -> str:
        """The trace and the span that it runs in."""
        found = trace.get_current_span().get_span_context()
        return f"{found.trace_id:032x} {found.span_id:016x}"

    @server.tool()
    async def told(ctx: Context) -> str:
        """Tells of its progress."""
        await ctx.report_progress(1, 2)
        return "told"

    @server.tool()
    async def folders(ctx: Context) -> str:
        """Counts the folders that the client lets it see."""
        return str(len((await ctx.session.list_roots()).roots))

    @server.prompt()
    def greet(name: str) -> str:
        """A greeting."""
        return f"Greet {name}."

    @server.resource("text://bear")
    def bear() -> str:
        """A text."""
        return "A bear is large."

    return server


if __name__ == "__main__":
    llmtrace.init(service_name="service", exporters={"kind": "otlp", "endpoint": sys.argv[1]}, integrations="mcp")
    made().run("stdio")
    llmtrace.shutdown()
