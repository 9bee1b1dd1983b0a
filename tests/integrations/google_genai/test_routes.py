"""Where a request of Google's client goes, what it is, and what is read of its answer."""

import json

import pytest

from llmtrace.testing.captured import capture, decoded
from tests.integrations.conformance.network import Answer
from tests.integrations.google_genai.answers import JSON, call, generated, network, stream, text, whole
from tests.integrations.google_genai.clients import ONCE, connect, genai, http, quiet, types

pytestmark = quiet
PIXEL = {"bytesBase64Encoded": "aGVsbG8=", "mimeType": "image/png"}


def span_of(body, send, **options):
    """What is on the one span of a call that is answered so; a failing answer is the library's to raise."""
    answer = body if isinstance(body, Answer) else whole(body)
    client = connect(network(answer), **options)
    with capture() as captured:
        try:
            result = send(client)
            list(result if hasattr(result, "__next__") else ())
        except genai.errors.APIError:
            pass
        return decoded(captured.one())


def asking(model, **config):
    return lambda client: client.models.generate_content(model=model, contents="Hi", config=config)


MODELS = {
    "gemini-2.5-flash": "gemini-2.5-flash",
    "models/gemini-2.5-flash": "gemini-2.5-flash",
    "tunedModels/mine-7": "tunedModels/mine-7",
}
VERTEX_MODELS = {
    "gemini-2.5-flash": "gemini-2.5-flash",
    "publishers/google/models/gemini-2.5-flash": "gemini-2.5-flash",
    "projects/p/locations/us-central1/endpoints/123": "endpoints/123",
    "anthropic/claude-sonnet-4": "claude-sonnet-4",
}


@pytest.mark.parametrize("model", MODELS)
def test_a_model_of_the_gemini_api_is_named_without_its_collection(model):
    said = span_of(text("Hi."), asking(model))
    assert said["gen_ai.request.model"] == MODELS[model]
    assert said["gen_ai.provider.name"] == "gcp.gemini"
    assert (said["server.address"], said["server.port"]) == ("generativelanguage.googleapis.com", 443)


@pytest.mark.parametrize("model", VERTEX_MODELS)
def test_a_model_of_vertex_ai_is_named_without_project_and_publisher(model):
    said = span_of(text("Hi."), asking(model), vertex=True)
    assert said["gen_ai.request.model"] == VERTEX_MODELS[model]
    assert said["gen_ai.provider.name"] == "gcp.vertex_ai"
    assert said["server.address"] == "us-central1-aiplatform.googleapis.com"


def test_another_server_is_where_the_request_goes():
    said = span_of(text("Hi."), asking("gemini-2.5-flash"), base_url="http://127.0.0.1:8123/proxy")
    assert (said["server.address"], said["server.port"]) == ("127.0.0.1", 8123)


def test_every_parameter_is_on_the_span():
    said = span_of(
        text("{}"),
        asking(
            "gemini-2.5-flash",
            temperature=0.5,
            top_p=0.9,
            top_k=40,
            max_output_tokens=100,
            candidate_count=2,
            seed=7,
            stop_sequences=["END"],
            frequency_penalty=0.1,
            presence_penalty=0.2,
            response_mime_type="application/json",
            system_instruction="Be brief.",
            thinking_config={"thinking_level": "LOW"},
        ),
    )
    wanted = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "max_tokens": 100,
        "choice.count": 2,
        "seed": 7,
        "stop_sequences": ("END",),
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
    }
    for name, value in wanted.items():
        assert said[f"gen_ai.request.{name}"] == value or said[f"gen_ai.request.{name}"] == list(value)
    assert said["gen_ai.output.type"] == "json"
    assert said["gen_ai.system_instructions"] == [{"type": "text", "content": "Be brief."}]


