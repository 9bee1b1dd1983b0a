import json
from dataclasses import replace

import pytest

from llmtrace.facts.operation import Operation, Start
from llmtrace.facts.records import (
    AgentRun,
    Cost,
    Course,
    Document,
    Embedding,
    Failure,
    Inference,
    Message,
    ProviderRequest,
    Record,
    Rerank,
    Retrieval,
    Scope,
    Step,
    TextPart,
    ToolCall,
    ToolDefinition,
    Usage,
)
from llmtrace.semconv.attributes import attributes, scope_attributes, span_name, start_attributes

from . import schema

DONE = Course(started=1_000_000_000, ended=3_500_000_000)
FAILED = replace(DONE, outcome="failed", failure=Failure("rate_limit_exceeded", "slow down"))
SERVER = {"server_address": "api.openai.com", "server_port": 443}


def start(operation, target=None, **known):
    return Start(Operation(operation, lambda _: Record(operation=operation)), target=target, **known)


def spoken(role, text):
    return Message(role, [TextPart(text)])


@pytest.mark.parametrize(
    ("operation", "target", "name"),
    [
        ("chat", "gpt-4o", "chat gpt-4o"),
        ("chat", None, "chat"),
        ("fetch_response", None, "fetch_response"),
        ("execute_tool", "weather", "execute_tool weather"),
        ("invoke_workflow", "triage", "invoke_workflow triage"),
        ("step", "split the text", "split the text"),
        ("step", None, "step"),
    ],
)
def test_a_span_is_named_after_operation_and_target_and_a_step_after_itself(operation, target, name):
    assert span_name(start(operation, target)) == name


def test_samplers_see_the_five_facts_of_a_model_call():
    begun = start("chat", "gpt-4o", provider="openai", model="gpt-4o", address="api.openai.com", port=443)
    assert start_attributes(begun, Scope(), "latest") == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "server.address": "api.openai.com",
        "server.port": 443,
    }


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ("execute_tool", "gen_ai.tool.name"),
        ("invoke_agent", "gen_ai.agent.name"),
        ("invoke_workflow", "gen_ai.workflow.name"),
        ("retrieval", "gen_ai.data_source.id"),
    ],
)
def test_samplers_see_what_the_span_is_about(operation, key):
    assert start_attributes(start(operation, "it"), Scope()) == {"gen_ai.operation.name": operation, key: "it"}


def test_the_apps_own_conversation_counts_before_the_clients():
    begun = start("chat", conversation_id="client's")
    assert start_attributes(begun, Scope())["gen_ai.conversation.id"] == "client's"
    assert start_attributes(begun, Scope(conversation_id="app's"))["gen_ai.conversation.id"] == "app's"


def test_a_plain_step_claims_no_operation_of_the_conventions():
    assert start_attributes(start("step", "split"), Scope()) == {"llmtrace.step.name": "split"}
    found = attributes(Step(name="split", input={"text": "a b"}, output=["a", "b"]), DONE, "both")
    assert found == {
        "llmtrace.step.name": "split",
        "llmtrace.input": '{"text":"a b"}',
        "llmtrace.output": ["a", "b"],
    }


def test_a_workflow_is_an_operation_of_the_conventions():
    assert attributes(Step(operation="invoke_workflow", name="triage", output="ok"), DONE, "both") == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "triage",
        "llmtrace.step.name": "triage",
        "llmtrace.output": "ok",
    }


def full_inference():
    return Inference(
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        conversation_id="c-1",
        request_id="req_1",
        complete=True,
        stream=True,
        api_type="chat_completions",
        output_type="json",
        choice_count=2,
        seed=7,
        max_tokens=100,
        temperature=1,
        top_p=0.5,
        top_k=40,
        frequency_penalty=0.0,
        presence_penalty=0.25,
        stop_sequences=["END"],
        reasoning_level="low",
        previous_response_id="resp_0",
        request_service_tier="flex",
        system_instructions=[TextPart("Be brief.")],
        input_messages=[spoken("user", "Is it raining?")],
        tool_definitions=[ToolDefinition("weather", parameters={"type": "object"})],
        response_id="resp_1",
        response_model="gpt-4o-2024-08-06",
        response_service_tier="default",
        system_fingerprint="fp_1",
        finish_reasons=["stop", "length"],
        output_messages=[spoken("assistant", "Yes."), spoken("assistant", "It")],
        usage=Usage(
            input_tokens=300,
            output_tokens=20,
            cache_read=40,
            cache_write=0,
            reasoning=5,
            input_by_modality={"text": 100, "image": 200, "video": 1},
            cache_read_by_modality={"text": 40},
            units={"web_search": 2},
        ),
        cost=Cost(0.5, 0.25, 0.25, source="genai-prices 1"),
        **SERVER,
    )


