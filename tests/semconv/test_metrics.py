from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from llmtrace.facts.records import (
    AgentRun,
    Cost,
    Course,
    Embedding,
    Failure,
    Inference,
    ProviderRequest,
    Retrieval,
    Step,
    ToolCall,
    Usage,
)
from llmtrace.semconv.metrics import Metrics

from .strategies import any_course, any_record

DONE = Course(started=1_000_000_000, ended=3_500_000_000)
FAILED = replace(DONE, outcome="failed", failure=Failure("overloaded_error", "busy"))
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-1",
    "server.address": "api.openai.com",
    "server.port": 443,
}
CALL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
AGENT_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6)
WORKFLOW_SECONDS = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


def inference(**known):
    return Inference(
        operation="chat",
        provider="openai",
        request_model="gpt-4o",
        response_model="gpt-4o-1",
        server_address="api.openai.com",
        server_port=443,
        **known,
    )


def recorded(record, course=DONE, names="both"):
    """What one call records: name → (labels, value) of its points; a histogram's is count, sum and buckets."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    Metrics(provider.get_meter("test"), names).record(record, course)
    data = reader.get_metrics_data()
    metrics = [] if data is None else data.resource_metrics[0].scope_metrics[0].metrics
    provider.shutdown()
    return {
        metric.name: [(dict(point.attributes), value(point)) for point in metric.data.data_points] for metric in metrics
    }


def value(point):
    return (point.count, point.sum, point.explicit_bounds) if hasattr(point, "explicit_bounds") else point.value


def test_a_plain_call_records_its_duration_and_its_tokens():
    found = recorded(inference(usage=Usage(input_tokens=10, output_tokens=0)))
    assert found == {
        "gen_ai.client.inference.duration": [(CALL, (1, 2.5, CALL_SECONDS))],
        "gen_ai.client.inference.operation.input_tokens": [(CALL, (1, 10, TOKENS))],
        "gen_ai.client.inference.operation.output_tokens": [(CALL, (1, 0, TOKENS))],
        "gen_ai.client.inference.usage.input_tokens": [({**CALL, "gen_ai.token.modality": "unknown"}, 10)],
    }


def test_a_stream_records_its_first_chunk_and_the_gaps_after_it():
    course = replace(DONE, streamed=True, first_chunk=0.25, chunk_gaps=[0.5, 0.125])
    found = recorded(inference(), course)
    assert found["gen_ai.client.inference.time_to_first_chunk"] == [(CALL, (1, 0.25, CALL_SECONDS))]
    assert found["gen_ai.client.inference.time_per_output_chunk"] == [(CALL, (2, 0.625, CALL_SECONDS))]


@pytest.mark.parametrize(
    ("total", "parts", "expected"),
    [
        (300, {"text": 100, "image": 150}, {"text": 100, "image": 150, "unknown": 50}),
        (300, {"text": 300, "audio": 0}, {"text": 300}),
        (300, {"video": 20}, {"unknown": 300}),
        (300, {"text": 301}, {"unknown": 300}),
        (0, {}, {}),
        (None, {}, {}),
    ],
)
def test_the_modalities_of_a_counter_sum_to_the_total(total, parts, expected):
    found = recorded(inference(usage=Usage(input_tokens=total, input_by_modality=parts)))
    points = found.get("gen_ai.client.inference.usage.input_tokens", [])
    assert {labels["gen_ai.token.modality"]: count for labels, count in points} == expected


def test_cached_and_reasoning_tokens_have_counters_of_their_own():
    usage = Usage(100, 50, cache_read=40, cache_write=20, reasoning=30, cache_read_by_modality={"text": 40})
    found = recorded(inference(usage=usage))
    counters = {
        name.removeprefix("gen_ai.client.inference.usage."): [
            (labels["gen_ai.token.modality"], count) for labels, count in points
        ]
        for name, points in found.items()
        if ".usage." in name
    }
    assert counters == {
        "input_tokens": [("unknown", 100)],
        "output_tokens": [("unknown", 50)],
        "cache_read.input_tokens": [("text", 40)],
        "cache_write.input_tokens": [("unknown", 20)],
        "reasoning.output_tokens": [("unknown", 30)],
    }


def test_a_failure_marks_the_duration_and_records_no_tokens_that_were_not_reported():
    found = recorded(inference(), FAILED)
    assert found == {
        "gen_ai.client.inference.duration": [({**CALL, "error.type": "overloaded_error"}, (1, 2.5, CALL_SECONDS))]
    }


def test_an_estimate_is_not_added_up():
    found = recorded(inference(usage=Usage(10, 5, source="estimated")))
    assert set(found) == {"gen_ai.client.inference.duration"}


def test_the_tier_that_served_the_call_is_a_label_and_no_id_is():
    found = recorded(
        inference(response_service_tier="flex", response_id="r", conversation_id="c", system_fingerprint="f")
    )
    assert found["gen_ai.client.inference.duration"][0][0] == {**CALL, "openai.response.service_tier": "flex"}


def test_a_cost_is_counted_in_its_currency():
    found = recorded(inference(cost=Cost(0.25)))
    assert found["llmtrace.cost"] == [({**CALL, "llmtrace.cost.currency": "USD"}, 0.25)]


@pytest.mark.parametrize(
    ("record", "name", "labels", "buckets"),
    [
        (
            Embedding(provider="openai", request_model="e", usage=Usage(input_tokens=3)),
            "gen_ai.client.operation.duration",
            {"gen_ai.operation.name": "embeddings", "gen_ai.provider.name": "openai", "gen_ai.request.model": "e"},
            CALL_SECONDS,
        ),
        (Retrieval(), "gen_ai.client.operation.duration", {"gen_ai.operation.name": "retrieval"}, CALL_SECONDS),
        (
            ProviderRequest(operation="count_tokens", provider="anthropic"),
            "gen_ai.client.operation.duration",
            {"gen_ai.operation.name": "count_tokens", "gen_ai.provider.name": "anthropic"},
            CALL_SECONDS,
        ),
        (
            Inference(operation="fetch_response", usage=Usage(10, 5)),
            "gen_ai.client.operation.duration",
            {"gen_ai.operation.name": "fetch_response"},
            CALL_SECONDS,
        ),
        (
            ToolCall(name="weather", agent_name="triage", call_id="c1"),
            "gen_ai.execute_tool.duration",
            {"gen_ai.tool.name": "weather", "gen_ai.tool.type": "function", "gen_ai.agent.name": "triage"},
            CALL_SECONDS,
        ),
        (AgentRun(name="triage"), "gen_ai.invoke_agent.duration", {"gen_ai.agent.name": "triage"}, AGENT_SECONDS),
        (
            AgentRun(name="triage", provider="aws.bedrock"),
            "gen_ai.client.operation.duration",
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "aws.bedrock"},
            CALL_SECONDS,
        ),
        (
            Step(operation="invoke_workflow", name="rag"),
            "gen_ai.invoke_workflow.duration",
            {"gen_ai.workflow.name": "rag"},
            WORKFLOW_SECONDS,
        ),
    ],
)
def test_each_other_kind_of_call_records_its_duration_alone(record, name, labels, buckets):
    assert recorded(record) == {name: [(labels, (1, 2.5, buckets))]}


def test_a_plain_step_has_no_metrics():
    assert recorded(Step(name="split")) == {}


def test_older_dashboards_get_the_older_names_and_only_those():
    course = replace(DONE, first_chunk=0.25, chunk_gaps=[0.5])
    found = recorded(inference(usage=Usage(10, 5, cache_read=4)), course, "legacy")
    labels = {**CALL, "gen_ai.system": "openai"}
    del labels["gen_ai.provider.name"]
    assert set(found) == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.operation.time_per_output_chunk",
        "gen_ai.client.token.usage",
    }
    assert found["gen_ai.client.operation.duration"] == [(labels, (1, 2.5, CALL_SECONDS))]
    assert found["gen_ai.client.token.usage"] == [
        ({**labels, "gen_ai.token.type": "input"}, (1, 10, TOKENS)),
        ({**labels, "gen_ai.token.type": "output"}, (1, 5, TOKENS)),
    ]
    embedded = recorded(Embedding(usage=Usage(input_tokens=3)), names="legacy")
    assert [count for _, (_, count, _) in embedded["gen_ai.client.token.usage"]] == [3]


def test_the_default_records_a_metric_under_one_name():
    assert recorded(inference(usage=Usage(10, 5)), names="both") == recorded(
        inference(usage=Usage(10, 5)), names="latest"
    )


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=50)
@given(any_record, any_course, st.sampled_from(["both", "legacy"]))
def test_no_record_makes_a_meter_warn(record, course, names):
    recorded(record, course, names)
