"""Facts read out of attributes: ours as we write them, and others' in older words."""

from __future__ import annotations

from typing import Any

import pytest

from llmtrace.facts.records import (
    AgentRun,
    Course,
    Inference,
    Message,
    Record,
    Step,
    TextPart,
    ToolCall,
    ToolCallPart,
    ToolDefinition,
    Usage,
)
from llmtrace.semconv import reading, sorting
from llmtrace.semconv.attributes import attributes, name_of

CHAT = Inference(
    operation="chat",
    provider="gcp.gemini",
    request_model="m-1",
    server_address="api.acme.test",
    server_port=443,
    stream=True,
    seed=7,
    max_tokens=100,
    temperature=0.5,
    top_p=0.9,
    stop_sequences=["."],
    response_id="r-1",
    response_model="m-1-2026",
    finish_reasons=["stop"],
    system_instructions=[TextPart("Be brief.")],
    input_messages=[Message("user", [TextPart("Hm?")])],
    output_messages=[Message("assistant", [ToolCallPart("f", "c-1", {"a": 1})])],
    tool_definitions=[ToolDefinition("f", "function", "Does.", {"type": "object"})],
    usage=Usage(input_tokens=10, output_tokens=5, cache_read=3, cache_write=2, reasoning=1),
)


@pytest.mark.parametrize(
    "record",
    [CHAT, ToolCall(name="f", call_id="c-1", arguments={"a": 1}, result={"b": 2}, description="Does.")],
    ids=lambda record: type(record).__name__,
)
@pytest.mark.parametrize("spelling", ["latest", "legacy", "both"])
def test_what_we_write_is_read_back_in_either_spelling(record: Record, spelling: Any) -> None:
    written = attributes(record, Course(0, 1), spelling)
    assert reading.record(name_of(record), written) == record


def test_names_alone_say_what_older_spans_are() -> None:
    assert reading.record("invoke_agent guide", {"gen_ai.agent.name": "guide"}) == AgentRun(name="guide")
    assert reading.record("execute_tool search", {}) == ToolCall(name="search")
    assert reading.record("invoke_workflow support", {}) == Step(operation="invoke_workflow", name="support")
    assert reading.record("GET /", {}) is None


@pytest.mark.parametrize(
    ("said", "used"),
    [
        ({"gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.completion_tokens": 5}, Usage(10, 5)),
        ({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_creation.input_tokens": 4}, Usage(10, cache_write=4)),
        (
            {
                "gen_ai.usage.input_tokens": 10,
                "gen_ai.usage.output_tokens": 5,
                "gen_ai.usage.cache_read_input_tokens": 7,
                "gen_ai.usage.total_tokens": 22,
            },
            Usage(17, 5, cache_read=7),
        ),
        (
            {
                "gen_ai.usage.input_tokens": 17,
                "gen_ai.usage.output_tokens": 5,
                "gen_ai.usage.cache_read_input_tokens": 7,
                "gen_ai.usage.total_tokens": 22,
            },
            Usage(17, 5, cache_read=7),
        ),
        ({"gen_ai.usage.input_tokens": -1, "gen_ai.usage.output_tokens": "5"}, Usage()),
    ],
)
def test_usage_is_read_in_any_spelling_and_the_input_holds_what_was_cached(said: Any, used: Usage) -> None:
    record = reading.record("chat", said)
    assert isinstance(record, Inference)
    assert record.usage == used


def test_the_time_to_the_first_chunk_is_in_seconds_whatever_unit_it_came_in() -> None:
    assert reading.first_chunk({"gen_ai.client.operation.time_to_first_chunk": 0.5}) == 0.5
    assert reading.first_chunk({"gen_ai.server.time_to_first_token": 500}) == 0.5
    assert reading.first_chunk({}) is None


def test_a_failure_is_named_by_what_was_raised() -> None:
    raised = [("exception", {"exception.type": "LookupError", "exception.message": "gone"})]
    assert reading.failure({}, raised, None).type == "LookupError"
    assert reading.failure({}, raised, None).message == "gone"
    assert reading.failure({"error.type": "429"}, raised, None).type == "429"
    assert reading.failure({}, [], "why") == reading.failure({"error.type": "_OTHER"}, [], "why")


def test_what_the_record_says_is_not_said_twice_and_what_the_app_said_stays() -> None:
    kept = {"user.id": "u", "llmtrace.metadata.shop": 7, "session.id": "s", "gen_ai.aggregated_usage.input_tokens": 1}
    told = {"gen_ai.usage.prompt_tokens": 1, "gen_ai.input.messages": "[]", "gen_ai.system": "x"}
    assert sorting.beside(kept | told) == kept


def test_facts_are_numbers_and_what_is_known_to_hold_no_content() -> None:
    facts = {"gen_ai.request.model": "m", "llmtrace.metadata.shop": "7", "acme.round": 3, "session.id": "s"}
    content = {"gen_ai.input.messages": "[]", "acme.prompt": "p", "gen_ai.agent.description": "d"}
    assert sorting.facts(facts | content) == facts
