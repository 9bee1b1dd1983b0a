"""A call to a store is said in the conventions' words for databases."""

import json

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from llmtrace.facts.operation import Operation, Start
from llmtrace.facts.records import Course, Failure, Record, Retrieval, Scope, Store, StoreCall
from llmtrace.semconv.attributes import attributes, span_name, start_attributes
from llmtrace.semconv.metrics import Metrics
from llmtrace.semconv.stores import said

DONE = Course(started=0, ended=2_000_000_000)
CALL = Operation("store", lambda _: Record(operation="store"))


def start(**asked):
    more = {key: asked.pop(key) for key in ("address", "port") if key in asked}
    return Start(CALL, store=Store(**{"system": "qdrant", "operation": "upsert", **asked}), **more)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"collection": "land", "namespace": "db", "address": "host"}, "upsert land"),
        ({"namespace": "db", "address": "host", "port": 1}, "upsert db"),
        ({"address": "host", "port": 1}, "upsert host:1"),
        ({"address": "/tmp/socket"}, "upsert /tmp/socket"),
        ({}, "upsert"),
        ({"collection": "land", "batch_size": 3}, "BATCH upsert land"),
        ({"collection": "land", "batch_size": 0}, "BATCH upsert land"),
        ({"collection": "land", "batch_size": 1}, "upsert land"),
    ],
)
def test_its_span_is_named_after_the_operation_and_what_that_is_aimed_at(asked, name):
    assert span_name(start(**asked)) == name


def test_samplers_see_what_store_is_asked():
    assert start_attributes(start(collection="land", namespace="a|b", address="host", port=6333), Scope()) == {
        "db.system.name": "qdrant",
        "db.operation.name": "upsert",
        "db.collection.name": "land",
        "db.namespace": "a|b",
        "server.address": "host",
        "server.port": 6333,
    }


def test_a_write_says_how_much_and_no_operation_of_the_genai_conventions():
    record = StoreCall(
        store=Store("qdrant", "upsert", "land", batch_size=2, statement="x", status="404"),
        filter={"must": None, "any": [{"a": 1, "b": None}]},
        item_count=3,
        text_length=40,
        vector_count=3,
        dimension_count=4,
        returned_count=0,
    )
    found = attributes(record, DONE, "both")
    assert json.loads(found.pop("llmtrace.retrieval.filter")) == {"any": [{"a": 1}]}
    assert found == {
        "db.system.name": "qdrant",
        "db.operation.name": "BATCH upsert",
        "db.collection.name": "land",
        "db.operation.batch.size": 2,
        "db.query.text": "x",
        "db.response.status_code": "404",
        "db.response.returned_rows": 0,
        "llmtrace.store.item_count": 3,
        "llmtrace.store.text_length": 40,
        "llmtrace.vector_count": 3,
        "gen_ai.embeddings.dimension.count": 4,
    }


def test_what_a_filter_leaves_open_is_left_out():
    assert said({"a": None, "b": [None, {"c": None, "d": 0}], "e": False}) == {"b": [None, {"d": 0}], "e": False}


def recorded(record, course=DONE):
    reader = InMemoryMetricReader()
    Metrics(MeterProvider(metric_readers=[reader]).get_meter("t")).record(record, course)
    (resource,) = reader.get_metrics_data().resource_metrics
    return {
        metric.name: [(dict(point.attributes), point.sum) for point in metric.data.data_points]
        for metric in resource.scope_metrics[0].metrics
    }


LABELS = {"db.system.name": "qdrant", "db.operation.name": "upsert", "db.collection.name": "land"}


def test_a_call_to_a_store_has_the_conventions_duration_for_databases():
    store = Store("qdrant", "upsert", "land")
    assert recorded(StoreCall(store=store)) == {"db.client.operation.duration": [(LABELS, 2.0)]}
    failed = Course(started=0, ended=1_000_000_000, failure=Failure("404"))
    assert recorded(StoreCall(store=store), failed) == {
        "db.client.operation.duration": [({**LABELS, "error.type": "404"}, 1.0)]
    }


def test_a_retrieval_from_a_store_counts_as_both():
    assert recorded(Retrieval(store=Store("qdrant", "upsert", "land"))) == {
        "gen_ai.client.operation.duration": [({"gen_ai.operation.name": "retrieval"}, 2.0)],
        "db.client.operation.duration": [(LABELS, 2.0)],
    }
