"""Every content block, message and tool that Anthropic documents becomes what the conventions have for it."""

import pytest

from llmtrace.facts.records import (
    BlobPart,
    CompactionPart,
    FilePart,
    GenericPart,
    Message,
    ReasoningPart,
    ServerToolCallPart,
    ServerToolResponsePart,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    ToolResponsePart,
    UriPart,
)
from llmtrace.integrations.anthropic_blocks import message, parts, tools

PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
CITATION = {"type": "char_location", "cited_text": "The sky is blue.", "document_index": 0}
FOUND = [{"type": "web_search_result", "url": "https://a.example", "title": "A", "encrypted_content": "x"}]
NOT_FOUND = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}

CASES = {
    "text": ({"type": "text", "text": "Hi"}, TextPart("Hi")),
    "citations stay out of the text": ({"type": "text", "text": "Blue.", "citations": [CITATION]}, TextPart("Blue.")),
    "inline image": ({"type": "image", "source": PNG}, BlobPart("image", "iVBORw0KGgo=", "image/png")),
    "linked image": (
        {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
        UriPart("image", "https://a.example/b.png"),
    ),
    "uploaded image": ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, FilePart("image", "file_1")),
    "inline document": (
        {"type": "document", "title": "T", "source": {**PNG, "media_type": "application/pdf"}},
        BlobPart("document", "iVBORw0KGgo=", "application/pdf"),
    ),
    "text document": (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Once."}},
        TextPart("Once."),
    ),
    "document of blocks": (
        {"type": "document", "source": {"type": "content", "content": "Once."}},
        GenericPart("document", {"source": {"type": "content", "content": "Once."}}),
    ),
    "linked document": (
        {"type": "document", "source": {"type": "url", "url": "https://a.example/b.pdf"}},
        UriPart("document", "https://a.example/b.pdf"),
    ),
    "uploaded document": (
        {"type": "document", "source": {"type": "file", "file_id": "file_2"}},
        FilePart("document", "file_2"),
    ),
    "tool call": (
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
        ToolCallPart("weather", "toolu_1", {"city": "Oslo"}),
    ),
    "tool result": (
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"},
        ToolResponsePart("rain", "toolu_1"),
    ),
    "tool result in a text block": (
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "rain"}]},
        ToolResponsePart("rain", "toolu_1"),
    ),
    "tool result in several blocks": (
        {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "content": [{"type": "text", "text": "a"}, {"type": "image"}],
        },
        ToolResponsePart([{"type": "text", "text": "a"}, {"type": "image"}], "toolu_1"),
    ),
    "tool result without content": (
        {"type": "tool_result", "tool_use_id": "toolu_1"},
        ToolResponsePart(None, "toolu_1"),
    ),
    "failed tool": (
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no such city", "is_error": True},
        ToolResponsePart({"is_error": True, "content": "no such city"}, "toolu_1"),
    ),
    "thinking": ({"type": "thinking", "thinking": "Hm.", "signature": "s"}, ReasoningPart("Hm.")),
    "redacted thinking": (
        {"type": "redacted_thinking", "data": "opaque"},
        GenericPart("redacted_thinking", {"data": "opaque"}),
    ),
    "server tool call": (
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "oslo"}},
        ServerToolCallPart("web_search", {"type": "web_search", "input": {"query": "oslo"}}, "srvtoolu_1"),
    ),
    "server tool result": (
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": FOUND},
        ServerToolResponsePart({"type": "web_search", "content": FOUND}, "srvtoolu_1"),
    ),
    "failed server tool": (
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": NOT_FOUND},
        ServerToolResponsePart({"type": "web_search", "content": NOT_FOUND}, "srvtoolu_1"),
    ),
    "code execution result": (
        {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_2", "content": {"stdout": "1"}},
        ServerToolResponsePart({"type": "bash_code_execution", "content": {"stdout": "1"}}, "srvtoolu_2"),
    ),
    "MCP tool call": (
        {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "echo", "server_name": "demo", "input": {"a": 1}},
        ServerToolCallPart("echo", {"type": "mcp", "server_name": "demo", "input": {"a": 1}}, "mcptoolu_1"),
    ),
    "MCP tool result": (
        {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "is_error": False, "content": []},
        ServerToolResponsePart({"type": "mcp", "is_error": False, "content": []}, "mcptoolu_1"),
    ),
    "search result": (
        {
            "type": "search_result",
            "source": "https://a.example",
            "title": "A",
            "content": [{"type": "text", "text": "x"}],
        },
        GenericPart(
            "search_result", {"source": "https://a.example", "title": "A", "content": [{"type": "text", "text": "x"}]}
        ),
    ),
    "container upload": ({"type": "container_upload", "file_id": "file_3"}, FilePart("file", "file_3")),
    "compaction": ({"type": "compaction", "content": "They met."}, CompactionPart(content="They met.")),
    "failed compaction": ({"type": "compaction", "content": None}, CompactionPart()),
    "a block of the future": ({"type": "hologram", "depth": 3}, GenericPart("hologram", {"depth": 3})),
    "a block without a type": ({"text": "Hi"}, GenericPart("", {"text": "Hi"})),
    "an image without its bytes": (
        {"type": "image", "source": {"type": "base64"}},
        GenericPart("image", {"source": {"type": "base64"}}),
    ),
}


@pytest.mark.parametrize(("block", "part"), CASES.values(), ids=CASES)
def test_a_block_becomes_its_part(block, part):
    assert parts([block]) == [part]


def test_a_bare_string_is_a_text():
    assert parts("Hi") == [TextPart("Hi")]


def test_a_turn_of_nothing_but_tool_results_is_the_tools():
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"}
    assert message({"role": "user", "content": [result]}).role == "tool"
    assert message({"role": "user", "content": [result, {"type": "text", "text": "And?"}]}).role == "user"
    assert message({"role": "user", "content": []}) == Message("user", [])


def test_tools_are_functions_or_known_by_anthropics_own_type():
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    offered = [
        {"name": "weather", "description": "Tells it.", "input_schema": schema, "cache_control": {"type": "ephemeral"}},
        {"type": "custom", "name": "clock", "input_schema": {"type": "object"}},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
        {"type": "mcp_toolset", "mcp_server_name": "demo"},
    ]
    assert tools({"tools": offered}) == [
        ToolDefinition("weather", "function", "Tells it.", schema),
        ToolDefinition("clock", "function", None, {"type": "object"}),
        ToolDefinition("web_search", "web_search_20250305"),
        ToolDefinition("demo", "mcp_toolset"),
    ]


def test_of_an_mcp_server_neither_the_token_nor_the_address_is_kept():
    server = {"type": "url", "name": "demo", "url": "https://mcp.example/sse?key=fake", "authorization_token": "fake"}
    assert tools({"mcp_servers": [server]}) == [ToolDefinition("demo", "mcp")]
