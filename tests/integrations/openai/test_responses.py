"""The Responses API in the documented shapes that nobody recorded."""

import pytest

from llmtrace.facts.records import (
    BlobPart,
    CompactionPart,
    Failure,
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
    Usage,
)
from tests.integrations.openai.wire import call, streamed

RESPONSES = "/responses"


def output(*items, status="completed", **more):
    record = call(RESPONSES, {}, {"id": "resp_1", "object": "response", "status": status, "output": items, **more})
    assert len(record.output_messages) <= 1
    return record, record.output_messages[0].parts if record.output_messages else []


def text_item(content, **more):
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": content}], **more}


def test_every_parameter_of_a_request_is_read():
    record = call(
        RESPONSES,
        {
            "model": "gpt-x",
            "instructions": "be brief",
            "input": "hi",
            "stream": True,
            "max_output_tokens": 9,
            "previous_response_id": "resp_0",
            "conversation": {"id": "conv_1"},
            "reasoning": {"effort": "high", "summary": "auto"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
            "service_tier": "priority",
        },
    )
    assert record.system_instructions == [TextPart("be brief")]
    assert record.input_messages == [Message("user", [TextPart("hi")])]
    assert (record.previous_response_id, record.conversation_id) == ("resp_0", "conv_1")
    assert (record.reasoning_level, record.output_type, record.max_tokens) == ("high", "json", 9)
    assert (record.api_type, record.stream, record.request_service_tier) == ("responses", True, "priority")


def test_a_conversation_may_be_named_by_its_bare_id_or_by_the_answer():
    assert call(RESPONSES, {"conversation": "conv_1"}).conversation_id == "conv_1"
    assert call(RESPONSES, {}, {"conversation": {"id": "conv_2"}}).conversation_id == "conv_2"


def test_input_items_become_messages_and_what_the_assistant_did_in_a_row_is_one():
    screenshot = {"type": "computer_screenshot", "image_url": "https://images.example/a.png"}
    record = call(
        RESPONSES,
        {
            "input": [
                {"role": "developer", "content": "be kind"},
                {
                    "type": "message",
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "look"},
                        {"type": "input_image", "image_url": "https://images.example/a.png"},
                        {"type": "input_image", "file_id": "file_1"},
                        {"type": "input_file", "file_url": "https://files.example/a.pdf"},
                        {"type": "input_file", "file_data": "aGk=", "filename": "a.txt"},
                    ],
                },
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "x"},
                {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"a": 1}'},
                {"type": "custom_tool_call", "call_id": "2", "name": "g", "input": '{"raw": 1}'},
                {"type": "function_call_output", "call_id": "1", "output": '{"b": 2}'},
                {"type": "custom_tool_call_output", "call_id": "2", "output": "done"},
                {"type": "computer_call_output", "call_id": "3", "output": screenshot},
                {"type": "item_reference", "id": "msg_1"},
                text_item("bye"),
                "a bare string",
            ]
        },
    )
    assert record.input_messages == [
        Message("developer", [TextPart("be kind")]),
        Message(
            "user",
            [
                TextPart("look"),
                UriPart("image", "https://images.example/a.png"),
                FilePart("image", "file_1"),
                UriPart("document", "https://files.example/a.pdf"),
                BlobPart("document", "aGk="),
            ],
        ),
        Message(
            "assistant", [ReasoningPart("hm"), ToolCallPart("f", "1", {"a": 1}), ToolCallPart("g", "2", '{"raw": 1}')]
        ),
        Message("tool", [ToolResponsePart({"b": 2}, "1")]),
        Message("tool", [ToolResponsePart("done", "2")]),
        Message("tool", [ToolResponsePart(screenshot, "3")]),
        Message("assistant", [GenericPart("item_reference", {"id": "msg_1"}), TextPart("bye")]),
        Message("user", [TextPart("a bare string")]),
    ]


