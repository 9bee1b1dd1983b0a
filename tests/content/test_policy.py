import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.content.fields import strip, texts
from llmtrace.content.limits import size
from llmtrace.content.policy import Policy
from llmtrace.content.redaction import Redactor
from llmtrace.facts.records import (
    BlobPart,
    Document,
    Embedding,
    Failure,
    Inference,
    Message,
    Retrieval,
    Scope,
    Step,
    TextPart,
    ToolCall,
    ToolCallPart,
    ToolDefinition,
    ToolResponsePart,
    Usage,
)
from tests.content.planting import RECORDS, Planter, strings
from tests.content.secrets_made import FILLING, KEYS, PASSWORD

FACTS = {
    *("operation", "provider", "request_model", "server_address", "conversation_id", "request_id", "api_type"),
    *("output_type", "stop_sequences", "reasoning_level", "previous_response_id", "stream_cursor", "response_id"),
    *("request_service_tier", "response_model", "response_status", "response_service_tier", "system_fingerprint"),
    *("finish_reasons", "encoding_formats", "data_source_id", "name", "type", "call_id", "agent_name"),
    *("Failure.type", "ToolDefinition.name", "ToolDefinition.type", "Document.id"),
    *("Usage.source", "Cost.currency", "Cost.source", "Prompt.name", "Prompt.version", "Prompt.template_hash"),
    *("metadata", "outcome", "kind", "label", "distance", "guardrail_id", "AgentRun.id", "AgentRun.version"),
    *("McpRequest.method", "McpRequest.id", "McpRequest.tool_name", "McpRequest.prompt_name", "McpRequest.status"),
    *("McpRequest.session_id", "McpRequest.version", "McpRequest.transport", "McpRequest.client_address"),
    "McpRequest.resource_uri",
    *("Store.system", "Store.operation", "Store.collection", "Store.namespace", "Store.status"),
}
"""The fields that stay when content is not captured; a field of a record inside another is named with its class."""

OURS = {"Usage.source", "Cost.currency", "Cost.source"}
"""Facts that llmtrace itself writes: no secret gets there."""


def facts(kind, planter):
    """The planted fields of a record of this kind that are facts."""
    own = f"{kind.__name__}."
    return {place for place in planter.planted.values() if place in FACTS or place.removeprefix(own) in FACTS}


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize(("everywhere", "here"), [("none", None), ("none", "full"), ("full", "none"), ("none", "none")])
def test_without_capture_no_text_is_left_but_facts(kind, everywhere, here):
    planter = Planter()
    record, failure = planter.record(kind), planter.record(Failure)
    Policy(capture=everywhere).apply(record, failure, here)
    assert planter.found_in(record, failure) == facts(kind, planter)


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("here", [None, "full"])
def test_with_capture_all_text_stays_but_inline_bytes(kind, here):
    planter = Planter()
    record, failure = planter.record(kind), planter.record(Failure)
    Policy().apply(record, failure, here)
    assert planter.found_in(record, failure) == set(planter.planted.values()) - {"BlobPart.content"}


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("capture", ["full", "none"])
@pytest.mark.parametrize("secret", ["key", "pair"])
def test_no_secret_is_left_in_any_field(kind, capture, secret):
    forms = {"key": "use sk" + "-proj-{:04}" + FILLING, "pair": "password={:04}-" + PASSWORD}
    planter = Planter(forms[secret].format)
    record, failure = planter.record(kind), planter.record(Failure)
    Policy(capture=capture).apply(record, failure, None)
    assert planter.found_in(record, failure) <= OURS
    left = [text for text in strings([record, failure]) if FILLING in text or PASSWORD in text]
    assert len(left) == sum(place in OURS for place in planter.planted.values())


def test_secrets_are_found_wherever_they_hide():
    key, named = KEYS["openai"], {"Authorization": f"Bearer {PASSWORD}", "cookie": {"session": PASSWORD}, "n": 1}
    record = Inference(
        operation="chat",
        system_instructions=[TextPart(f"Use {key}.")],
        input_messages=[
            Message("user", [TextPart(f"export OPENAI_API_KEY={PASSWORD}")]),
            Message(
                "assistant", [ToolCallPart("fetch", arguments={"headers": named, "url": f"https://a:{PASSWORD}@b/"})]
            ),
            Message("tool", [ToolResponsePart([{"api_key": PASSWORD}, {"token": [PASSWORD]}, {key: "as a key"}])]),
            Message("tool", [ToolResponsePart(f'{{"password": "{PASSWORD}"}}')]),
        ],
        tool_definitions=[ToolDefinition("mcp", "mcp", f"uses {key}", {"authorization": PASSWORD, "headers": named})],
        output_messages=[Message("assistant", [TextPart(f"Your password: {PASSWORD}")], name=f"me {key}")],
        stop_sequences=[key],
    )
    failure = Failure("401", f"Incorrect API key provided: {key}")
    Policy().apply(record, failure)
    assert not [text for text in strings([record, failure]) if PASSWORD in text or key in text]
    assert record.input_messages[1].parts[0].arguments["headers"]["n"] == 1


def test_a_tools_schema_may_have_a_parameter_named_password():
    schema = {"type": "object", "properties": {"password": {"type": "string"}}, "required": ["password"]}
    record = Inference(operation="chat", tool_definitions=[ToolDefinition("login", parameters=copy.deepcopy(schema))])
    Policy().apply(record)
    assert record.tool_definitions[0].parameters == schema


