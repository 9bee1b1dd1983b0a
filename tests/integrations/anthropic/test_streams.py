"""Streams of the Messages API: as Anthropic documents them, as Bedrock frames them, and broken in every way."""

from dataclasses import replace

import pytest

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.facts.records import (
    CompactionPart,
    Failure,
    Message,
    ReasoningPart,
    ServerToolCallPart,
    ServerToolResponsePart,
    TextPart,
    ToolCallPart,
)
from llmtrace.integrations.anthropic import route
from tests.integrations.anthropic.wire import AWS, SSE, block, chunk, ended, read, refusal, started, stream

TEXT = {"type": "text", "text": ""}
HELLO = block(0, TEXT, {"type": "text_delta", "text": "Hel"}, {"type": "text_delta", "text": "lo"})


def streamed(*events):
    return read(stream(*events), {"stream": True}, content_type=SSE)


def parts_of(record):
    (message,) = record.output_messages
    assert message.role == "assistant"
    return message.parts


def test_a_stream_amounts_to_the_same_as_a_whole_message():
    whole = {
        "id": "msg_1",
        "model": "claude-x",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 12},
    }
    record = streamed(started(), *HELLO, *ended(output_tokens=12))
    assert record.complete is True
    assert replace(record, complete=None) == read(whole, {"stream": True})


def test_arguments_thoughts_and_summaries_grow_too():
    tool = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"ci', 'ty": "Oslo"}')]
    record = streamed(
        started(),
        *block(
            0,
            {"type": "thinking", "thinking": ""},
            {"type": "thinking_delta", "thinking": "Hm."},
            {"type": "signature_delta", "signature": "s"},
        ),
        *block(1, {"type": "compaction", "content": None}, {"type": "compaction_delta", "content": "They met."}),
        *block(2, tool, *pieces),
        *ended("tool_use"),
    )
    assert parts_of(record) == [
        ReasoningPart("Hm."),
        CompactionPart(content="They met."),
        ToolCallPart("weather", "toolu_1", {"city": "Oslo"}),
    ]
    assert record.conversation_compacted


def test_a_tool_without_arguments_keeps_its_empty_object():
    tool = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}
    record = streamed(started(), *block(0, tool, {"type": "input_json_delta", "partial_json": ""}), *ended("tool_use"))
    assert parts_of(record) == [ToolCallPart("now", "toolu_1", {})]


def test_arguments_that_break_off_are_kept_as_they_came():
    tool = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
    cut = block(0, tool, {"type": "input_json_delta", "partial_json": '{"city": "Os'})
    assert parts_of(streamed(started(), *cut, *ended("max_tokens"))) == [
        ToolCallPart("weather", "toolu_1", '{"city": "Os')
    ]


def test_server_tools_and_their_results_are_in_the_stream():
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    record = streamed(
        started(),
        *block(0, call, {"type": "input_json_delta", "partial_json": '{"query": "oslo"}'}),
        *block(1, result),
        *block(2, TEXT, {"type": "citations_delta", "citation": {}}, {"type": "text_delta", "text": "Rain."}),
        *ended(server_tool_use={"web_search_requests": 1}),
    )
    assert parts_of(record) == [
        ServerToolCallPart("web_search", {"type": "web_search", "input": {"query": "oslo"}}, "srvtoolu_1"),
        ServerToolResponsePart({"type": "web_search", "content": []}, "srvtoolu_1"),
        TextPart("Rain."),
    ]
    assert record.usage.units == {"web_search": 1}


def test_the_last_count_that_is_given_wins():
    first = {"input_tokens": 7, "cache_read_input_tokens": 1, "cache_creation_input_tokens": 2, "output_tokens": 1}
    later = {"input_tokens": 9, "cache_read_input_tokens": None, "output_tokens": 12}
    usage = streamed(started(usage=first), *HELLO, *ended(**later)).usage
    assert (usage.input_tokens, usage.cache_read, usage.cache_write, usage.output_tokens) == (12, 1, 2, 12)


def test_an_error_in_the_stream_is_the_calls_failure():
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    record = streamed(started(), *HELLO, error)
    assert record.failure == Failure("overloaded_error", "Overloaded")
    assert (record.complete, record.finish_reasons, parts_of(record)) == (False, ["error"], [TextPart("Hello")])


@pytest.mark.parametrize("events", [[], [started()], [started(), *HELLO]])
def test_a_stream_that_breaks_off_says_so(events):
    record = streamed(*events)
    assert (record.complete, record.finish_reasons) == (False, ["error"])
    assert [part for message in record.output_messages for part in message.parts] == [TextPart("Hello")][
        : len(events) // 2
    ]


def test_a_reason_that_came_before_the_break_stands():
    record = streamed(started(), *HELLO, ended("max_tokens")[0])
    assert (record.complete, record.finish_reasons) == (False, ["length"])


def test_an_event_that_is_cut_in_two_is_passed_over():
    whole = stream(started(), *HELLO)
    record = read(whole + stream(*ended())[:-20], content_type=SSE)
    assert (record.complete, record.finish_reasons) == (False, ["stop"])


def test_bedrock_frames_the_same_events():
    events = [started(), *HELLO, *ended(output_tokens=12)]
    framed = read(b"".join(map(chunk, events)), {"stream": True}, content_type=AWS)
    assert framed == streamed(*events)
    assert framed.complete is True


def test_an_exception_in_bedrocks_stream_is_the_calls_failure():
    body = b"".join(map(chunk, [started(), *HELLO])) + refusal("throttlingException", "Slow down")
    record = read(body, content_type=AWS)
    assert record.failure == Failure("throttlingException", "Slow down")
    assert (record.complete, record.finish_reasons, parts_of(record)) == (False, ["error"], [TextPart("Hello")])


def test_older_claude_models_stream_completions():
    said = [{"type": "completion", "id": "compl_1", "completion": piece, "stop_reason": None} for piece in (" H", "o")]
    last = {"type": "completion", "completion": "", "stop_reason": "max_tokens", "model": "claude-2"}
    record = read(stream(*said, {"type": "ping"}, last), content_type=SSE, url="/v1/complete")
    assert record.output_messages == [Message("assistant", [TextPart(" Ho")])]
    assert (record.complete, record.finish_reasons, record.response_id) == (True, ["length"], "compl_1")
    assert read(stream(*said), content_type=SSE, url="/v1/complete").complete is False


@pytest.mark.parametrize(("framing", "content_type"), [(stream, SSE), (chunk, AWS)])
def test_what_is_left_of_a_stream_whose_middle_is_gone_is_read(framing, content_type):
    late = {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "end"}}
    head, tail = [started(), *HELLO], [late, *ended(output_tokens=99)]
    begin, end = (b"".join(map(framing, events)) for events in (head, tail))
    # The middle went missing inside one event, and the end begins inside another.
    chunks = [begin, framing(late)[:30], framing(late)[30:], end]
    evidence = Evidence(Start(route(None, "post", "/v1/messages")), b"{}", Received(200, content_type), chunks, gap=2)
    record = evidence.start.operation.read(evidence)
    assert parts_of(record) == [TextPart("Hello"), TextPart("end")]
    assert (record.complete, record.finish_reasons, record.usage.output_tokens) == (True, ["stop"], 99)