def test_of_a_tool_that_the_provider_runs_only_the_name_is_kept():
    mcp = {"type": "mcp", "server_label": "wiki", "authorization": "hidden", "headers": {"X-Key": "hidden"}}
    record = call(
        RESPONSES, {"tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}, mcp]}
    )
    assert record.tool_definitions == [
        ToolDefinition("f", "function", None, {}),
        ToolDefinition("web_search", "web_search"),
        ToolDefinition("wiki", "mcp"),
    ]


def test_all_items_of_the_output_are_one_message():
    refusal = {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}
    thought = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    _, parts = output(thought, text_item("a"), refusal)
    assert parts == [ReasoningPart("hm"), TextPart("a"), GenericPart("refusal", {"refusal": "no"})]


@pytest.mark.parametrize(
    ("item", "part"),
    [
        (
            {"type": "computer_call", "call_id": "1", "id": "cu_1", "action": {"type": "click", "x": 1}},
            ToolCallPart("computer", "1", {"type": "click", "x": 1}),
        ),
        (
            {"type": "local_shell_call", "call_id": "1", "action": {"type": "exec", "command": ["ls"]}},
            ToolCallPart("local_shell", "1", {"type": "exec", "command": ["ls"]}),
        ),
        (
            {"type": "apply_patch_call", "call_id": "1", "operation": {"type": "delete_file", "path": "a"}},
            ToolCallPart("apply_patch", "1", {"type": "delete_file", "path": "a"}),
        ),
    ],
)
def test_a_tool_that_the_client_runs_is_a_tool_call_and_the_reason_to_stop(item, part):
    record, parts = output(item)
    assert parts == [part]
    assert record.finish_reasons == ["tool_calls"]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            {
                "type": "web_search_call",
                "id": "ws_1",
                "status": "completed",
                "action": {"type": "search", "query": "q"},
            },
            [
                ServerToolCallPart(
                    "web_search",
                    {"type": "web_search", "status": "completed", "action": {"type": "search", "query": "q"}},
                    "ws_1",
                )
            ],
        ),
        (
            {"type": "file_search_call", "id": "fs_1", "queries": ["q"], "results": [{"text": "t"}]},
            [
                ServerToolCallPart("file_search", {"type": "file_search", "queries": ["q"]}, "fs_1"),
                ServerToolResponsePart({"type": "file_search", "results": [{"text": "t"}]}, "fs_1"),
            ],
        ),
        (
            {"type": "code_interpreter_call", "id": "ci_1", "code": "1+1", "outputs": [{"type": "logs", "logs": "2"}]},
            [
                ServerToolCallPart("code_interpreter", {"type": "code_interpreter", "code": "1+1"}, "ci_1"),
                ServerToolResponsePart(
                    {"type": "code_interpreter", "outputs": [{"type": "logs", "logs": "2"}]}, "ci_1"
                ),
            ],
        ),
        (
            {
                "type": "mcp_call",
                "id": "mcp_1",
                "server_label": "w",
                "name": "ask",
                "arguments": '{"q": 1}',
                "output": "a",
            },
            [
                ServerToolCallPart(
                    "ask", {"type": "mcp", "server_label": "w", "name": "ask", "arguments": {"q": 1}}, "mcp_1"
                ),
                ServerToolResponsePart({"type": "mcp", "output": "a"}, "mcp_1"),
            ],
        ),
        (
            {"type": "mcp_list_tools", "id": "l_1", "server_label": "w", "tools": [{"name": "ask"}]},
            [
                ServerToolCallPart("mcp_list_tools", {"type": "mcp_list_tools", "server_label": "w"}, "l_1"),
                ServerToolResponsePart({"type": "mcp_list_tools", "tools": [{"name": "ask"}]}, "l_1"),
            ],
        ),
        (
            {"type": "image_generation_call", "id": "ig_1", "result": "aGk=", "output_format": "webp"},
            [
                ServerToolCallPart("image_generation", {"type": "image_generation", "output_format": "webp"}, "ig_1"),
                BlobPart("image", "aGk=", "image/webp"),
            ],
        ),
        (
            {"type": "shell_call", "call_id": "1", "environment": {"type": "container_reference"}, "action": {}},
            [
                ServerToolCallPart(
                    "shell",
                    {
                        "type": "shell",
                        "call_id": "1",
                        "environment": {"type": "container_reference"},
                        "action": {},
                    },
                    "1",
                )
            ],
        ),
        ({"type": "something_new", "id": "n_1"}, [GenericPart("something_new", {"id": "n_1"})]),
    ],
)
def test_a_tool_that_the_provider_ran_is_no_reason_to_stop(item, expected):
    record, parts = output(item)
    assert parts == expected
    assert record.finish_reasons == ["stop"]


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, ["length"]),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, ["content_filter"]),
        ({"status": "incomplete", "incomplete_details": None}, ["error"]),
        ({"status": "cancelled"}, ["error"]),
        ({"status": "queued"}, []),
        ({"status": "in_progress"}, []),
        ({}, []),
    ],
)
def test_the_status_says_why_it_stopped(body, reasons):
    record = call(RESPONSES, {}, {**body, "output": []})
    assert record.finish_reasons == reasons
    assert record.response_status == body.get("status")