def test_every_part_is_read_for_what_it_is():
    parts = [
        {"text": "Let me see.", "thought": True},
        {"text": "Here: ", "thoughtSignature": "c2ln"},
        {"inlineData": {"mimeType": "image/png", "data": "aGVsbG8="}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://b/a.pdf"}},
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        call("weather", city="Rome"),
        {"text": "", "thoughtSignature": "c2ln"},
    ]
    found = {
        "webSearchQueries": ["sky"],
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
    }
    body = generated(*parts)
    body["candidates"][0]["groundingMetadata"] = found
    said = span_of(body, asking("gemini-2.5-flash"))
    (message,) = said["gen_ai.output.messages"]
    kinds = [part["type"] for part in message["parts"]]
    assert kinds == [
        "reasoning",
        "text",
        "uri",  # what is inline lies in the store
        "uri",
        "server_tool_call",
        "server_tool_call_response",
        "tool_call",
        "server_tool_call",
        "server_tool_call_response",
    ]
    assert message["parts"][2]["modality"] == "image"
    assert message["parts"][6]["arguments"] == {"city": "Rome"}


def test_a_function_on_offer_is_defined_whoever_spelled_its_schema():
    def weather(city: str) -> str:
        """How it is there."""
        return city

    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    declared = {
        "function_declarations": [{"name": "clock", "description": "The time.", "parameters_json_schema": schema}]
    }
    config = {"tools": [weather, declared], "automatic_function_calling": {"disable": True}}
    made, given = span_of(text("Hi."), asking("gemini-2.5-flash", **config))["gen_ai.tool.definitions"]
    assert (made["type"], made["name"], made["description"]) == ("function", "weather", "How it is there.")
    assert (given["type"], given["name"], given["description"]) == ("function", "clock", "The time.")
    assert set(made["parameters"]["properties"]) == set(given["parameters"]["properties"]) == {"city"}


REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "OTHER": "error",
    "MALFORMED_FUNCTION_CALL": "MALFORMED_FUNCTION_CALL",
}


@pytest.mark.parametrize("reason", REASONS)
def test_why_a_model_stopped_is_said_in_the_one_vocabulary(reason):
    said = span_of(text("Hi.", reason=reason), asking("gemini-2.5-flash"))
    assert said["gen_ai.response.finish_reasons"] in (REASONS[reason], [REASONS[reason]], (REASONS[reason],))


def test_a_prompt_that_is_blocked_has_a_reason_and_no_answer():
    said = span_of({"promptFeedback": {"blockReason": "SAFETY"}}, asking("gemini-2.5-flash"))
    assert list(said["gen_ai.response.finish_reasons"]) == ["content_filter"]
    assert "gen_ai.output.messages" not in said


