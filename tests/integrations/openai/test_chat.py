"""Chat completions in the documented shapes that nobody recorded, and in the dialects of other providers."""

import pytest

from llmtrace.facts.records import (
    BlobPart,
    Failure,
    FilePart,
    GenericPart,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    ToolResponsePart,
    UriPart,
)
from tests.integrations.openai.wire import call, streamed

CHAT = "/chat/completions"


def chunk(delta=None, index=0, **more):
    return {"id": "c1", "model": "m-1", "choices": [{"index": index, "delta": delta or {}, **more}]}


def fragment(**fields):
    return chunk({"tool_calls": [fields]})


def function(name=None, arguments=None):
    return {key: value for key, value in {"name": name, "arguments": arguments}.items() if value is not None}


def calls(record):
    return [part for message in record.output_messages for part in message.parts if isinstance(part, ToolCallPart)]


def test_every_parameter_of_a_request_is_read():
    record = call(
        CHAT,
        {
            "model": "gpt-x",
            "n": 3,
            "seed": 7,
            "max_completion_tokens": 100,
            "max_tokens": 50,
            "temperature": 1,
            "top_p": 0.5,
            "frequency_penalty": 0.1,
            "presence_penalty": -0.1,
            "stop": "END",
            "reasoning_effort": "low",
            "service_tier": "flex",
            "response_format": {"type": "json_schema", "json_schema": {}},
            "top_logprobs": 5,
        },
    )
    assert (record.request_model, record.choice_count, record.seed, record.max_tokens) == ("gpt-x", 3, 7, 100)
    assert (record.temperature, record.top_p) == (1.0, 0.5)
    assert isinstance(record.temperature, float)
    assert (record.frequency_penalty, record.presence_penalty) == (0.1, -0.1)
    assert (record.stop_sequences, record.reasoning_level, record.request_service_tier) == (["END"], "low", "flex")
    assert (record.output_type, record.api_type, record.stream, record.top_k) == (
        "json",
        "chat_completions",
        False,
        None,
    )


@pytest.mark.parametrize(
    ("request_body", "output_type"),
    [
        ({"response_format": {"type": "text"}}, "text"),
        ({"response_format": {"type": "json_object"}}, "json"),
        ({"modalities": ["text", "audio"]}, "speech"),
        ({"modalities": ["text"]}, None),
        ({}, None),
    ],
)
def test_the_output_type_is_what_was_asked_for(request_body, output_type):
    assert call(CHAT, request_body).output_type == output_type


def test_one_choice_is_not_worth_saying():
    assert call(CHAT, {"n": 1}).choice_count is None


def test_every_content_block_becomes_its_part():
    blocks = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "https://images.example/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "image_url", "image_url": {"url": "data:text/plain,a%20b"}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file_1"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
        {"type": "video_url", "video_url": {"url": "https://videos.example/a.mp4"}},
        {"type": "something_new", "value": 1},
    ]
    record = call(CHAT, {"messages": [{"role": "user", "name": "Ada", "content": blocks}]})
    assert record.input_messages == [
        Message(
            "user",
            [
                TextPart("look"),
                UriPart("image", "https://images.example/a.png"),
                BlobPart("image", "aGk=", "image/png"),
                BlobPart("image", "YSBi", "text/plain"),
                BlobPart("audio", "aGk=", "audio/wav"),
                FilePart("document", "file_1"),
                BlobPart("document", "aGk=", "application/pdf"),
                UriPart("video", "https://videos.example/a.mp4"),
                GenericPart("something_new", {"value": 1}),
            ],
            "Ada",
        )
    ]


def test_a_history_with_tools_is_read_in_order_and_instructions_stay_in_it():
    record = call(
        CHAT,
        {
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "developer", "content": [{"type": "text", "text": "be kind"}]},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                        {"id": "2", "type": "custom", "custom": {"name": "g", "input": '{"raw": text}'}},
                    ],
                },
                {"role": "tool", "tool_call_id": "1", "content": '{"b": 2}'},
                {"role": "tool", "tool_call_id": "2", "content": "[1] is no object"},
                {"role": "assistant", "function_call": {"name": "old", "arguments": "not json"}},
                {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}], "audio": {"id": "audio_1"}},
            ]
        },
    )
    assert record.system_instructions == []
    assert record.input_messages == [
        Message("system", [TextPart("be brief")]),
        Message("developer", [TextPart("be kind")]),
        Message("assistant", [ToolCallPart("f", "1", {"a": 1}), ToolCallPart("g", "2", '{"raw": text}')]),
        Message("tool", [ToolResponsePart({"b": 2}, "1")]),
        Message("tool", [ToolResponsePart("[1] is no object", "2")]),
        Message("assistant", [ToolCallPart("old", None, "not json")]),
        Message("assistant", [GenericPart("refusal", {"refusal": "no"}), FilePart("audio", "audio_1")]),
    ]


