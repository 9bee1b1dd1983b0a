import pytest

from llmtrace.facts import records
from llmtrace.facts.records import Document, GenericPart, Message, TextPart, ToolDefinition
from llmtrace.semconv import messages

from . import schema

SHAPES = [
    (TextPart("hi"), {"type": "text", "content": "hi"}),
    (
        records.ToolCallPart("weather", "c1", {"city": "Oslo"}),
        {"type": "tool_call", "name": "weather", "id": "c1", "arguments": {"city": "Oslo"}},
    ),
    (records.ToolCallPart("now"), {"type": "tool_call", "name": "now"}),
    (records.ToolResponsePart(None, "c1"), {"type": "tool_call_response", "response": None, "id": "c1"}),
    (
        records.ServerToolCallPart("web_search", {"type": "web_search", "query": "oslo"}, "s1"),
        {
            "type": "server_tool_call",
            "name": "web_search",
            "server_tool_call": {"type": "web_search", "query": "oslo"},
            "id": "s1",
        },
    ),
    (
        records.ServerToolResponsePart({"type": "web_search", "hits": 3}),
        {"type": "server_tool_call_response", "server_tool_call_response": {"type": "web_search", "hits": 3}},
    ),
    (records.ReasoningPart("Look."), {"type": "reasoning", "content": "Look."}),
    (
        records.BlobPart("image", "iVBORw0KGgo=", "image/png"),
        {"type": "blob", "modality": "image", "content": "iVBORw0KGgo=", "mime_type": "image/png"},
    ),
    (records.FilePart("document", "file-9"), {"type": "file", "modality": "document", "file_id": "file-9"}),
    (records.UriPart("audio", "gs://b/a.wav"), {"type": "uri", "modality": "audio", "uri": "gs://b/a.wav"}),
    (records.CompactionPart("cmp_1"), {"type": "compaction", "id": "cmp_1"}),
    (
        GenericPart("redacted_thinking", {"type": "redacted_thinking", "data": "x"}),
        {"type": "generic", "generic_type": "redacted_thinking", "data": "x"},
    ),
]


@pytest.mark.parametrize(("part", "shape"), SHAPES, ids=lambda value: type(value).__name__)
def test_each_part_has_the_shape_of_the_conventions(part, shape):
    assert messages.part(part) == shape
    schema.part(shape)


def test_every_part_of_the_records_has_a_shape():
    assert {type(part) for part, _ in SHAPES} == set(records.Part.__args__)


def test_a_message_keeps_its_role_parts_and_name():
    shaped = messages.messages([Message("user", [TextPart("hi")], name="Ann"), Message("assistant", [])])
    schema.messages(shaped)
    assert shaped == [
        {"role": "user", "parts": [{"type": "text", "content": "hi"}], "name": "Ann"},
        {"role": "assistant", "parts": []},
    ]


def test_instructions_that_are_no_text_are_generic_parts():
    shaped = messages.instructions([TextPart("Be brief."), records.UriPart("image", "https://example.com/a.png")])
    schema.instructions(shaped)
    assert shaped == [
        {"type": "text", "content": "Be brief."},
        {"type": "generic", "generic_type": "uri", "modality": "image", "uri": "https://example.com/a.png"},
    ]


def test_tools_and_documents_keep_what_they_have():
    assert messages.tools([ToolDefinition("web_search", "web_search"), ToolDefinition("t", description="d")]) == [
        {"type": "web_search", "name": "web_search"},
        {"type": "function", "name": "t", "description": "d"},
    ]
    assert messages.documents([Document("d", 0.0), Document(text="t")]) == [{"id": "d", "score": 0.0}, {"content": "t"}]