def test_a_failed_response_is_a_failure():
    record, _ = output(status="failed", error={"code": "server_error", "message": "sorry"})
    assert (record.failure, record.finish_reasons) == (Failure("server_error", "sorry"), ["error"])
    assert output(status="failed")[0].failure == Failure("_OTHER")


def test_billed_searches_are_counted():
    record, _ = output(tool_usage={"web_search": {"num_requests": 3}}, usage={"input_tokens": 1})
    assert record.usage.units == {"web_search": 3}


def test_a_compaction_says_so_and_does_not_repeat_what_the_user_said():
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    items = [said, {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"}]
    body = {"id": "resp_1", "object": "response.compaction", "output": items, "usage": {"input_tokens": 5}}
    record = call("/responses/compact", {"model": "m", "input": "hi"}, body)
    assert record.output_messages == [Message("assistant", [CompactionPart("cmp_1")])]
    assert (record.conversation_compacted, record.finish_reasons) == (True, ["compaction"])
    assert record.usage.input_tokens == 5


ANSWER = {
    "id": "resp_1",
    "object": "response",
    "model": "m-1",
    "status": "completed",
    "instructions": "be brief",
    "tools": [{"type": "function", "name": "f"}],
    "output": [text_item("a")],
    "usage": {"input_tokens": 1, "output_tokens": 2},
}


def test_a_response_that_is_fetched_says_what_it_was_and_counts_nothing_twice():
    record = call("/responses/resp_1", b"/v1/responses/resp_1?include=x", ANSWER, method="get")
    assert (record.operation, record.response_id, record.response_status) == ("fetch_response", "resp_1", "completed")
    assert (record.response_model, record.finish_reasons, record.usage) == ("m-1", ["stop"], Usage())
    assert (record.system_instructions, record.input_messages) == ([TextPart("be brief")], [])
    assert (len(record.tool_definitions), len(record.output_messages)) == (1, 1)


def test_the_tokens_of_a_background_response_are_known_only_when_it_is_fetched():
    record = call("/responses/resp_1", b"/v1/responses/resp_1", {**ANSWER, "background": True}, method="get")
    assert (record.usage.input_tokens, record.usage.output_tokens) == (1, 2)


def test_a_stream_that_is_taken_up_again_says_from_where():
    events = [{"type": "response.output_text.delta", "delta": "a"}, {"type": "response.completed", "response": ANSWER}]
    path = "/responses/resp%201"
    record = streamed(path, b"/v1/responses/resp%201?stream=true&starting_after=42", events[:1], method="get")
    assert (record.response_id, record.stream, record.stream_cursor) == ("resp 1", True, "42")
    assert record.complete is False
    assert streamed(path, b"", events, method="get").complete is True


def test_a_response_that_cannot_be_fetched_still_has_its_id():
    error = {"error": {"code": "not_found", "message": "gone"}}
    record = call("/responses/resp_1", b"/v1/responses/resp_1", error, status=404, method="get")
    assert (record.response_id, record.failure) == ("resp_1", Failure("not_found", "gone"))


DELTAS = [
    {"type": "response.created", "response": {"id": "resp_1", "model": "m-1", "status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "h"},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "m"},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "so"},
    {
        "type": "response.output_item.added",
        "output_index": 1,
        "item": {"type": "message", "role": "assistant", "content": []},
    },
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "a"},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "b"},
    {"type": "response.refusal.delta", "output_index": 1, "content_index": 1, "delta": "no"},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {"type": "function_call", "call_id": "1", "name": "f", "arguments": "", "status": "in_progress"},
    },
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '{"a":'},
    {"type": "response.custom_tool_call_input.delta", "output_index": 3, "delta": "raw"},
]


