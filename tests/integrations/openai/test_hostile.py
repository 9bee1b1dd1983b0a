"""Whatever a client or a server sends: a record comes of it, with the types it promises, and nothing is raised."""

import json
from dataclasses import fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtrace.facts import records
from llmtrace.facts.operation import Received
from llmtrace.integrations.openai import ROUTES
from tests.integrations.openai.wire import JSON, SSE, evidence, streamed

KEYS = """id type role content text name index delta choices message messages finish_reason tool_calls function custom
arguments input output item output_index content_index summary summary_index status usage prompt_tokens cost seconds
completion_tokens prompt_tokens_details cached_tokens total_tokens response error code image_url url file data format
input_audio refusal audio transcript reasoning reasoning_content thinking instructions tools conversation model stop n
stream prompt embedding b64_json results request_counts x_groq incomplete_details tool_usage web_search call_id action
environment result response_format modalities max_tokens temperature seed dimensions function_call images"""
WORDS = """message reasoning function_call function_call_output web_search_call image_generation_call compaction text
input_text output_text refusal image_url input_image input_audio file thinking summary_text error completed incomplete
failed tool assistant user data:,x data:image/png;base64,aGk= response.created response.completed response.failed
response.output_item.added response.output_item.done response.output_text.delta response.refusal.delta json_object
response.function_call_arguments.delta image_generation.completed transcript.text.delta transcript.text.done"""

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(WORDS.split())
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6),
    max_leaves=30,
)
objects = st.dictionaries(st.sampled_from(KEYS.split()), anything, max_size=8)
OPERATIONS = list({id(operation.read): operation for operation in ROUTES.values()}.values())
operations = st.sampled_from(OPERATIONS)
several = settings(max_examples=50, deadline=None)


