"""The model server answers whatever a client may send it."""

import copy
import json
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.testing import ModelServer
from llmtrace.testing.local_http import Request

SCHEMA = {
    "type": "object",
    "properties": {"days": {"type": ["integer", "null"], "minimum": 1}, "kind": {"enum": ["a", "b"]}},
    "required": ["days", "kind"],
    "$defs": {"x": {"anyOf": [{"$ref": "#"}, {"type": "array", "items": {"type": "string"}, "minItems": 2}]}},
}
FUNCTION = {"name": "price", "parameters": SCHEMA}
FORMAT = {"type": "json_schema", "json_schema": {"schema": SCHEMA}, "schema": SCHEMA}
TEXT = [{"type": "text", "text": "the price of 3 days?"}, {"type": "image", "source": {"data": "aGk="}}]
RESULT = [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "4"}]}]
COMMON = {"model": "m", "stream": True, "parallel_tool_calls": True}
BODIES = {
    "/chat/completions": COMMON
    | {
        "messages": [
            {"role": "system", "content": "- a note of the price"},
            {"role": "user", "content": TEXT},
            {"role": "tool", "tool_call_id": "t", "content": "4"},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "tool_choice": {"type": "function", "function": {"name": "price"}},
        "response_format": FORMAT,
        "stream_options": {"include_usage": True},
        "reasoning_effort": "low",
        "max_completion_tokens": 20,
        "n": 2,
        "logprobs": True,
    },
    "/responses": COMMON
    | {
        "input": [{"role": "user", "content": TEXT}, {"type": "function_call_output", "call_id": "t", "output": "4"}],
        "tools": [{"type": "function", **FUNCTION}],
        "tool_choice": "required",
        "instructions": "rewrite",
        "text": {"format": FORMAT},
        "reasoning": {"effort": "low", "summary": "auto"},
        "max_output_tokens": 20,
    },
    "/embeddings": {"model": "m", "input": ["a", "b"], "dimensions": 8, "encoding_format": "base64"},
    "/messages": COMMON
    | {
        "max_tokens": 20,
        "system": [{"type": "text", "text": "- a note", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": TEXT}, {"role": "user", "content": RESULT}],
        "tools": [{"name": "price", "input_schema": SCHEMA}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": False},
        "thinking": {"type": "enabled"},
        "output_config": {"format": FORMAT},
    },
}
BODIES["/messages/count_tokens"] = BODIES["/messages"]
BODIES["/model/m/invoke-with-response-stream"] = BODIES["/messages"]
BODIES["/model/m/converse"] = BODIES["/model/.nova-/invoke"] = {
    "system": [{"text": "- a note"}, {"cachePoint": {"type": "default"}}],
    "messages": [
        {"role": "user", "content": [{"text": "the price of 3 days?"}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"json": 4}, {"text": "4"}]}}]},
    ],
    "inferenceConfig": {"maxTokens": 20},
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "price", "inputSchema": {"json": SCHEMA}}}],
        "toolChoice": {"tool": {"name": "price"}},
    },
    "additionalModelRequestFields": {"thinking": {"type": "enabled"}},
    "outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": json.dumps(SCHEMA)}}}},
}
BODIES["/model/m/converse-stream"] = BODIES["/model/m/converse"]
BODIES["/models/m:streamGenerateContent"] = {
    "systemInstruction": {"parts": [{"text": "- a note"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "the price of 3 days?"}, {"inlineData": {"data": "aGk="}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "price", "response": {"result": 4}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "price", "parameters": SCHEMA}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["price"]}},
    "generationConfig": {"maxOutputTokens": 20, "responseSchema": SCHEMA, "thinkingConfig": {"includeThoughts": True}},
}
BODIES["/models/m:generateContent"] = BODIES["/models/m:countTokens"] = BODIES["/models/m:streamGenerateContent"]
BODIES["/models/m:batchEmbedContents"] = {
    "model": "m",
    "requests": [{"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 8}, {"content": {"parts": []}}],
}
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 10**9), st.floats(allow_nan=False), st.text(max_size=9)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value):
    """Every container inside the value, with the keys or indices of what is in it."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield value, key
        yield from places(part)


@st.composite
def damaged(draw, path):
    """A rich request in which something or other is replaced or left out."""
    body = copy.deepcopy(BODIES[path])
    for _ in range(draw(st.integers(1, 4))):
        holder, key = draw(st.sampled_from(list(places(body)) or [(body, "model")]))
        if body and draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = draw(JSON)
    return body


def answered(path, sent):
    return ModelServer().answer(Request("POST", path, {}, Message(), sent))


@pytest.mark.parametrize("path", BODIES)
def test_a_rich_request_is_answered(path):
    assert answered(path, json.dumps(BODIES[path]).encode()).status == 200


@pytest.mark.parametrize("path", BODIES)
@given(data=st.data())
def test_a_damaged_request_is_answered_or_refused(path, data):
    response = answered(path, json.dumps(data.draw(damaged(path))).encode())
    assert response.status in (200, 400)
    assert response.body
    assert response.stream or json.loads(response.body)


@given(body=st.binary(max_size=50))
def test_a_body_that_is_no_json_is_refused(body):
    assert answered("/messages", body).status == 400