def test_a_model_call_says_all_it_knows_in_the_conventions_names_and_types():
    found = attributes(full_inference(), replace(DONE, streamed=True, first_chunk=0.25, attempts=3), "latest")
    schema.check(found)
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "server.address": "api.openai.com",
        "server.port": 443,
        "gen_ai.conversation.id": "c-1",
        "llmtrace.response.request_id": "req_1",
        "llmtrace.attempts": 3,
        "gen_ai.output.type": "json",
        "gen_ai.request.stream": True,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.seed": 7,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 1.0,
        "gen_ai.request.top_p": 0.5,
        "gen_ai.request.top_k": 40,
        "gen_ai.request.frequency_penalty": 0.0,
        "gen_ai.request.presence_penalty": 0.25,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.request.previous_response.id": "resp_0",
        "openai.api.type": "chat_completions",
        "openai.request.service_tier": "flex",
        "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "fp_1",
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.finish_reasons": ["stop", "length"],
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.system_instructions": '[{"type":"text","content":"Be brief."}]',
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Is it raining?"}]}]',
        "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"Yes."}]},'
        '{"role":"assistant","parts":[{"type":"text","content":"It"}]}]',
        "gen_ai.tool.definitions": '[{"type":"function","name":"weather","parameters":{"type":"object"}}]',
        "gen_ai.usage.input_tokens": 300,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.usage.text.input_tokens": 100,
        "gen_ai.usage.image.input_tokens": 200,
        "gen_ai.usage.text.cache_read.input_tokens": 40,
        "llmtrace.usage.units.web_search": 2,
        "llmtrace.cost.total": 0.5,
        "llmtrace.cost.input": 0.25,
        "llmtrace.cost.output": 0.25,
        "llmtrace.cost.currency": "USD",
        "llmtrace.cost.source": "genai-prices 1",
    }
    assert type(found["gen_ai.request.temperature"]) is float
    assert type(found["gen_ai.request.top_k"]) is int


def test_what_a_provider_did_not_send_is_absent_and_a_total_of_zero_is_not():
    found = attributes(Inference(operation="chat", usage=Usage(input_tokens=0, cache_read=0)), DONE, "both")
    assert found == {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 0}


@pytest.mark.parametrize("provider", ["groq", "anthropic", "aws.bedrock", None])
def test_another_providers_span_carries_no_openai_attribute(provider):
    found = attributes(replace(full_inference(), provider=provider), DONE, "both")
    assert not [key for key in found if key.startswith("openai.")]
    assert found["llmtrace.response.service_tier"] == "default"
    assert found["llmtrace.response.system_fingerprint"] == "fp_1"


def test_a_tier_left_to_the_provider_is_not_worth_saying():
    assert "openai.request.service_tier" not in attributes(
        Inference(operation="chat", provider="openai", request_service_tier="auto"), DONE, "both"
    )


@pytest.mark.parametrize(
    ("course", "choices", "reasons", "expected"),
    [
        (DONE, None, [], None),
        (DONE, 2, ["stop"], ["stop"]),
        (FAILED, None, [], ["error"]),
        (FAILED, 3, ["stop"], ["stop", "error", "error"]),
        (replace(DONE, outcome="cancelled"), None, [], ["error"]),
        (replace(DONE, outcome="abandoned"), 2, ["stop", ""], ["stop", "error"]),
        (FAILED, 1_000_000, [], ["error"] * 128),
    ],
)
def test_a_choice_that_owed_a_finish_reason_says_error(course, choices, reasons, expected):
    record = Inference(operation="chat", choice_count=choices, finish_reasons=reasons)
    assert attributes(record, course, "both").get("gen_ai.response.finish_reasons") == expected


