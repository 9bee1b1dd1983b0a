"""The model server as the real OpenAI client sees it."""

import json

import httpx
import openai
import pytest
from pydantic import BaseModel

from llmtrace.testing import RATE_LIMITED, Answer, Fault, ToolUse

MODEL = "gpt-5-mini"
PARAMETERS = {
    "type": "object",
    "properties": {"booking_id": {"type": "string"}},
    "required": ["booking_id"],
    "additionalProperties": False,
}
STATUS = {"name": "booking_status", "parameters": PARAMETERS, "strict": True}
CHAT_TOOL = {"type": "function", "function": STATUS}
FLAT_TOOL = {"type": "function", **STATUS}
QUESTION = "What is the status of my booking B-2041?"


def user(text):
    return [{"role": "user", "content": text}]


class Guess(BaseModel):
    city: str
    people: int
    sure: bool | None


def test_a_chat_echoes_with_usage_an_id_and_the_model_that_was_asked(openai_client):
    answer = openai_client.chat.completions.create(model=MODEL, messages=user("Grüß dich"))
    assert "Grüß dich" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.model, answer.object) == (MODEL, "chat.completion")
    assert answer.id.startswith("chatcmpl-")
    assert answer._request_id.startswith("req_")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 10


async def test_the_async_client_gets_the_same_answer_as_the_sync_one(server, openai_client):
    async with openai.AsyncOpenAI(api_key="local", base_url=server.openai_url) as client:
        waited = await client.chat.completions.create(model=MODEL, messages=user("Hello"))
    assert waited.choices == openai_client.chat.completions.create(model=MODEL, messages=user("Hello")).choices


def test_a_named_tool_is_called_once_and_its_result_is_told(openai_client):
    messages = user(QUESTION)
    asked = openai_client.chat.completions.create(model=MODEL, messages=messages, tools=[CHAT_TOOL]).choices[0]
    (call,) = asked.message.tool_calls
    assert asked.finish_reason == "tool_calls"
    assert (call.function.name, json.loads(call.function.arguments)) == ("booking_status", {"booking_id": "B-2041"})
    messages += [asked.message, {"role": "tool", "tool_call_id": call.id, "content": '{"state": "ready"}'}]
    told = openai_client.chat.completions.create(model=MODEL, messages=messages, tools=[CHAT_TOOL]).choices[0]
    assert told.finish_reason == "stop"
    assert "state: ready" in told.message.content


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({}, ["booking_status", "weather"]),
        ({"parallel_tool_calls": False}, ["booking_status"]),
        ({"tool_choice": "none"}, []),
        ({"tool_choice": {"type": "function", "function": {"name": "weather"}}}, ["weather"]),
    ],
)
def test_several_tools_are_called_as_far_as_the_request_allows(openai_client, more, names):
    weather = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    asked = user("The status of booking B-1, and the weather?")
    answer = openai_client.chat.completions.create(model=MODEL, messages=asked, tools=[CHAT_TOOL, weather], **more)
    assert [call.function.name for call in answer.choices[0].message.tool_calls or []] == names


def test_a_demanded_tool_is_called_though_the_question_names_none(openai_client):
    answer = openai_client.chat.completions.create(
        model=MODEL, messages=user("Hello"), tools=[CHAT_TOOL], tool_choice="required"
    )
    assert answer.choices[0].message.tool_calls[0].function.name == "booking_status"


def test_structured_output_fits_the_schema_and_parses(openai_client):
    answer = openai_client.chat.completions.parse(
        model=MODEL, messages=user("How many of the 12 live in Bergen?"), response_format=Guess
    )
    assert answer.choices[0].message.parsed == Guess(city="Bergen", people=12, sure=True)


def test_a_stream_says_what_the_whole_answer_says_and_reports_usage_only_when_asked(openai_client):
    whole = openai_client.chat.completions.create(model=MODEL, messages=user("Hello"), n=2)
    chunks = list(
        openai_client.chat.completions.create(
            model=MODEL, messages=user("Hello"), n=2, stream=True, stream_options={"include_usage": True}
        )
    )
    for choice in whole.choices:
        said = [part.delta.content or "" for c in chunks for part in c.choices if part.index == choice.index]
        assert "".join(said) == choice.message.content
    assert whole.choices[0].message.content != whole.choices[1].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    plain = openai_client.chat.completions.create(model=MODEL, messages=user("Hello"), stream=True)
    assert all(chunk.usage is None for chunk in plain)


