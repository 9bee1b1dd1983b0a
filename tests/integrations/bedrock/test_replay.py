"""Every recorded exchange of Bedrock and its agents through the real clients: each fact is on the call's one span."""

import random

import pytest
from opentelemetry.trace import SpanKind

from llmtrace.testing import ReplayServer
from llmtrace.testing.captured import capture, decoded
from tests.integrations.bedrock import recorded
from tests.integrations.bedrock.clients import connected, read
from tests.integrations.conformance.clients import settled
from tests.integrations.expectations import check_span
from tests.recordings import parametrize

sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


async def seen(exchange, asynchronous):
    """What the app sees of the exchange: all that it is given, and what is raised."""
    notes = []
    service, method, given = recorded.ask(exchange)
    with ReplayServer([exchange], cut=random.Random(exchange.name)) as server:
        async with connected(service, server.url, asynchronous=asynchronous) as client:
            try:
                answer = await settled(getattr(client, method)(**given))
                answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).pop("date", None)
                await read(answer, lambda name, value: notes.append((name, str(value))))
            except Exception as error:  # noqa: BLE001 - whatever the library raises is what is compared
                notes.append((type(error).__name__, str(error)))
    return notes


@sync_and_async
@parametrize(*recorded.MODELS)
async def test_every_fact_of_a_model_s_answer_is_on_the_one_span_and_the_app_sees_the_same(exchange, asynchronous):
    without = await seen(exchange, asynchronous)
    with capture() as captured:
        assert await seen(exchange, asynchronous) == without
        span = captured.one()
    said = decoded(span)
    _, method, given = recorded.ask(exchange)
    assert said["gen_ai.provider.name"] == "aws.bedrock"
    assert said["gen_ai.request.model"] == given["modelId"]
    assert said.get("aws.bedrock.guardrail.id") == guardrail(given)
    assert ("gen_ai.request.stream" in said) == method.endswith("stream")
    check_span(span, exchange)


def guardrail(given):
    return given.get("guardrailIdentifier", given.get("guardrailConfig", {}).get("guardrailIdentifier"))


@sync_and_async
@parametrize(*recorded.OTHERS)
async def test_every_fact_of_another_answer_is_on_the_one_span_and_the_app_sees_the_same(exchange, asynchronous):
    without = await seen(exchange, asynchronous)
    if without[0][0] in ("AttributeError", "ParamValidationError"):
        pytest.skip("not applicable: this version of the library does not know such a request")
    with capture() as captured:
        assert await seen(exchange, asynchronous) == without
        span = captured.one()
    said, expected = decoded(span), exchange.expected
    _, method, given = recorded.ask(exchange)
    assert said["gen_ai.provider.name"] == "aws.bedrock"
    assert span.kind is SpanKind.CLIENT
    assert said.get("gen_ai.conversation.id") == expected["extra"].get("session_id", given.get("sessionId"))
    assert said.get("gen_ai.agent.id") == given.get("agentId")
    assert (
        said.get("gen_ai.data_source.id") == said.get("aws.bedrock.knowledge_base.id") == given.get("knowledgeBaseId")
    )
    assert said.get("aws.bedrock.guardrail.id") == given.get("guardrailIdentifier")
    TOLD[method](said, expected)
    assert "error.type" not in said


def agent_run(said, expected):
    assert said["gen_ai.operation.name"] == "invoke_agent"
    assert said["llmtrace.output"] == expected["output_text"]
    made = expected["extra"].get("trace_model_invocations", [])
    for kind in ("input_tokens", "output_tokens"):
        counts = [each[kind] for each in made]
        assert said.get(f"gen_ai.usage.{kind}") == (sum(counts) if counts else None)
    assert not [name for name in said if "cache" in name]
    assert ("gen_ai.retrieval.documents" in said) == bool(expected["extra"].get("citations"))


def retrieval(said, expected):
    assert said["gen_ai.operation.name"] == "retrieval"
    documents = said["gen_ai.retrieval.documents"]
    assert [document["score"] for document in documents] == expected["extra"]["scores"]
    assert said["llmtrace.document_count"] == expected["extra"]["results"]


def guardrail_applied(said, expected):
    assert said["gen_ai.operation.name"] == "apply_guardrail"
    assert said["gen_ai.response.status"] == expected["extra"]["action"]
    assert said["llmtrace.output"]["outputs"][0]["text"] == expected["output_text"]
    for name, count in expected["extra"]["guardrail_usage"].items():
        assert said[f"llmtrace.count.{name}"] == count


TOLD = {
    "apply_guardrail": guardrail_applied,
    "invoke_agent": agent_run,
    "invoke_inline_agent": agent_run,
    "retrieve": retrieval,
    "retrieve_and_generate": agent_run,
    "retrieve_and_generate_stream": agent_run,
}