def test_a_stream_that_broke_off_says_so():
    found = attributes(Inference(operation="chat", stream=True, complete=False), DONE, "both")
    assert found["llmtrace.stream.complete"] is False
    assert found["gen_ai.response.finish_reasons"] == ["error"]


def test_a_failure_has_its_type_and_a_cancelled_call_has_an_outcome():
    assert attributes(Record(operation="chat"), FAILED, "both")["error.type"] == "rate_limit_exceeded"
    assert "llmtrace.outcome" not in attributes(Record(operation="chat"), FAILED, "both")
    found = attributes(Record(operation="chat"), replace(DONE, outcome="cancelled"), "both")
    assert found == {"gen_ai.operation.name": "chat", "llmtrace.outcome": "cancelled"}


def test_a_fetched_answer_carries_neither_what_was_sent_nor_what_was_used():
    found = attributes(replace(full_inference(), operation="fetch_response"), DONE, "both")
    assert not [key for key in found if "usage" in key or "cost" in key or key == "gen_ai.input.messages"]
    assert "gen_ai.output.messages" in found


def test_a_number_of_the_wrong_kind_is_no_number():
    record = Inference(operation="chat", temperature="hot", top_k=1.5, max_tokens=float("nan"), seed=True)  # type: ignore[arg-type]
    assert attributes(record, DONE, "both") == {"gen_ai.operation.name": "chat"}
    assert attributes(Inference(operation="chat", top_p=float("inf"), seed=1 << 63), DONE, "both") == {
        "gen_ai.operation.name": "chat"
    }


def test_both_names_of_what_was_renamed_stand_by_default_with_the_values_of_their_time():
    record = Inference(operation="chat", provider="azure.ai.openai", usage=Usage(cache_write=9))
    new = {"gen_ai.provider.name": "azure.ai.openai", "gen_ai.usage.cache_write.input_tokens": 9}
    old = {"gen_ai.system": "az.ai.openai", "gen_ai.usage.cache_creation.input_tokens": 9}
    rest = {"gen_ai.operation.name": "chat"}
    assert attributes(record, DONE, "both") == new | old | rest
    assert attributes(record, DONE, "latest") == new | rest
    assert attributes(record, DONE, "legacy") == old | rest


def test_the_start_speaks_the_same_names_as_the_end():
    begun = start("chat", provider="x_ai")
    assert start_attributes(begun, Scope(), "legacy") == {"gen_ai.operation.name": "chat", "gen_ai.system": "xai"}
    assert set(start_attributes(begun, Scope())) == {"gen_ai.operation.name", "gen_ai.system", "gen_ai.provider.name"}


def test_an_embedding_a_rerank_and_a_provider_request_say_what_they_did():
    embedding = Embedding(
        provider="openai",
        request_model="e",
        response_model="e-1",
        encoding_formats=["float"],
        dimension_count=3,
        vector_count=2,
        input_texts=["a", "b"],
        usage=Usage(input_tokens=4),
    )
    assert attributes(embedding, DONE, "latest") == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "e",
        "gen_ai.response.model": "e-1",
        "gen_ai.request.encoding_formats": ["float"],
        "gen_ai.embeddings.dimension.count": 3,
        "llmtrace.vector_count": 2,
        "llmtrace.input": ["a", "b"],
        "gen_ai.usage.input_tokens": 4,
    }
    rerank = Rerank(query="q", top_k=2, document_count=9, documents=[Document(id="d", score=0.5)])
    assert attributes(rerank, DONE, "latest") == {
        "gen_ai.operation.name": "rerank",
        "gen_ai.retrieval.query.text": "q",
        "gen_ai.retrieval.top_k": 2,
        "llmtrace.document_count": 9,
        "gen_ai.retrieval.documents": '[{"id":"d","score":0.5}]',
    }
    request = ProviderRequest(
        operation="count_tokens", response_status="completed", counts={"input_tokens": 12}, output={"flagged": False}
    )
    assert attributes(request, DONE, "latest") == {
        "gen_ai.operation.name": "count_tokens",
        "gen_ai.response.status": "completed",
        "llmtrace.count.input_tokens": 12,
        "llmtrace.output": '{"flagged":false}',
    }


