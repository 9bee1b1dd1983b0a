"""The model server as Google's real client sees it."""

import pytest

from llmtrace.testing import Answer, Fault
from llmtrace.testing.answers import ToolUse

genai = pytest.importorskip("google.genai", reason="not applicable: google-genai is tested in another environment")

MODEL = "gemini-2.5-flash"
QUESTION = "What is the status of my booking B-2041?"


def booking_status(booking_id: str) -> dict[str, str]:
    """Its state."""
    return {"booking": booking_id, "state": "confirmed"}


@pytest.fixture
def client(server):
    made = genai.Client(api_key="fake", http_options={"base_url": server.gemini_url, "retry_options": {"attempts": 1}})
    yield made
    made.close()


def test_it_echoes_in_a_document_and_in_a_stream(client):
    whole = client.models.generate_content(model=MODEL, contents="Hello there")
    pieces = list(client.models.generate_content_stream(model=MODEL, contents="Hello there"))
    assert "Hello there" in whole.text
    assert "".join(piece.text for piece in pieces) == whole.text
    assert len(pieces) > 1
    assert pieces[-1].usage_metadata.total_token_count == whole.usage_metadata.total_token_count
    assert [piece.candidates[0].finish_reason for piece in pieces][:-1] == [None] * (len(pieces) - 1)


def test_its_counts_add_up_and_grow_along_a_stream(client, server):
    server.reply(Answer("Because of the air.", thinking="The sky, then."))
    pieces = list(client.models.generate_content_stream(model=MODEL, contents="Why is the sky blue?"))
    totals = [piece.usage_metadata.total_token_count for piece in pieces]
    assert totals == sorted(totals)
    last = pieces[-1].usage_metadata
    assert last.prompt_token_count + last.candidates_token_count + last.thoughts_token_count == last.total_token_count
    assert pieces[0].candidates[0].content.parts[0].thought


def test_it_calls_the_tool_that_a_question_names_and_tells_what_it_found(client):
    answer = client.models.generate_content(model=MODEL, contents=QUESTION, config={"tools": [booking_status]})
    assert "confirmed" in answer.text


def test_a_tool_that_is_forbidden_is_not_called_and_one_that_is_demanded_is(client):
    config = {"tools": [booking_status], "automatic_function_calling": {"disable": True}}

    def calls(question, mode):
        calling = {"function_calling_config": {"mode": mode}}
        answer = client.models.generate_content(
            model=MODEL, contents=question, config={**config, "tool_config": calling}
        )
        return [call.name for call in answer.function_calls or ()]

    assert calls(QUESTION, "NONE") == []
    assert calls("Hello", "ANY") == ["booking_status"]


def test_a_script_is_followed(client, server):
    server.reply("One.", Answer("", (ToolUse("booking_status", {"booking_id": "x"}),)), Answer("Lo", finish="length"))
    chat = client.chats.create(model=MODEL)
    assert chat.send_message("a").text == "One."
    assert chat.send_message("b").function_calls[0].args == {"booking_id": "x"}
    assert chat.send_message("c").candidates[0].finish_reason == "MAX_TOKENS"


def test_it_answers_in_the_form_that_was_asked_for(client):
    schema = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
    config = {"response_mime_type": "application/json", "response_schema": schema}
    answer = client.models.generate_content(model=MODEL, contents="Which city is it?", config=config)
    assert set(answer.parsed) == {"city"}


def test_it_fails_as_it_is_told(client, server):
    server.fail(":generateContent", Fault(429, "Slow down."))
    with pytest.raises(genai.errors.ClientError) as raised:
        client.models.generate_content(model=MODEL, contents="Hi")
    assert (raised.value.code, raised.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert raised.value.message == "Slow down."


def test_a_stream_breaks_off_with_an_error(client, server):
    server.reply(Answer("This goes on for some time.", then=Fault(503, "Overloaded.")))
    with pytest.raises(genai.errors.ServerError):
        list(client.models.generate_content_stream(model=MODEL, contents="Hi"))


def test_nothing_is_answered_to_nothing(client):
    with pytest.raises(genai.errors.ClientError):
        client.models.generate_content(
            model=MODEL, contents="x", config={"http_options": {"extra_body": {"contents": []}}}
        )


def test_texts_that_share_words_have_vectors_near_each_other(client):
    answer = client.models.embed_content(
        model="gemini-embedding-001",
        contents=["brown bear", "brown bears", "quarterly revenue"],
        config={"output_dimensionality": 256},
    )
    first, near, far = (embedding.values for embedding in answer.embeddings)
    assert len(first) == 256
    assert sum(a * b for a, b in zip(first, near, strict=True)) > sum(a * b for a, b in zip(first, far, strict=True))


def test_it_counts_tokens_and_lists_models(client):
    assert client.models.count_tokens(model=MODEL, contents="Hello there").total_tokens > 1
    assert MODEL in str([model.name for model in client.models.list()])