def test_a_stream_that_is_cut_short_gives_what_its_deltas_said():
    record = streamed(RESPONSES, {"stream": True}, DELTAS)
    assert record.output_messages == [
        Message(
            "assistant",
            [
                ReasoningPart("hm"),
                ReasoningPart("so"),
                TextPart("ab"),
                GenericPart("refusal", {"refusal": "no"}),
                ToolCallPart("f", "1", '{"a":'),
                ServerToolCallPart("custom_tool", {"type": "custom_tool", "input": "raw"}),
            ],
        )
    ]
    assert (record.response_id, record.response_model, record.complete) == ("resp_1", "m-1", False)
    assert record.usage == Usage()


def test_an_item_that_was_done_is_not_put_together_again():
    done = {"type": "response.output_item.done", "output_index": 1, "item": text_item("whole", status="completed")}
    record = streamed(RESPONSES, {}, [*DELTAS[:8], done])
    assert record.output_messages[0].parts == [ReasoningPart("hm"), ReasoningPart("so"), TextPart("whole")]


def test_the_last_event_has_the_whole_response():
    record = streamed(RESPONSES, {}, [*DELTAS, {"type": "response.completed", "response": ANSWER}])
    assert record.output_messages == [Message("assistant", [TextPart("a")])]
    assert (record.complete, record.finish_reasons, record.usage.output_tokens) == (True, ["stop"], 2)


def test_a_last_event_without_output_leaves_what_the_items_said():
    done = {"type": "response.output_item.done", "output_index": 0, "item": text_item("a")}
    record = streamed(RESPONSES, {}, [done, {"type": "response.completed", "response": {**ANSWER, "output": []}}])
    assert record.output_messages == [Message("assistant", [TextPart("a")])]


@pytest.mark.parametrize(
    ("event", "failure", "complete"),
    [
        ({"type": "error", "code": "rate_limited", "message": "slow"}, Failure("rate_limited", "slow"), False),
        ({"type": "error", "code": None, "message": "slow"}, Failure("error", "slow"), False),
        ({"type": "error", "error": {"type": "server_error", "message": "m"}}, Failure("server_error", "m"), False),
        (
            {"type": "response.failed", "response": {"status": "failed", "error": {"code": "c", "message": "m"}}},
            Failure("c", "m"),
            True,
        ),
    ],
)
def test_an_error_in_a_stream_is_a_failure(event, failure, complete):
    record = streamed(RESPONSES, {}, [*DELTAS[:8], event])
    assert (record.failure, record.complete) == (failure, complete)
    assert record.output_messages[0].parts[-1] == TextPart("ab")


def test_an_incomplete_stream_ended_as_it_should():
    body = {**ANSWER, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    record = streamed(RESPONSES, {}, [{"type": "response.incomplete", "response": body}])
    assert (record.complete, record.finish_reasons, record.failure) == (True, ["length"], None)