def test_a_retrieval_a_tool_and_an_agent_say_what_they_did():
    retrieval = Retrieval(
        name="search",
        data_source_id="vs_1",
        query={"text": "rain"},
        top_k=3,
        documents=[Document("d7", 0.81, "It rains.", {"page": 2}), Document("d2", float("nan"))],
        document_count=2,
    )
    found = attributes(retrieval, DONE, "latest")
    schema.check(found)
    assert json.loads(found.pop("gen_ai.retrieval.documents")) == [
        {"id": "d7", "score": 0.81, "content": "It rains.", "metadata": {"page": 2}},
        {"id": "d2"},
    ]
    assert found == {
        "gen_ai.operation.name": "retrieval",
        "llmtrace.step.name": "search",
        "gen_ai.data_source.id": "vs_1",
        "gen_ai.retrieval.query.text": '{"text":"rain"}',
        "gen_ai.retrieval.top_k": 3,
        "llmtrace.document_count": 2,
    }
    tool = ToolCall(name="weather", call_id="call_1", description="Tells", arguments={"city": "Oslo"}, result="rain")
    assert attributes(tool, DONE, "latest") == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "weather",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.description": "Tells",
        "gen_ai.tool.call.arguments": '{"city":"Oslo"}',
        "gen_ai.tool.call.result": '{"result":"rain"}',
    }
    assert "gen_ai.tool.call.result" not in attributes(tool, FAILED, "latest")
    assert attributes(AgentRun(name="triage", input="hi", output={"a": 1}), DONE, "latest") == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "triage",
        "llmtrace.input": "hi",
        "llmtrace.output": '{"a":1}',
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        ("plain", {"arguments": "plain"}),
        ("[1]", {"arguments": "[1]"}),
        ([1, 2], {"arguments": [1, 2]}),
        (0, {"arguments": 0}),
    ],
)
def test_tool_arguments_are_always_an_object(value, expected):
    found = attributes(ToolCall(name="t", arguments=value), DONE, "both")
    assert json.loads(found["gen_ai.tool.call.arguments"]) == expected


def test_what_the_app_said_is_stamped_with_its_own_types():
    scope = Scope(
        conversation_id="c",
        user_id="u",
        tags=("a", "b"),
        path=("rag", "answer"),
        index=1,
        metadata={
            "tenant": "acme",
            "try": 2,
            "share": 0.5,
            "beta": True,
            "ids": [1, 2],
            "deep": {"a": [1]},
            "none": None,
        },
    )
    assert scope_attributes(scope) == {
        "gen_ai.conversation.id": "c",
        "user.id": "u",
        "llmtrace.tags": ["a", "b"],
        "llmtrace.step.path": "rag/answer",
        "llmtrace.step.index": 1,
        "llmtrace.metadata.tenant": "acme",
        "llmtrace.metadata.try": 2,
        "llmtrace.metadata.share": 0.5,
        "llmtrace.metadata.beta": True,
        "llmtrace.metadata.ids": [1, 2],
        "llmtrace.metadata.deep": '{"a":[1]}',
    }


class Opaque:
    def __str__(self):
        return "opaque"


class Endless(dict):
    """A mapping that holds itself."""

    def __init__(self):
        super().__init__()
        self["again"] = self


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Opaque(), "opaque"),
        (float("nan"), "nan"),
        (1 << 64, "18446744073709551616"),
        (b"\xff", "_w=="),
        ([1, "a"], '[1,"a"]'),
        ([True, 2], "[true,2]"),
        (Endless(), '{"again":"…"}'),
        ("\ud800x", "\ufffdx"),
        ({1: 2}, '{"1":2}'),
        (("a",), ["a"]),
    ],
)
def test_metadata_that_no_attribute_can_hold_becomes_text(value, expected):
    assert scope_attributes(Scope(metadata={"it": value})) == {"llmtrace.metadata.it": expected}


def test_metadata_without_end_does_not_push_facts_off_the_span():
    found = scope_attributes(Scope(metadata={f"k{n}": n for n in range(200)}))
    assert len(found) == 33
    assert json.loads(found["llmtrace.metadata"]) == {f"k{n}": n for n in range(32, 200)}


def test_an_empty_scope_says_nothing():
    assert scope_attributes(Scope()) == {}