def test_tools_of_every_kind_are_defined():
    record = call(
        CHAT,
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},
                {"type": "custom", "custom": {"name": "g", "description": "e", "format": {"type": "text"}}},
            ],
            "functions": [{"name": "h", "parameters": {}}],
        },
    )
    assert record.tool_definitions == [
        ToolDefinition("f", "function", "d", {"type": "object"}),
        ToolDefinition("g", "custom", "e"),
        ToolDefinition("h", "function", None, {}),
    ]


def test_choices_are_in_index_order_with_one_reason_each():
    choices = [
        {"index": 1, "finish_reason": "length", "message": {"content": "b"}},
        {"index": 0, "finish_reason": "function_call", "message": {"content": "a"}},
        {"index": 2, "finish_reason": None, "message": {"content": "c"}},
    ]
    record = call(CHAT, {}, {"choices": choices})
    assert record.finish_reasons == ["tool_calls", "length", "error"]
    assert [message.parts for message in record.output_messages] == [[TextPart("a")], [TextPart("b")], [TextPart("c")]]


def test_spoken_output_is_bytes_and_what_was_said():
    audio = {"id": "audio_1", "data": "aGk=", "transcript": "hi", "expires_at": 1}
    record = call(CHAT, {}, {"choices": [{"finish_reason": "stop", "message": {"content": None, "audio": audio}}]})
    assert record.output_messages == [Message("assistant", [TextPart("hi"), BlobPart("audio", "aGk=")])]


def test_usage_keeps_its_breakdown():
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 5, "audio_tokens": 3, "image_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 4},
    }
    used = call(CHAT, {}, {"usage": usage}).usage
    assert (used.input_tokens, used.output_tokens, used.cache_read, used.cache_write) == (100, 50, 40, 5)
    assert (used.reasoning, used.input_by_modality, used.output_by_modality) == (
        20,
        {"image": 2, "audio": 3},
        {"audio": 4},
    )


@pytest.mark.parametrize(
    ("usage", "field", "value"),
    [
        ({"prompt_tokens": 10, "prompt_cache_hit_tokens": 4}, "cache_read", 4),
        ({"prompt_tokens": 10, "cached_tokens": 4}, "cache_read", 4),
        ({"num_search_queries": 2, "completion_tokens": 1}, "units", {"web_search": 2}),
        ({"prompt_tokens": 1, "prompt_audio_seconds": 9}, "units", {"audio_seconds": 9}),
        ({"completion_tokens": -5}, "output_tokens", None),
        ({"completion_tokens": True}, "output_tokens", None),
        ({"completion_tokens": 10**30}, "output_tokens", None),
    ],
)
def test_usage_is_read_in_other_dialects(usage, field, value):
    assert getattr(call(CHAT, {}, {"usage": usage}).usage, field) == value


def test_reasoning_that_xai_counts_beside_the_completion_is_in_the_total():
    details = {"reasoning_tokens": 300}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 315, "completion_tokens_details": details}
    assert call(CHAT, {}, {"usage": usage}).usage.output_tokens == 305


@pytest.mark.parametrize("cost", [0.25, {"total_cost": 0.25, "request_cost": 0.2}])
def test_a_cost_that_the_provider_says_is_kept(cost):
    record = call(CHAT, {}, {"usage": {"prompt_tokens": 1, "cost": cost}})
    assert (record.cost.total, record.cost.source) == (0.25, "provider")


def test_thinking_is_read_wherever_a_provider_puts_it():
    for key in ("reasoning_content", "reasoning"):
        record = call(CHAT, {}, {"choices": [{"message": {key: "hm", "content": "yes"}}]})
        assert record.output_messages[0].parts == [ReasoningPart("hm"), TextPart("yes")]


def test_thinking_as_blocks_is_read_whole_and_streamed():
    blocks = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "yes"}]
    whole = call(CHAT, {}, {"choices": [{"message": {"content": blocks}, "finish_reason": "stop"}]})
    told = [chunk({"content": blocks[:1]}), chunk({"content": blocks[1:]}), chunk({"content": "!"})]
    stream = streamed(CHAT, {}, [*told, chunk(finish_reason="stop"), "[DONE]"])
    assert whole.output_messages[0].parts == [ReasoningPart("hm"), TextPart("yes")]
    assert stream.output_messages[0].parts == [ReasoningPart("hm"), TextPart("yes!")]


def test_a_bare_error_status_is_a_failure():
    assert call(CHAT, {}, {}, status=429).failure == Failure("429")


def test_an_error_inside_a_choice_is_a_failure():
    choice = {"finish_reason": "error", "message": {"content": ""}, "error": {"code": 502, "message": "upstream"}}
    assert call(CHAT, {}, {"choices": [choice]}).failure == Failure("502", "upstream")


def test_an_error_inside_a_stream_is_a_failure_and_what_came_before_is_kept():
    events = [chunk({"content": "so f"}), {"error": {"type": "server_error", "message": "overloaded"}}]
    record = streamed(CHAT, {"stream": True}, events)
    assert record.failure == Failure("server_error", "overloaded")
    assert (record.stream, record.complete, record.finish_reasons) == (True, False, ["error"])
    assert record.output_messages == [Message("assistant", [TextPart("so f")])]


