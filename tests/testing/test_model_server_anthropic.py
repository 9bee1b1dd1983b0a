"""The model server as the real Anthropic client sees it."""

import anthropic
import pytest

from llmtrace.testing import RATE_LIMITED, Answer, Fault, ToolUse

MODEL = "claude-haiku-4-5"
TOOL = {
    "name": "booking_status",
    "description": "The state of a booking.",
    "input_schema": {
        "type": "object",
        "properties": {"booking_id": {"type": "string"}},
        "required": ["booking_id"],
    },
}
QUESTION = "What is the status of my booking B-2041?"


def ask(text, **more):
    return {"model": MODEL, "max_tokens": 2000, "messages": [{"role": "user", "content": text}], **more}


def test_a_message_echoes_with_usage_an_id_and_the_model_that_was_asked(anthropic_client):
    answer = anthropic_client.messages.create(**ask("Grüß dich"))
    assert "Grüß dich" in answer.content[0].text
    assert (answer.model, answer.stop_reason) == (MODEL, "end_turn")
    assert answer.id.startswith("msg_")
    assert answer._request_id.startswith("req_")
    assert answer.usage.output_tokens > 5
    counted = anthropic_client.messages.count_tokens(model=MODEL, messages=ask("Grüß dich")["messages"])
    assert answer.usage.input_tokens == counted.input_tokens


async def test_the_async_client_gets_the_same_answer_as_the_sync_one(server, anthropic_client):
    async with anthropic.AsyncAnthropic(api_key="local", base_url=server.anthropic_url) as client:
        waited = await client.messages.create(**ask("Hello"))
        async with client.messages.stream(**ask("Hello")) as stream:
            streamed = "".join([text async for text in stream.text_stream])
    assert waited.content == anthropic_client.messages.create(**ask("Hello")).content
    assert streamed == waited.content[0].text


def test_a_named_tool_is_called_once_and_its_result_is_told(anthropic_client):
    asked = anthropic_client.messages.create(**ask(QUESTION, tools=[TOOL]))
    (call,) = asked.content
    assert (asked.stop_reason, call.name, call.input) == ("tool_use", "booking_status", {"booking_id": "B-2041"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": '{"state": "ready"}'}
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": asked.content},
        {"role": "user", "content": [result]},
    ]
    told = anthropic_client.messages.create(model=MODEL, max_tokens=100, messages=messages, tools=[TOOL])
    assert "state: ready" in told.content[0].text


@pytest.mark.parametrize(
    ("choice", "called"),
    [({"type": "any"}, True), ({"type": "tool", "name": "booking_status"}, True), ({"type": "none"}, False)],
)
def test_tool_choice_is_obeyed(anthropic_client, choice, called):
    answer = anthropic_client.messages.create(**ask("Hello", tools=[TOOL], tool_choice=choice))
    assert (answer.stop_reason == "tool_use") is called


def test_a_stream_gives_thinking_text_and_tool_use_as_the_whole_message_does(server, anthropic_client):
    said = Answer("Ja … gerne.", (ToolUse("booking_status", {"booking_id": "B-1"}),), "Hm …")
    server.reply(said, said)
    whole = anthropic_client.messages.create(**ask(QUESTION))
    with anthropic_client.messages.stream(**ask(QUESTION)) as stream:
        streamed = stream.get_final_message()
    assert [block.type for block in streamed.content] == ["thinking", "text", "tool_use"]
    assert streamed.content[1].text == whole.content[1].text == "Ja … gerne."
    assert streamed.content[2].input == whole.content[2].input
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.stop_reason == whole.stop_reason == "tool_use"


def test_thinking_comes_when_it_is_enabled(anthropic_client):
    answer = anthropic_client.messages.create(**ask("Hello", thinking={"type": "enabled", "budget_tokens": 1024}))
    assert [block.type for block in answer.content] == ["thinking", "text"]


def test_marked_instructions_are_written_to_the_cache_once_and_then_read(anthropic_client):
    system = [{"type": "text", "text": "You rent out bikes. " * 20, "cache_control": {"type": "ephemeral"}}]
    first, second = (anthropic_client.messages.create(**ask("Hello", system=system)).usage for _ in range(2))
    assert first.cache_creation_input_tokens > 0
    assert first.cache_read_input_tokens == 0
    assert second.cache_read_input_tokens == first.cache_creation_input_tokens
    assert second.input_tokens == first.input_tokens


def test_the_schema_of_an_output_format_is_filled(anthropic_client):
    schema = {"type": "object", "properties": {"people": {"type": "integer"}}, "required": ["people"]}
    config = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    answer = anthropic_client.messages.create(**ask("There are 12 of them"), extra_body=config)
    assert answer.content[0].text == '{"people": 12}'


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        (Fault(400, "no"), anthropic.BadRequestError, "invalid_request_error"),
        (Fault(404, "no"), anthropic.NotFoundError, "not_found_error"),
        (RATE_LIMITED, anthropic.RateLimitError, "rate_limit_error"),
        (Fault(529, "busy"), anthropic.APIStatusError, "overloaded_error"),
    ],
)
def test_a_scripted_fault_reaches_the_app_as_the_clients_own_exception(server, anthropic_client, fault, error, kind):
    server.reply(fault)
    with pytest.raises(error) as caught:
        anthropic_client.messages.create(**ask("Hello"))
    assert caught.value.status_code == fault.status
    assert caught.value.body["error"] == {"type": kind, "message": fault.message}
    assert caught.value.request_id == caught.value.body["request_id"]


def test_a_rate_limited_call_is_retried_and_then_answered(server, anthropic_client):
    server.reply(RATE_LIMITED, "Now.")
    answer = anthropic_client.with_options(max_retries=1).messages.create(**ask("Hello"))
    assert answer.content[0].text == "Now."


def test_an_output_limit_cuts_the_answer_short_or_is_refused(anthropic_client):
    assert anthropic_client.messages.create(**ask("Hello") | {"max_tokens": 2}).stop_reason == "max_tokens"
    with (
        pytest.raises(anthropic.BadRequestError, match="maximum allowed"),
        anthropic_client.messages.stream(**ask("Hello") | {"max_tokens": 10**6}),
    ):
        pass


def test_a_stream_can_break_off_with_an_error_event(server, anthropic_client):
    server.reply(Answer("One two three four", then=Fault(529, "Overloaded")))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"), anthropic_client.messages.stream(**ask("x")) as s:
        s.get_final_message()


def test_models_are_listed(anthropic_client):
    assert MODEL in [model.id for model in anthropic_client.models.list()]
