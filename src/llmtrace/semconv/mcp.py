"""Says what is known of a request of the Model Context Protocol; also its span's name and its metrics' labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmtrace.facts.operation import Start
from llmtrace.facts.records import McpCall, McpRequest
from llmtrace.semconv import messages, names
from llmtrace.semconv.names import MCP, Pairs

_TOOL = "execute_tool"
_PROMPT = "prompts/get"


def span_name(start: Start, request: McpRequest) -> str:
    """The method and what it is aimed at."""
    return f"{request.method} {start.target}" if start.target else request.method


def asked(request: McpRequest | None) -> Pairs:
    """What is known of a request from the start."""
    if request is not None:
        yield names.MCP_METHOD, request.method
        yield names.TOOL_NAME, request.tool_name
        yield names.PROMPT_NAME, request.prompt_name
        yield names.MCP_RESOURCE, request.resource_uri
        yield names.NETWORK_TRANSPORT, request.transport


def call(record: McpCall) -> Pairs:
    """All that is known of a request and of its answer in the end."""
    request = record.mcp
    yield from asked(request)
    yield names.RPC_ID, request.id
    yield names.RPC_STATUS, request.status
    yield names.MCP_SESSION, request.session_id
    yield names.MCP_VERSION, request.version
    yield names.NETWORK_PROTOCOL, "http" if request.transport == "tcp" else None
    yield names.CLIENT_ADDRESS, request.client_address
    yield names.CLIENT_PORT, request.client_port if request.client_address else None
    yield from _content(record)


def _content(record: McpCall) -> Pairs:
    if record.mcp.tool_name is not None:
        yield names.TOOL_ARGUMENTS, messages.as_object(record.arguments, "arguments")
        yield names.TOOL_RESULT, messages.as_object(record.result, "result")
        return
    if record.mcp.method == _PROMPT and isinstance(record.arguments, dict):
        for name, value in record.arguments.items():
            yield names.PROMPT_VARIABLE.of(str(name)), value
    else:
        yield names.INPUT, record.arguments
    yield names.OUTPUT, record.result


def labels(record: McpCall) -> Pairs:
    """What a metric of such requests is told apart by; a method that the app made up itself is one among others.

    What a served request that failed was about is left out: whoever sends it may name what there is not.
    """
    request = record.mcp
    known = not record.served or (request.status is None and record.failure is None)
    yield names.OPERATION_NAME, None if record.operation == MCP else record.operation
    yield names.MCP_METHOD, request.method if request.method in METHODS else "_OTHER"
    yield names.TOOL_NAME, request.tool_name if known else None
    yield names.PROMPT_NAME, request.prompt_name if known else None
    yield names.RPC_STATUS, request.status
    yield names.MCP_VERSION, request.version
    yield names.NETWORK_TRANSPORT, request.transport
    yield names.SERVER_ADDRESS, record.server_address
    yield names.SERVER_PORT, record.server_port if record.server_address else None


METHODS = frozenset(
    {
        "initialize",
        "ping",
        "tools/list",
        "tools/call",
        "prompts/list",
        "prompts/get",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
        "logging/setLevel",
        "completion/complete",
        "sampling/createMessage",
        "elicitation/create",
        "roots/list",
        "server/discover",
        "subscriptions/listen",
    }
)
"""The protocol's own requests."""


def runs(attributes: Mapping[str, Any], tool: str | None) -> bool:
    """Whether a span with these attributes, ours or another library's, is the execution of that very tool.

    Frameworks put a server's name before those of its tools.
    """
    named = attributes.get(names.TOOL_NAME.key)
    said = attributes.get(names.OPERATION_NAME.key) == _TOOL
    return said and tool is not None and isinstance(named, str) and named.endswith(tool)