def test_the_stream_helper_collects_tool_calls_and_logprobs(openai_client):
    with openai_client.chat.completions.stream(model=MODEL, messages=user(QUESTION), tools=[CHAT_TOOL]) as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert call.function.parsed_arguments == {"booking_id": "B-2041"}
    with openai_client.chat.completions.stream(model=MODEL, messages=user("Hi"), logprobs=True) as stream:
        scores = stream.get_final_completion().choices[0].logprobs.content
    assert "".join(score.token for score in scores).startswith("You said")


def test_an_output_limit_cuts_the_answer_short_and_says_so(openai_client):
    answer = openai_client.chat.completions.create(model=MODEL, messages=user("Hello"), max_completion_tokens=3)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 3


def test_thinking_is_counted_but_not_shown_in_a_chat(openai_client):
    answer = openai_client.chat.completions.create(model=MODEL, messages=user("Hello"), reasoning_effort="low")
    details = answer.usage.completion_tokens_details
    assert 0 < details.reasoning_tokens < answer.usage.completion_tokens


def test_notes_in_the_instructions_are_quoted_where_they_fit(openai_client):
    system = {"role": "system", "content": "Use these:\n- The shed opens at nine.\n- Dogs are welcome."}
    answer = openai_client.chat.completions.create(model=MODEL, messages=[system, *user("Are dogs allowed?")])
    assert answer.choices[0].message.content == "Dogs are welcome."


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(400, "no"), openai.BadRequestError),
        (Fault(401, "no", "invalid_api_key"), openai.AuthenticationError),
        (Fault(404, "no", "model_not_found"), openai.NotFoundError),
        (RATE_LIMITED, openai.RateLimitError),
        (Fault(500, "no"), openai.InternalServerError),
    ],
)
def test_a_scripted_fault_reaches_the_app_as_the_clients_own_exception(server, openai_client, fault, error):
    server.reply(fault)
    with pytest.raises(error) as caught:
        openai_client.chat.completions.create(model=MODEL, messages=user("Hello"))
    assert (caught.value.status_code, caught.value.code) == (fault.status, fault.code)
    assert caught.value.body["message"] == fault.message


def test_a_rate_limited_call_is_retried_and_then_answered(server, openai_client):
    server.reply(RATE_LIMITED, RATE_LIMITED, "Now.")
    answer = openai_client.with_options(max_retries=2).chat.completions.create(model=MODEL, messages=user("Hello"))
    assert answer.choices[0].message.content == "Now."
    assert len(server.requests) == 3


def test_a_request_that_makes_no_sense_is_refused_with_a_reason(openai_client):
    with pytest.raises(openai.BadRequestError, match="messages"):
        openai_client.chat.completions.create(model=MODEL, messages=[])
    with pytest.raises(openai.BadRequestError, match="too large"):
        openai_client.chat.completions.create(model=MODEL, messages=user("Hello"), max_completion_tokens=10**6)
    with pytest.raises(openai.NotFoundError):
        openai_client.moderations.create(input="Hello")


def test_a_stream_can_break_off_with_an_error_event_or_without_a_word(server, openai_client):
    server.reply(Answer("One two three four", then=Fault(500, "lost it")), Answer("One two three", drop_after=900))
    heard = []
    with pytest.raises(openai.APIError, match="lost it"):
        heard.extend(openai_client.chat.completions.create(model=MODEL, messages=user("Hello"), stream=True))
    assert heard
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        list(openai_client.chat.completions.create(model=MODEL, messages=user("Hello"), stream=True))


def test_broken_tool_arguments_and_refusals_arrive_as_scripted(server, openai_client):
    server.reply(Answer(tool_calls=(ToolUse("booking_status", '{"booking'),)), Answer(refusal="I would rather not."))
    broken = openai_client.chat.completions.create(model=MODEL, messages=user("Hello"))
    assert broken.choices[0].message.tool_calls[0].function.arguments == '{"booking'
    refused = openai_client.chat.completions.create(model=MODEL, messages=user("Hello"))
    assert refused.choices[0].message.refusal == "I would rather not."