def test_the_last_counts_of_a_stream_stand_and_are_not_summed():
    def counted(said, given, thought, reason=None):
        body = text(said, reason=reason)
        body["usageMetadata"] = {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 60,
            "toolUsePromptTokenCount": 11,
            "candidatesTokenCount": given,
            "thoughtsTokenCount": thought,
        }
        return body

    pieces = [counted("a", 1, 5), counted("b", 2, 5), counted("c", 3, 7, "STOP")]
    said = span_of(
        stream(*pieces), lambda client: client.models.generate_content_stream(model="gemini-2.5-flash", contents="Hi")
    )
    assert said["gen_ai.usage.input_tokens"] == 111
    assert said["gen_ai.usage.output_tokens"] == 10
    assert said["gen_ai.usage.reasoning.output_tokens"] == 7
    assert said["gen_ai.usage.cache_read.input_tokens"] == 60
    assert said["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "abc"}]


def test_two_candidates_are_two_choices_in_their_order():
    pieces = [
        {"candidates": [{"index": 1, "content": {"parts": [{"text": "B"}]}}]},
        {"candidates": [{"index": 0, "content": {"parts": [{"text": "A"}]}, "finishReason": "STOP"}]},
        {"candidates": [{"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS"}]},
    ]
    said = span_of(
        stream(*pieces), lambda client: client.models.generate_content_stream(model="gemini-2.5-flash", contents="Hi")
    )
    assert [message["parts"][0]["content"] for message in said["gen_ai.output.messages"]] == ["A", "Bb"]
    assert list(said["gen_ai.response.finish_reasons"]) == ["stop", "length"]


def test_vertex_ai_embeds_by_prediction_and_counts_there():
    vector = {"embeddings": {"values": [0.1, 0.2, 0.3], "statistics": {"token_count": 4, "truncated": False}}}
    said = span_of(
        {"predictions": [vector]},
        lambda client: client.models.embed_content(model="text-embedding-005", contents="Hi"),
        vertex=True,
    )
    assert said["gen_ai.operation.name"] == "embeddings"
    assert said["gen_ai.embeddings.dimension.count"] == 3
    assert said["gen_ai.usage.input_tokens"] == 4


def test_pictures_are_in_the_answer():
    said = span_of(
        {"predictions": [PIXEL, PIXEL]},
        lambda client: client.models.generate_images(
            model="imagen-4.0-generate-001", prompt="A cat", config={"number_of_images": 2}
        ),
        vertex=True,
    )
    assert said["gen_ai.output.type"] == "image"
    assert said["gen_ai.request.choice.count"] == 2
    assert said["gen_ai.input.messages"][0]["parts"] == [{"type": "text", "content": "A cat"}]
    assert [part["type"] for message in said["gen_ai.output.messages"] for part in message["parts"]] == ["uri", "uri"]


def test_a_video_is_known_by_its_operation():
    said = span_of(
        {"name": "models/veo/operations/o1"},
        lambda client: client.models.generate_videos(model="veo-3.0-generate-001", prompt="A cat"),
        vertex=True,
    )
    assert said["gen_ai.output.type"] == "video"
    assert said["gen_ai.response.id"] == "models/veo/operations/o1"


def test_tokens_are_counted_without_being_used():
    said = span_of(
        {"totalTokens": 31}, lambda client: client.models.count_tokens(model="gemini-2.5-flash", contents="Hi")
    )
    assert said["llmtrace.count.input_tokens"] == 31
    assert "gen_ai.usage.input_tokens" not in said


def test_a_batch_says_how_far_it_is():
    body = {"name": "batches/b1", "metadata": {"state": "BATCH_STATE_RUNNING", "batchStats": {"requestCount": "12"}}}
    said = span_of(body, lambda client: client.batches.get(name="batches/b1"))
    assert said["gen_ai.response.status"] == "BATCH_STATE_RUNNING"
    assert said["llmtrace.count.requests"] == 12


def test_a_call_that_is_retried_is_one_span():
    overloaded = Answer(503, JSON, b'{"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}')
    client = connect(
        network(overloaded, whole(text("Hi."))),
        retry_options=types.HttpRetryOptions(attempts=2, initial_delay=0.001, max_delay=0.001, jitter=0.0),
    )
    with capture() as captured:
        asking("gemini-2.5-flash")(client)
        said = decoded(captured.one())
    assert said["llmtrace.attempts"] == 2
    assert "error.type" not in said


def test_what_never_got_to_a_server_is_a_failed_call():
    def refused(module, request):
        return module.ConnectError("nobody there", request=request)

    said = span_of_failing(Answer(refused=refused))
    assert said["error.type"].endswith("ConnectError")
    assert said["gen_ai.input.messages"][0]["parts"] == [{"type": "text", "content": "Hi"}]


def span_of_failing(answer):
    client = connect(network(answer), retry_options=ONCE)
    with capture() as captured:
        with pytest.raises(http().ConnectError):
            asking("gemini-2.5-flash")(client)
        return decoded(captured.one())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b'[{"error": {"code": 400}}]'])
def test_an_error_without_a_document_is_known_by_its_status(body):
    said = span_of(Answer(400, JSON, body), asking("gemini-2.5-flash"))
    assert said["error.type"] == "400"


