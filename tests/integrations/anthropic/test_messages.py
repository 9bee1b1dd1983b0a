"""Requests, answers and token counts of the Messages API, in the shapes that no recording has."""

import pytest

from llmtrace.facts.records import CompactionPart, Failure, Message, TextPart
from tests.integrations.anthropic.wire import read

ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 7, "output_tokens": 2},
}


def answered(**changes):
    return read({**ANSWER, **changes})


def counted(**usage):
    return answered(usage={"input_tokens": 7, "output_tokens": 2, **usage}).usage


def test_all_parameters_are_read():
    body = {
        "model": "claude-x",
        "max_tokens": 64,
        "temperature": 0.5,
        "top_p": 1,
        "top_k": 40,
        "stop_sequences": ["END"],
        "service_tier": "standard_only",
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {}}},
        "thread": {"type": "continue", "previous_message_id": "msg_0"},
        "metadata": {"user_id": "opaque"},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}],
    }
    record = read(ANSWER, body)
    assert (record.operation, record.request_model, record.stream) == ("chat", "claude-x", False)
    assert (record.max_tokens, record.temperature, record.top_p, record.top_k) == (64, 0.5, 1.0, 40)
    assert (record.stop_sequences, record.request_service_tier) == (["END"], "standard_only")
    assert (record.reasoning_level, record.output_type, record.previous_response_id) == ("high", "json", "msg_0")
    assert record.system_instructions == [TextPart("Be brief.")]
    assert record.input_messages == [Message("user", [TextPart("Hi")]), Message("assistant", [TextPart("Ho")])]


def test_a_system_prompt_may_be_a_string():
    assert read(ANSWER, {"system": "Be brief."}).system_instructions == [TextPart("Be brief.")]


def test_without_an_effort_the_kind_of_thinking_is_the_level():
    assert read(ANSWER, {"thinking": {"type": "enabled", "budget_tokens": 2048}}).reasoning_level == "enabled"


def test_the_older_spelling_of_an_output_format_counts():
    assert read(ANSWER, {"output_format": {"type": "json_schema", "schema": {}}}).output_type == "json"


def test_bedrocks_client_takes_the_stream_flag_out_of_the_body():
    assert read(ANSWER, {"max_tokens": 1}, start={"stream": True}).stream is True


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("compaction", "compaction"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_a_reason_to_stop_is_told_in_the_conventions_words(said, reason):
    assert answered(stop_reason=said).finish_reasons == [reason]


def test_the_head_of_the_answer_is_read():
    record = answered(usage={"service_tier": "priority"})
    assert (record.response_id, record.response_model, record.request_id) == ("msg_1", "claude-x", "req_1")
    assert (record.response_service_tier, record.complete, record.failure) == ("priority", None, None)


def test_an_answer_without_content_is_still_one_choice():
    assert answered(content=[], stop_reason="max_tokens").output_messages == [Message("assistant", [])]


def test_cached_tokens_belong_to_the_input():
    counts = counted(cache_read_input_tokens=100, cache_creation_input_tokens=10)
    assert (counts.input_tokens, counts.cache_read, counts.cache_write) == (117, 100, 10)


def test_the_part_of_the_cache_that_is_kept_for_an_hour_is_told_apart():
    split = {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 6}
    assert counted(cache_creation_input_tokens=10, cache_creation=split).cache_write_1h == 6


def test_thinking_is_counted_within_the_output():
    counts = counted(output_tokens=90, output_tokens_details={"thinking_tokens": 80})
    assert (counts.output_tokens, counts.reasoning) == (90, 80)


def test_requests_of_server_tools_are_counted_as_units_where_there_were_any():
    used = {"web_search_requests": 3, "web_fetch_requests": 0, "tool_search_requests": None}
    assert counted(server_tool_use=used).units == {"web_search": 3}


def test_what_a_compaction_took_is_added_because_it_is_billed_and_the_totals_leave_it_out():
    iterations = [
        {"type": "compaction", "input_tokens": 1000, "output_tokens": 50, "cache_read_input_tokens": 5},
        {"type": "message", "input_tokens": 7, "output_tokens": 2},
    ]
    counts = counted(iterations=iterations)
    assert (counts.input_tokens, counts.output_tokens, counts.cache_read) == (1012, 52, 5)


def test_what_was_not_counted_is_absent_and_not_zero():
    counts = answered(usage={"output_tokens": 2}).usage
    assert (counts.input_tokens, counts.output_tokens, counts.cache_read, counts.cache_write) == (None, 2, None, None)


def test_a_compaction_in_the_answer_is_said():
    record = answered(content=[{"type": "compaction", "content": "They met."}, {"type": "text", "text": "Hi"}])
    assert record.conversation_compacted
    assert record.output_messages[0].parts[0] == CompactionPart(content="They met.")
    assert not answered().conversation_compacted


def test_an_error_gives_its_type_and_no_message_is_made_up():
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}
    record = read(error, status=529)
    assert record.failure == Failure("overloaded_error", "Overloaded")
    assert (record.finish_reasons, record.output_messages) == (["error"], [])


def test_bedrocks_errors_are_told_by_their_status():
    assert read({"message": "Too many tokens"}, status=429).failure == Failure("429", "Too many tokens")


def test_a_text_completion_is_read_with_its_prompt():
    asked = {"model": "claude-2", "prompt": "\n\nHuman: Hi\n\nAssistant:", "max_tokens_to_sample": 9}
    said = {"id": "compl_1", "type": "completion", "completion": " Ho", "stop_reason": "stop_sequence"}
    record = read(said, asked, url="/v1/complete")
    assert (record.operation, record.max_tokens, record.finish_reasons) == ("text_completion", 9, ["stop"])
    assert record.input_messages == [Message("user", [TextPart("\n\nHuman: Hi\n\nAssistant:")])]
    assert record.output_messages == [Message("assistant", [TextPart(" Ho")])]
