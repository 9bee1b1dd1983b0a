"""What is asked of Qdrant, and what comes back, is on one span of each call; the app sees no difference."""

import asyncio
import gc
import warnings
from concurrent.futures import ThreadPoolExecutor
from inspect import signature

import pytest

pytest.importorskip("qdrant_client", reason="not applicable: qdrant_client is tested in another environment")

from qdrant_client import AsyncQdrantClient, QdrantClient, models

from llmtrace import retrieval
from llmtrace.integrations.qdrant import INTEGRATION
from llmtrace.testing.captured import capture, decoded
from tests.content.secrets_made import KEYS
from tests.integrations.conformance.clients import settled
from tests.integrations.qdrant.coverage import EXCLUDED, TRACED
from tests.integrations.qdrant.filled import ARGUMENTS, FILTER, OLDER, SIZE, TEXTS, VECTORS, filled, has, points
from tests.integrations.spoken import only, said

sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
EVERY = [method for method in (*ARGUMENTS, *OLDER) if has(method)]
every_method = pytest.mark.parametrize("method", EVERY)
QUERY = [1.0, 0.0, 0.0]


@pytest.fixture(autouse=True)
def older_versions_warn():
    """Of methods that are to go, and of what a store in memory cannot do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
        gc.collect()  # a client that is not closed says so


async def asked(client, method):
    """What a method gives, or raises."""
    given = {**ARGUMENTS, **OLDER}[method]
    try:
        return await settled(getattr(client, method)("land", **given))
    except Exception as error:  # noqa: BLE001 - whatever it is must be the same with us
        return type(error), error.args


@every_method
@sync_and_async
async def test_each_method_is_one_span_and_gives_the_same(method, asynchronous):
    without = await asked(await filled(asynchronous=asynchronous), method)
    client = await filled(asynchronous=asynchronous)
    with capture() as captured:
        with_us = await asked(client, method)
        name, found = only(captured)
    assert repr(with_us) == repr(without)
    assert type(with_us) is type(without)
    assert name == f"{'BATCH ' if 'batch' in method and TRACED[method] != 'retrieval' else ''}{TRACED[method]} land"
    assert (found["db.system.name"], found["db.collection.name"]) == ("qdrant", "land")
    assert ("gen_ai.operation.name" in found) == (TRACED[method] == "retrieval")


@pytest.mark.parametrize("client", [QdrantClient, AsyncQdrantClient])
def test_every_public_method_is_traced_or_excluded(client):
    public = {name for name in dir(client) if not name.startswith("_") and callable(getattr(client, name))}
    assert public <= {*TRACED, *EXCLUDED}
    assert not {*TRACED} & {*EXCLUDED}
    assert {target.rpartition(".")[2] for target in INTEGRATION.points} == {*TRACED}


@sync_and_async
async def test_a_query_says_what_was_asked_and_what_was_found(asynchronous):
    client = await filled(asynchronous=asynchronous)
    with capture() as captured:
        await asked(client, "query_points")
        name, found = only(captured)
    assert name == "retrieval land"
    documents = found.pop("gen_ai.retrieval.documents")
    assert [(one["id"], one["content"]) for one in documents] == [("1", TEXTS[0]), ("2", TEXTS[1])]
    assert documents[0]["metadata"] == {"land": "north", "page": 1}
    assert documents[0]["score"] == pytest.approx(1)
    assert found == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "land",
        "gen_ai.retrieval.top_k": 2,
        "gen_ai.embeddings.dimension.count": 3,
        "llmtrace.retrieval.filter": {"must": [{"key": "land", "match": {"value": "north"}}]},
        "llmtrace.document_count": 2,
        "db.system.name": "qdrant",
        "db.collection.name": "land",
        "db.operation.name": "query_points",
        "db.response.returned_rows": 2,
    }


@sync_and_async
async def test_a_write_says_how_many_and_how_large(asynchronous):
    client = await filled(asynchronous=asynchronous)
    with capture() as captured:
        await asked(client, "upsert")
        name, found = only(captured)
    assert name == "upsert land"
    assert found == {
        "db.system.name": "qdrant",
        "db.collection.name": "land",
        "db.operation.name": "upsert",
        "llmtrace.store.item_count": 4,
        "llmtrace.store.text_length": sum(map(len, TEXTS)) + 4 * len("north"),
        "llmtrace.vector_count": 4,
        "gen_ai.embeddings.dimension.count": 3,
    }


def test_columns_are_counted_as_points_are():
    client = QdrantClient(":memory:")
    client.create_collection("land", vectors_config=SIZE)
    batch = models.Batch(ids=[1, 2, 3, 4], vectors=VECTORS, payloads=[{"text": text} for text in TEXTS])
    with capture() as captured:
        client.upsert("land", batch)
        _, found = only(captured)
    assert (found["llmtrace.store.item_count"], found["llmtrace.vector_count"]) == (4, 4)
    assert found["llmtrace.store.text_length"] == sum(map(len, TEXTS))


def test_several_queries_in_one_are_a_batch():
    client = asyncio.run(filled(asynchronous=False))
    with capture() as captured:
        client.query_batch_points("land", [models.QueryRequest(query=QUERY, limit=1)] * 3)
        _, found = only(captured)
    assert (found["db.operation.name"], found["db.operation.batch.size"]) == ("BATCH query_points", 3)
    assert (found["gen_ai.retrieval.top_k"], found["llmtrace.document_count"]) == (1, 3)


def test_a_generator_of_points_is_left_to_the_client():
    client = QdrantClient(":memory:")
    client.create_collection("land", vectors_config=SIZE)
    taken = []
    with capture() as captured:
        client.upload_points("land", (taken.append(point.id) or point for point in points()))
        _, found = only(captured)
    assert taken == [1, 2, 3, 4]
    assert client.count("land").count == 4
    assert "llmtrace.store.item_count" not in found


def test_a_text_that_the_store_makes_a_vector_of_is_the_query():
    client = asyncio.run(filled(asynchronous=False))
    with capture() as captured:
        with pytest.raises((ImportError, ValueError)):  # what would make the vector is not installed
            client.query_points("land", models.Document(text="cold water", model="none"))
        _, found = only(captured)
    assert found["gen_ai.retrieval.query.text"] == "cold water"
    assert found["error.type"]


@sync_and_async
async def test_inside_a_retrieval_it_is_a_request_to_a_database(asynchronous):
    client = await filled(asynchronous=asynchronous)
    with capture() as captured:

        @retrieval
        async def search(query):
            found = await settled(client.query_points("land", query=QUERY, limit=1))
            return [point.payload["text"] for point in found.points]

        assert await search("cold") == TEXTS[:1]
        outer, inner = captured.spans
    assert (outer.name, inner.name) == ("retrieval search", "query_points land")
    assert inner.parent.span_id == outer.context.span_id
    found = decoded(inner)
    assert not [key for key in found if key.startswith("gen_ai.") and "dimension" not in key]
    assert (found["db.response.returned_rows"], found["db.operation.name"]) == (1, "query_points")
    assert decoded(outer)["gen_ai.retrieval.documents"] == [{"content": TEXTS[0]}]


@every_method
async def test_without_capture_nothing_of_payload_filter_or_query_is_recorded(method):
    client = await filled(asynchronous=False)
    with capture(capture="none") as captured:
        await asked(client, method)
        held = said(captured)
    assert not [text for text in (*TEXTS, "north", "page", "seen") if text in held]


async def test_a_secret_in_a_payload_or_a_filter_is_redacted():
    secret = KEYS["openai"]
    client = await filled(asynchronous=False)
    client.set_payload("land", {"note": f"use {secret}"}, points=[1])
    condition = models.FieldCondition(key="note", match=models.MatchValue(value=f"use {secret}"))
    with capture() as captured:
        found = client.query_points("land", query=QUERY, query_filter=models.Filter(must=[condition])).points
        held = said(captured)
    assert secret in found[0].payload["note"]
    assert "note" in held
    assert secret not in held


async def test_what_the_app_does_to_the_answer_is_not_on_the_span():
    client = await filled(asynchronous=False)
    with capture() as captured:
        found = client.query_points("land", query=QUERY, limit=2).points
        for point in found:
            point.payload["text"] = "changed"
        found.clear()
        _, span = only(captured)
    assert [one["content"] for one in span["gen_ai.retrieval.documents"]] == TEXTS[:2]


async def test_calls_at_the_same_time_are_told_apart():
    client, other = await filled(asynchronous=True), await filled(asynchronous=False)
    with capture() as captured:
        await asyncio.gather(*(client.query_points("land", query=QUERY, limit=limit) for limit in range(1, 5)))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda limit: other.query_points("land", query=QUERY, limit=limit), range(1, 5)))
        found = [decoded(span) for span in captured.spans]
    assert sorted(one["gen_ai.retrieval.top_k"] for one in found) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert all(one["gen_ai.retrieval.top_k"] == one["llmtrace.document_count"] for one in found)


@sync_and_async
async def test_an_error_is_the_stores_own(asynchronous):
    client = await filled(asynchronous=asynchronous)

    async def missing():
        with pytest.raises(ValueError, match="none") as raised:
            await settled(client.query_points("none", query=QUERY))
        return raised.value.args

    without = await missing()
    with capture() as captured:
        assert await missing() == without
        name, found = only(captured)
    assert (name, found["error.type"]) == ("retrieval none", "ValueError")


async def test_arguments_count_by_their_place_too():
    client = await filled(asynchronous=False)
    with capture() as captured:
        client.query_points("land", QUERY, None, None, FILTER, None, 1)
        _, found = only(captured)
    assert found["gen_ai.retrieval.top_k"] == 1
    assert "north" in str(found["llmtrace.retrieval.filter"])


@every_method
def test_a_method_looks_as_it_did(method):
    before = signature(getattr(QdrantClient, method))
    with capture():
        assert signature(getattr(QdrantClient, method)) == before