INTERACTION = {
    "id": "i2",
    "status": "requires_action",
    "model": "gemini-3",
    "steps": [
        {"type": "user_input", "content": [{"type": "text", "text": "Hi"}]},
        {"type": "thought", "summary": [{"type": "text", "text": "Hm."}], "signature": "c2ln"},
        {"type": "google_search_call", "id": "s1", "arguments": {"queries": ["sky"]}},
        {"type": "google_search_result", "call_id": "s1", "result": [{"url": "https://a.example"}]},
        {"type": "model_output", "content": [{"type": "text", "text": "Wait."}]},
        {"type": "function_call", "id": "f1", "name": "weather", "arguments": {"city": "Rome"}},
    ],
    "usage": {
        "total_input_tokens": 10,
        "total_tool_use_tokens": 4,
        "total_cached_tokens": 3,
        "total_output_tokens": 5,
        "total_thought_tokens": 2,
    },
}


def test_an_interaction_goes_on_from_another_and_its_steps_are_parts():
    asked = [
        {"type": "function_result", "call_id": "f0", "name": "clock", "result": {"time": "noon"}},
        {"type": "user_input", "content": [{"type": "text", "text": "And the weather?"}]},
    ]
    said = span_of(
        INTERACTION,
        lambda client: client.interactions.create(
            model="gemini-3",
            input=asked,
            previous_interaction_id="i1",
            system_instruction="Be brief.",
            generation_config={"temperature": 0.5, "max_output_tokens": 9},
            tools=[
                {"type": "function", "name": "weather", "parameters": {"type": "object"}},
                {"type": "google_search"},
            ],
        ),
    )
    assert said["gen_ai.request.previous_response.id"] == "i1"
    assert said["gen_ai.request.temperature"] == 0.5
    assert [message["role"] for message in said["gen_ai.input.messages"]] == ["tool", "user"]
    assert [tool["type"] for tool in said["gen_ai.tool.definitions"]] == ["function", "google_search"]
    (message,) = said["gen_ai.output.messages"]
    assert [part["type"] for part in message["parts"]] == [
        "reasoning",
        "server_tool_call",
        "server_tool_call_response",
        "text",
        "tool_call",
    ]
    assert list(said["gen_ai.response.finish_reasons"]) == ["tool_calls"]
    assert said["gen_ai.usage.input_tokens"] == 14
    assert said["gen_ai.usage.output_tokens"] == 7
    assert said["gen_ai.usage.cache_read.input_tokens"] == 3


def test_arguments_that_come_in_pieces_are_joined():
    events = [
        {"event_type": "step.start", "index": 0, "step": {"type": "function_call", "id": "f1", "name": "weather"}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "arguments_delta", "arguments": '{"city": "Ro'}},
        {"event_type": "step.delta", "index": 0, "delta": {"type": "arguments_delta", "arguments": 'me"}'}},
        {"event_type": "interaction.completed", "interaction": {"id": "i1", "status": "requires_action"}},
    ]
    body = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    answer = Answer(200, {"content-type": "text/event-stream"}, body)

    def send(client):
        return iter(list(client.interactions.create(model="gemini-3", input="Hi", stream=True)))

    said = span_of(answer, send)
    (part,) = said["gen_ai.output.messages"][0]["parts"]
    assert part == {"type": "tool_call", "id": "f1", "name": "weather", "arguments": {"city": "Rome"}}


def test_an_agent_is_the_target_of_its_interaction():
    if not hasattr(genai, "_gaos"):
        pytest.importorskip(
            "google.genai._gaos", reason="not applicable: the older second client sends no agent's name"
        )
    body = {"id": "i3", "status": "completed", "agent": "deep-research", "steps": []}
    client = connect(network(whole(body)))
    with capture() as captured:
        client.interactions.create(agent="deep-research", input="Hi", background=True)
        span = captured.one()
    assert span.name == "invoke_agent deep-research"
    assert span.attributes["gen_ai.agent.name"] == "deep-research"
    assert "gen_ai.request.model" not in span.attributes
