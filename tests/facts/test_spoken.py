"""Messages that a library wrote down as JSON: what we write is read back, and nothing else makes it fail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtrace.facts import records, spoken
from llmtrace.facts.records import Message, TextPart, ToolDefinition
from llmtrace.semconv import messages

PARTS = [
    TextPart("Hm."),
    records.ToolCallPart("f", "c-1", {"a": 1}),
    records.ToolResponsePart("done", "c-1"),
    records.ServerToolCallPart("search", {"type": "web"}, "c-2"),
    records.ServerToolResponsePart({"type": "web"}, "c-2"),
    records.ReasoningPart("So…"),
    records.BlobPart("image", "aGk=", "image/png"),
    records.FilePart("document", "f-1"),
    records.UriPart("image", "https://example.test/a.png"),
    records.GenericPart("odd", {"x": [1]}),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_what_we_write_is_read_back(part: Any) -> None:
    written = json.dumps(messages.messages([Message("user", [part], "ada")]))
    assert spoken.messages(written) == [Message("user", [part], "ada")]


def test_tools_are_read_back() -> None:
    tools = [ToolDefinition("f", "function", "Does.", {"type": "object"})]
    assert spoken.tools(json.dumps(messages.tools(tools))) == tools


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"type": "thinking", "content": "So…"}, records.ReasoningPart("So…")),
        ({"type": "tool_call_response", "id": "c-1", "result": 3}, records.ToolResponsePart(3, "c-1")),
        ({"type": "tool_call", "name": "f", "arguments": '{"a": 1}'}, records.ToolCallPart("f", None, {"a": 1})),
        ({"type": "image-url", "url": "u"}, records.GenericPart("image-url", {"url": "u"})),
        ({"type": "text", "content": 3}, records.GenericPart("text", {"content": 3})),
    ],
)
def test_older_and_odd_parts_are_read_too(written: Any, read: Any) -> None:
    assert spoken.parts([written]) == [read]


def test_a_part_of_which_only_the_type_is_there_says_nothing() -> None:
    assert spoken.parts([{"type": "text"}, {}, "", None]) == []


def test_bare_text_is_a_part_and_what_is_no_json_stays_text() -> None:
    assert spoken.parts("Hm.") == [TextPart("Hm.")]
    assert spoken.document("[not json") == "[not json"
    assert spoken.document('{"a": 1}') == {"a": 1}


def test_the_last_text_of_a_role_is_found() -> None:
    said = [Message("user", [TextPart("a")]), Message("user", [TextPart("b"), TextPart("c")]), Message("tool", [])]
    assert spoken.prose(said, "user") == "b\nc"
    assert spoken.prose(said, "assistant") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "content", "role", "parts", "id", "name"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON, st.sampled_from([lambda value: value, json.dumps]))
def test_nothing_that_a_library_writes_makes_it_fail(value: Any, written: Any) -> None:
    for read in (spoken.messages, spoken.parts, spoken.tools, spoken.finish_reasons):
        assert isinstance(read(written(value)), list)