def test_what_the_app_said_of_a_block_stays_but_for_its_secrets():
    planter = Planter()
    scope = planter.record(Scope)
    assert Policy(capture="none").scope(scope) == scope
    told = Scope(
        KEYS["aws"], KEYS["github"], {"api_key": PASSWORD, "a": [f"x {KEYS['google']}"]}, (KEYS["slack"],), None
    )
    assert Policy().scope(told) == Scope(
        "[redacted:api-key]",
        "[redacted:api-key]",
        {"api_key": "[redacted:secret]", "a": ["x [redacted:api-key]"]},
        ("[redacted:api-key]",),
    )


@pytest.mark.parametrize("kind", RECORDS)
def test_a_redactor_that_fails_takes_the_content_with_it_and_leaves_the_facts(kind):
    planter = Planter()
    record, failure = planter.record(kind), planter.record(Failure)
    spared = iter([1])

    def fails(text):
        next(spared, None) is None and broken()
        return text

    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Policy(redactor=Redactor(fails)).apply(record, failure, None)
    assert planter.found_in(record, failure) == facts(kind, planter)


def test_the_apps_redactor_sees_content_and_what_the_app_said_but_no_facts():
    seen = []
    policy = Policy(redactor=Redactor(lambda text: seen.append(text) or text))
    policy.apply(Inference(operation="chat", request_model="m", input_messages=[Message("user", [TextPart("hello")])]))
    policy.scope(Scope(user_id="ada"))
    assert seen == ["hello", "ada"]


def test_bytes_leave_the_record_for_the_sink():
    taken = []
    policy = Policy(sink=lambda digest, data, mime: taken.append((data, mime)))
    record = Inference(
        operation="chat",
        system_instructions=[BlobPart("document", "YWJj", "application/pdf")],
        input_messages=[
            Message("user", [TextPart("look:"), BlobPart("image", "ZGVm", "image/png")]),
            Message("tool", [ToolResponsePart([{"image_url": {"url": "data:image/gif;base64,Z2hp"}}])]),
        ],
    )
    policy.apply(record)
    assert taken == [(b"abc", "application/pdf"), (b"def", "image/png"), (b"ghi", "image/gif")]
    image = record.input_messages[0].parts[1]
    assert (image.modality, image.mime_type) == ("image", "image/png")
    assert re.fullmatch(r"llmtrace-blob:sha256:[0-9a-f]{64}\?bytes=3&type=image/png", image.uri)
    assert record.input_messages[1].parts[0].response[0]["image_url"]["url"].startswith("llmtrace-blob:")


def test_without_capture_no_bytes_go_to_the_sink():
    taken = []
    policy = Policy(capture="none", sink=lambda *given: taken.append(given))
    policy.apply(Inference(operation="chat", input_messages=[Message("user", [BlobPart("image", "ZGVm")])]))
    assert taken == []


TEXT = st.text().map(lambda text: text * 50)
KEYS_OF_APPS = st.text(max_size=2) | st.sampled_from(["pwd", "token"])
JSON = st.recursive(
    st.none() | st.integers() | st.just(float("nan")) | st.builds(object) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS_OF_APPS, inner),
)


@given(JSON, st.lists(TEXT), st.integers(100, 3000), st.integers(0, 6000))
def test_the_limits_hold(value, inputs, one, whole):
    for record in (Step(name="s", input=value, output=inputs), Embedding(input_texts=list(inputs))):
        Policy(max_value_bytes=one, max_span_bytes=whole).apply(record)
        held = [size(place.text) for place in texts(record)]
        assert max(held, default=0) <= one
        assert sum(held) <= whole


@given(JSON, st.lists(TEXT))
def test_applying_the_policy_again_changes_nothing(value, inputs):
    policy = Policy(max_value_bytes=200)
    record = Step(name="s", input=value, output=inputs)
    policy.apply(record)
    again = copy.deepcopy(record)
    policy.apply(again)
    assert again == record


def test_a_value_that_the_app_still_holds_is_not_changed():
    mine = {"password": "x", "list": ["data:;base64,YWJj", "y" * 5000]}
    before = copy.deepcopy(mine)
    Policy(max_value_bytes=100).apply(ToolCall(name="t", arguments=mine, result=[mine]))
    assert mine == before


def test_what_was_not_rendered_yet_is_rendered_here():
    class Secretive:
        def __repr__(self):
            raise AssertionError

    record = Step(name="s", input={"it": Secretive(), "pair": (1, 2)})
    Policy().apply(record)
    assert record.input == {"it": f"<{__name__}.{Secretive.__qualname__}>", "pair": [1, 2]}


@given(st.text(alphabet=st.characters(categories=["Cs", "Ll"]), min_size=1))
def test_every_text_can_be_encoded_afterwards(text):
    record = Retrieval(query=text, documents=[Document(id=text, text=text, metadata={text: text})])
    Policy().apply(record)
    for held in strings(record):
        held.encode()


def test_usage_and_numbers_pass_untouched():
    record = Inference(operation="chat", usage=Usage(input_tokens=5, units={"web_search": 1}), temperature=0.5, seed=1)
    before = copy.deepcopy(record)
    Policy(capture="none").apply(record)
    assert record == before


def test_stripping_empties_a_field_to_its_own_kind_of_nothing():
    record = Retrieval(query="q", documents=[Document(id="1", score=0.5, text="t", metadata={"a": 1})])
    strip(record)
    assert record == Retrieval(documents=[Document(id="1", score=0.5)])
