"""The conventions' JSON schemas, checked strictly: the published ones let a malformed known part pass."""

from __future__ import annotations

import json

PARTS = {
    "text": ({"content": str}, {}),
    "tool_call": ({"name": str}, {"id": str, "arguments": object}),
    "tool_call_response": ({"response": object}, {"id": str}),
    "server_tool_call": ({"name": str, "server_tool_call": dict}, {"id": str}),
    "server_tool_call_response": ({"server_tool_call_response": dict}, {"id": str}),
    "reasoning": ({"content": str}, {}),
    "blob": ({"modality": str, "content": str}, {"mime_type": str}),
    "file": ({"modality": str, "file_id": str}, {"mime_type": str}),
    "uri": ({"modality": str, "uri": str}, {"mime_type": str}),
    "compaction": ({}, {"id": str, "content": str}),
}


def members(value, required, optional, *, more=False):
    """Asserts that an object has the members, of the types, and no others."""
    assert isinstance(value, dict)
    assert set(required) <= set(value)
    assert more or set(value) <= set(required) | set(optional)
    for name, kind in {**required, **optional}.items():
        assert name not in value or isinstance(value[name], kind), name


def part(value):
    if value["type"] == "generic":
        assert isinstance(value["generic_type"], str)
        return
    required, optional = PARTS[value["type"]]
    members(value, {"type": str, **required}, optional)


def messages(value):
    assert isinstance(value, list)
    for message in value:
        members(message, {"role": str, "parts": list}, {"name": str})
        for item in message["parts"]:
            part(item)


def instructions(value):
    assert isinstance(value, list)
    for item in value:
        assert item["type"] in ("text", "generic")
        part(item)


def tools(value):
    for tool in value:
        members(tool, {"type": str, "name": str}, {"description": str, "parameters": object})


def documents(value):
    for document in value:
        members(document, {}, {"id": str, "score": int | float, "content": str, "metadata": dict})


def an_object(value):
    assert isinstance(value, dict)


SCHEMAS = {
    "gen_ai.input.messages": messages,
    "gen_ai.output.messages": messages,
    "gen_ai.system_instructions": instructions,
    "gen_ai.tool.definitions": tools,
    "gen_ai.retrieval.documents": documents,
    "gen_ai.tool.call.arguments": an_object,
    "gen_ai.tool.call.result": an_object,
}


def check(attributes):
    """Asserts that every structured attribute, as JSON text or as it is, matches its schema."""
    for key, schema in SCHEMAS.items():
        if key in attributes:
            value = attributes[key]
            schema(json.loads(value) if isinstance(value, str) else value)
