"""Whatever Google's client or a server sends: a well-typed record comes of it, and nothing is raised."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.facts.records import Embedding, Inference
from llmtrace.integrations import google_genai as google
from llmtrace.integrations import google_genai_interactions as interactions
from llmtrace.integrations.google_genai_nextgen import ROUTES
from llmtrace.testing.captured import capture
from tests.integrations.conformance.network import Answer
from tests.integrations.google_genai.answers import network
from tests.integrations.google_genai.clients import connect, quiet
from tests.integrations.openai.test_hostile import well_typed

pytestmark = quiet
KEYS = """candidates content parts text thought functionCall functionResponse name args id response inlineData fileData
mimeType data fileUri executableCode codeExecutionResult toolCall toolResponse toolType role index finishReason error
promptFeedback blockReason usageMetadata promptTokenCount candidatesTokenCount thoughtsTokenCount modality tokenCount
toolUsePromptTokenCount promptTokensDetails candidatesTokensDetails serviceTier modelVersion responseId contents tools
functionDeclarations parameters generationConfig thinkingConfig thinkingLevel responseModalities groundingMetadata
webSearchQueries groundingChunks requests instances embeddings embedding values statistics token_count predictions
prompt image bytesBase64Encoded metadata state batchStats requestCount systemInstruction stopSequences topK seed
steps outputs type summary arguments call_id result delta step event_type interaction status usage total_input_tokens
total_thought_tokens grounding_tool_count count input_tokens_by_modality tokens errors code message input model agent
questions answers prompt_feedback block_reason uri mime_type response_format generation_config"""
WORDS = """STOP MAX_TOKENS SAFETY TEXT IMAGE model user function tool text image thought function_call function_result
google_search_call google_search_result user_input model_output step.start step.delta step.stop interaction.completed
interaction.created arguments_delta thought_summary error completed failed incomplete requires_action json_schema 12"""

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(WORDS.split())
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6),
    max_leaves=30,
)
objects = st.dictionaries(st.sampled_from(KEYS.split()), anything, max_size=8)
OPERATIONS = [*google.ACTIONS.values(), *google.RESOURCES.values(), *ROUTES.values(), interactions.AGENT]
operations = st.sampled_from(list({id(operation.read): operation for operation in OPERATIONS}.values()))
several = settings(max_examples=60, deadline=None)


def read(operation, request, received, chunks=()):
    start = Start(operation, "gcp.gemini", wire=True)
    record = operation.read(Evidence(start, request, received, list(chunks)))
    assert record.operation == operation.name
    assert well_typed(record)
    return record


@given(operation=operations, request=objects, body=objects, status=st.sampled_from([200, 200, 404, 500]))
@several
def test_any_json_gives_a_well_typed_record(operation, request, body, status):
    received = Received(status, "application/json", body=json.dumps(body))
    read(operation, request, received)
    read(operation, json.dumps(request).encode(), received)
    read(operation, request, None)


@given(operation=operations, events=st.lists(objects, max_size=6), cut=st.integers(0, 400))
@several
def test_any_events_cut_anywhere_give_a_well_typed_record(operation, events, cut):
    body = b"".join(b"data: %b\r\n\r\n" % json.dumps(event).encode() for event in events)
    record = read(operation, {}, Received(200, "text/event-stream"), [body[:cut], body[cut:]])
    assert record == read(operation, {}, Received(200, "text/event-stream"), [body])


@given(
    operation=operations, body=st.binary(max_size=200), kind=st.sampled_from(["application/json", "text/event-stream"])
)
@several
def test_any_bytes_give_a_well_typed_record(operation, body, kind):
    read(operation, body, Received(200, kind, body=body))
    read(operation, None, Received(None, kind), [body])


@given(events=st.lists(objects, max_size=4))
@several
def test_no_count_is_negative(events):
    body = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    for operation in {google.GENERATE, interactions.CREATE}:
        record = read(operation, {}, Received(200, "text/event-stream"), [body])
        assert isinstance(record, Inference | Embedding)
        counts = (record.usage.input_tokens, record.usage.output_tokens, record.usage.cache_read)
        assert all(count is None or count >= 0 for count in counts)


@given(url=st.text(max_size=60), method=st.sampled_from(["get", "post", "PATCH"]))
@several
def test_any_url_is_a_request_to_somewhere_or_nowhere(url, method):
    try:
        found = google.aim(method, f"https://h.example/{url}")
    except ValueError:  # no URL at all: nor could the client have sent it there
        return
    assert found.port == 443 or found.host != "h.example"


@pytest.mark.parametrize("body", [b"[[[[" * 100_000, b'{"candidates": ' * 10_000, b"\xff\xfe" * 1000])
def test_a_hostile_body_costs_the_app_what_it_costs_without_us(body):
    def outcome():
        client = connect(network(Answer(200, {"content-type": "application/json"}, body)))
        try:
            return client.models.generate_content(model="gemini-2.5-flash", contents="Hi")
        except Exception as error:  # noqa: BLE001 - whatever the library makes of it
            return type(error)

    without = outcome()
    with capture() as captured:
        assert outcome() == without
        assert captured.one().name == "generate_content gemini-2.5-flash"