def test_parallel_tool_calls_are_put_together_by_index():
    events = [
        fragment(index=0, id="1", type="function", function=function("f", "")),
        fragment(index=1, id="2", type="function", function=function("g", "")),
        fragment(index=1, function=function(arguments='{"b"')),
        fragment(index=0, function=function(arguments='{"a": 1}')),
        fragment(index=1, function=function(arguments=": 2}")),
        chunk(finish_reason="tool_calls"),
        "[DONE]",
    ]
    assert calls(streamed(CHAT, {}, events)) == [ToolCallPart("f", "1", {"a": 1}), ToolCallPart("g", "2", {"b": 2})]


def test_tool_calls_without_an_index_are_told_by_their_names():
    events = [
        fragment(id="1", function=function("f", '{"a":')),
        fragment(function=function(arguments=" 1}")),
        fragment(id="2", function=function("f", "{}")),
    ]
    assert calls(streamed(CHAT, {}, events)) == [ToolCallPart("f", "1", {"a": 1}), ToolCallPart("f", "2", {})]


def test_tool_calls_that_share_an_index_are_told_by_their_ids():
    events = [
        fragment(index=0, id="1", function=function("f", "{}")),
        fragment(index=0, id="2", function=function("f", "{}")),
    ]
    assert [part.id for part in calls(streamed(CHAT, {}, events))] == ["1", "2"]


def test_a_tool_call_whose_every_fragment_has_a_new_id_is_one_call():
    events = [
        fragment(index=0, id="1", function=function("f", "{")),
        fragment(index=0, id="other", function=function(arguments="}")),
    ]
    assert [part.arguments for part in calls(streamed(CHAT, {}, events))] == [{}]


def test_a_type_that_is_sent_again_and_again_is_not_piled_up():
    events = [fragment(index=0, id="1", type="function", function=function("f", "{")) for _ in range(2)]
    assert calls(streamed(CHAT, {}, events)) == [ToolCallPart("f", "1", "{{")]


def test_streamed_choices_are_kept_apart():
    events = [chunk({"content": "a"}), chunk({"content": "b"}, 1), chunk({"content": "a"}), chunk({"refusal": "no"}, 2)]
    events += [chunk({}, index, finish_reason="stop") for index in (1, 0)]
    record = streamed(CHAT, {"n": 3}, events)
    assert [message.parts for message in record.output_messages] == [
        [TextPart("aa")],
        [TextPart("b")],
        [GenericPart("refusal", {"refusal": "no"})],
    ]
    assert (record.finish_reasons, record.complete) == (["stop", "stop", "error"], False)


def test_streamed_audio_is_put_together():
    events = [chunk({"audio": {"id": "a", "transcript": "h"}}), chunk({"audio": {"transcript": "i", "data": "aGk="}})]
    assert streamed(CHAT, {}, events).output_messages[0].parts == [TextPart("hi"), BlobPart("audio", "aGk=")]


@pytest.mark.parametrize(
    "last",
    [
        {"id": "c1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
        {"id": "c1", "choices": [], "x_groq": {"id": "r", "usage": {"prompt_tokens": 3, "completion_tokens": 4}}},
        {"choices": [{"index": 0, "delta": {}, "usage": {"prompt_tokens": 3, "completion_tokens": 4}}]},
    ],
)
def test_usage_is_found_wherever_a_stream_puts_it(last):
    record = streamed(CHAT, {}, [chunk({"content": "a"}, finish_reason="stop"), last, "[DONE]"])
    assert (record.usage.input_tokens, record.usage.output_tokens) == (3, 4)
    assert (record.complete, record.finish_reasons) == (True, ["stop"])


def test_a_prompt_of_a_text_completion_may_be_texts_or_token_ids():
    def asked(prompt):
        return [message.parts for message in call("/completions", {"prompt": prompt}).input_messages]

    assert asked("a") == [[TextPart("a")]]
    assert asked(["a", "b"]) == [[TextPart("a")], [TextPart("b")]]
    assert asked([1, 2]) == [[GenericPart("token_ids", {"token_ids": [1, 2]})]]
    assert asked([[1], [2]]) == [[GenericPart("token_ids", {"token_ids": n})] for n in ([1], [2])]
    assert asked(None) == []


def test_a_stream_of_text_completions_is_put_together():
    choices = [
        [{"index": 0, "text": "a"}],
        [{"index": 1, "text": "b"}],
        [{"index": 0, "text": "c", "finish_reason": "stop"}],
    ]
    record = streamed("/completions", {}, [*({"choices": choice} for choice in choices), "[DONE]"])
    assert [message.parts for message in record.output_messages] == [[TextPart("ac")], [TextPart("b")]]
    assert (record.operation, record.finish_reasons) == ("text_completion", ["stop", "error"])