def test_a_response_streams_every_event_up_to_the_whole_that_is_kept(server, openai_client):
    server.reply(Answer("Hello!", (ToolUse("booking_status", {"booking_id": "B-1"}),), "Let me think."))
    with openai_client.responses.stream(model=MODEL, input=QUESTION, tools=[FLAT_TOOL]) as stream:
        events = list(stream)
        final = stream.get_final_response()
    numbers = [event.sequence_number for event in events if hasattr(event, "sequence_number")]
    assert numbers == list(range(len(numbers)))
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    assert final.output_text == "Hello!"
    assert final.output[2].parsed_arguments == {"booking_id": "B-1"}
    kept = openai_client.responses.retrieve(final.id)
    assert kept.usage == final.usage
    assert 0 < kept.usage.output_tokens_details.reasoning_tokens < kept.usage.output_tokens
    rest = list(openai_client.responses.retrieve(final.id, stream=True, starting_after=numbers[-3]))
    assert [event.sequence_number for event in rest] == numbers[-2:]


def test_a_response_goes_on_from_the_one_before(openai_client):
    first = openai_client.responses.create(model=MODEL, input=QUESTION, tools=[FLAT_TOOL])
    call = first.output[0]
    output = {"type": "function_call_output", "call_id": call.call_id, "output": '{"state": "ready"}'}
    second = openai_client.responses.create(model=MODEL, input=[output], previous_response_id=first.id)
    assert "state: ready" in second.output_text
    with pytest.raises(openai.BadRequestError, match="not found"):
        openai_client.responses.create(model=MODEL, input="Hello", previous_response_id="resp_none")


def test_a_response_can_run_in_the_background_be_cut_short_or_be_structured(openai_client):
    queued = openai_client.responses.create(model=MODEL, input="Hello", background=True)
    assert (queued.status, queued.output) == ("queued", [])
    assert openai_client.responses.retrieve(queued.id).status == "completed"
    short = openai_client.responses.create(model=MODEL, input="Hello", max_output_tokens=2)
    assert (short.status, short.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    parsed = openai_client.responses.parse(model=MODEL, input="The 12 of Bergen", text_format=Guess)
    assert parsed.output_parsed.people == 12


def test_embeddings_are_near_for_texts_that_share_words_and_the_same_in_either_encoding(openai_client):
    def embed(texts, **more):
        answer = openai_client.embeddings.create(model="text-embedding-3-small", input=texts, **more)
        assert answer.usage.prompt_tokens > 0
        return [row.embedding for row in answer.data]

    def near(one, other):
        return sum(a * b for a, b in zip(one, other, strict=True))

    dog, hound, tax = embed(["a dog on the bike", "may the dog ride", "income tax return"])
    assert len(dog) == 1536
    assert near(dog, hound) > near(dog, tax) + 0.2
    assert embed("a dog on the bike", encoding_format="float")[0] == pytest.approx(dog)
    assert len(embed("dog", dimensions=64)[0]) == 64
    assert len(embed([[1, 2], [3]])) == 2


def test_embeddings_fail_when_told_to(server, openai_client):
    server.fail("/embeddings", RATE_LIMITED)
    with pytest.raises(openai.RateLimitError):
        openai_client.embeddings.create(model="text-embedding-3-small", input="x")
    assert openai_client.embeddings.create(model="text-embedding-3-small", input="x").data


def test_models_are_listed(openai_client):
    assert MODEL in [model.id for model in openai_client.models.list()]


def test_azure_paths_and_other_prefixes_reach_the_same_answers(server):
    with openai.AzureOpenAI(
        api_key="local", azure_endpoint=server.url, api_version="2024-10-21", max_retries=0
    ) as client:
        assert client.chat.completions.create(model=MODEL, messages=user("Hello")).choices


def test_what_the_client_sent_is_kept_with_its_headers(server, openai_client):
    openai_client.chat.completions.create(model=MODEL, messages=user("Hello"), extra_headers={"X-Tenant": "blue"})
    (seen,) = server.requests
    assert (seen.method, seen.path, seen.json["model"]) == ("POST", "/v1/chat/completions", MODEL)
    assert seen.headers["x-tenant"] == "blue"
    assert "traceparent" not in seen.headers