def holds(value: Any, hint: Any) -> bool:
    """Whether a value is of its annotated type, all the way down."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        return any(holds(value, one) for one in arguments)
    if origin is list:
        return isinstance(value, list) and all(holds(one, arguments[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(holds(one, arguments[1]) for one in value.values())
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return hint is Any or (isinstance(value, hint) and (not is_dataclass(hint) or well_typed(value)))


@cache
def hints(kind: type) -> dict[str, Any]:
    every = get_type_hints(kind, vars(records))
    return {field.name: every[field.name] for field in fields(kind)}


def well_typed(record: Any) -> bool:
    wrong = [name for name, hint in hints(type(record)).items() if not holds(getattr(record, name), hint)]
    assert not wrong, record
    return True


def read(operation, request, response, chunks=()):
    record = operation.read(evidence(operation, request, response, chunks))
    assert record.operation == operation.name
    assert well_typed(record)
    return record


@given(operation=operations, request=objects, body=objects, status=st.sampled_from([200, 200, 404, 500]))
@several
def test_any_json_gives_a_well_typed_record(operation, request, body, status):
    received = Received(status, JSON, body=json.dumps(body).encode())
    read(operation, json.dumps(request).encode(), received)
    read(operation, request, None)


CALL = {"index": 0, "id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SAID = {"role": "assistant", "name": "n", "content": "a", "refusal": "no", "reasoning": "hm", "tool_calls": [CALL]}
BLOCKS = [
    {"type": "text", "text": "a"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
    {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
    {"type": "input_file", "file_id": "file_1"},
    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
]
ITEMS = [
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "content": []},
    {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "1", "output": "{}"},
    {"type": "mcp_call", "id": "m", "name": "ask", "arguments": "{}", "output": "a"},
    {"type": "image_generation_call", "id": "i", "result": "aGk=", "output_format": "png"},
    {"type": "compaction", "id": "c"},
]
DETAILS = {"cached_tokens": 1, "reasoning_tokens": 2, "audio_tokens": 3, "cached_tokens_details": {"text_tokens": 1}}
WHOLE = {
    "id": "x",
    "model": "m",
    "status": "incomplete",
    "service_tier": "default",
    "system_fingerprint": "fp",
    "conversation": {"id": "c"},
    "messages": [SAID, {"role": "user", "content": BLOCKS}, {"role": "tool", "tool_call_id": "1", "content": "{}"}],
    "choices": [{"index": 0, "finish_reason": "stop", "message": {**SAID, "audio": {"id": "a", "data": "aGk="}}}],
    "input": ITEMS,
    "output": ITEMS,
    "prompt": ["a"],
    "instructions": "a",
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}],
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 9,
        "cost": 0.1,
        "prompt_tokens_details": DETAILS,
        "seconds": 1.5,
    },
    "incomplete_details": {"reason": "max_output_tokens"},
    "tool_usage": {"web_search": {"num_requests": 1}},
    "reasoning": {"effort": "low"},
    "response_format": {"type": "text"},
    "stop": ["a"],
    "temperature": 0.5,
    "data": [{"embedding": [0.1], "b64_json": "aGk=", "url": "https://images.example/a"}],
    "request_counts": {"total": 1},
    "error": {"code": "c", "message": "m"},
}
EVENTS = [
    {"choices": [{"index": 0, "finish_reason": None, "delta": SAID}]},
    {"choices": [{"index": 0, "finish_reason": "stop", "delta": {"content": BLOCKS, "audio": {"data": "a"}}}]},
    {"type": "response.created", "response": {**WHOLE, "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": ITEMS[2]},
    {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "a"},
    {"type": "transcript.text.delta", "delta": "a"},
    {"type": "image_generation.completed", "b64_json": "aGk=", "usage": {"input_tokens": 1}},
]


def places(value, here=()):
    """Where something stands in a JSON document."""
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*here, key))


def put(value, place, new):
    """The document with something else in one place."""
    if not place:
        return new
    kind = type(value)
    inner = value.items() if kind is dict else enumerate(value)
    changed = [(key, put(one, place[1:], new) if key == place[0] else one) for key, one in inner]
    return dict(changed) if kind is dict else [one for _, one in changed]


ODD = [None, True, 0, -1, 1.5, float("nan"), "", "{", "data:,x", [], [None], [[]], [{}], {}, {"a": 1}, [1, "a"]]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_something_odd_in_any_one_place_gives_a_well_typed_record(odd):
    for place in places(WHOLE):
        body = json.dumps(put(WHOLE, place, odd)).encode()
        for operation in OPERATIONS:
            read(operation, body, Received(200, JSON, body=body))
    for place in places(EVENTS):
        events = put(EVENTS, place, odd)
        chunks = [
            f"data: {json.dumps(event)}\n\n".encode() for event in (events if isinstance(events, list) else [odd])
        ]
        for operation in OPERATIONS:
            read(operation, b"{}", Received(200, SSE), chunks)


@given(operation=operations, events=st.lists(objects | anything, max_size=12))
@several
def test_any_stream_of_json_gives_a_well_typed_record(operation, events):
    chunks = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    read(operation, b"{}", Received(200, SSE), chunks)


@given(operation=operations, request=st.binary(max_size=60), body=st.binary(max_size=200))
@several
def test_any_bytes_give_a_well_typed_record(operation, request, body):
    read(operation, request, Received(200, JSON, body=body))
    read(operation, b"/" + request, Received(200, SSE), [body])
    read(operation, None, Received(200, "text/plain", body=body))


@pytest.mark.parametrize("depth", [100, 10_000])
def test_a_deep_body_is_no_harm(depth):
    deep = b'{"content":[' * depth + b"1" + b"]}" * depth
    message = b'{"choices":[{"message":' + deep + b"}]}"
    for operation in OPERATIONS:
        read(operation, deep, Received(200, JSON, body=message))
        read(operation, deep, Received(200, SSE), [b'data: {"choices":[{"delta":' + deep + b"}]}\n\n"])


@pytest.mark.parametrize(
    "event",
    [
        {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "x"}}]}}]},
        {"choices": [{"delta": {"tool_calls": [{"id": "1", "function": {"name": "f"}}]}}]},
        {"choices": [{"delta": {"content": "x" * 20}}]},
    ],
)
def test_a_stream_of_a_hundred_thousand_events_is_read_in_one_pass(event):
    """Work that grew with the square of the stream would not end here in any patience."""
    record = streamed("/chat/completions", {}, [event] * 100_000)
    assert sum(len(str(part)) for part in record.output_messages[0].parts) > 100_000


@pytest.mark.parametrize("index", [-1, 10**18, "0", None, [], 1.5])
def test_an_index_of_any_kind_is_no_harm(index):
    events = [{"choices": [{"index": index, "delta": {"tool_calls": [{"index": index}], "content": "a"}}]}]
    record = streamed("/chat/completions", {}, events)
    assert record.output_messages[0].parts[0] == records.TextPart("a")
    item = {"type": "response.output_text.delta", "output_index": index, "content_index": index, "delta": "a"}
    assert streamed("/responses", {}, [item]).output_messages[0].parts == [records.TextPart("a")]
