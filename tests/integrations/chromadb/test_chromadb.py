"""What is asked of Chroma, and what comes back, is on one span of each call; the app sees no difference."""

import asyncio
import warnings
from concurrent.futures import ThreadPoolExecutor
from inspect import signature
from pprint import pformat

import pytest

pytest.importorskip("chromadb", reason="not applicable: chromadb is tested in another environment")

import chromadb
import numpy as np
from chromadb.api.async_client import AsyncClient
from chromadb.api.client import Client
from chromadb.api.models.AsyncCollection import AsyncCollection
from chromadb.api.models.Collection import Collection
from opentelemetry.trace import SpanKind

from llmtrace import retrieval
from llmtrace.integrations.chromadb import INTEGRATION
from llmtrace.testing.captured import capture, decoded
from tests.integrations.chromadb.coverage import EXCLUDED, TRACED
from tests.integrations.chromadb.kept import ARGUMENTS, FILTER, TEXTS, Lengths, filled, quiet, serving
from tests.integrations.conformance.clients import settled
from tests.integrations.spoken import only, said

every_method = pytest.mark.parametrize("method", ARGUMENTS)
everywhere = pytest.mark.parametrize("place", ["embedded", "server", "server, async"])


@pytest.fixture(autouse=True)
def older_versions_warn():
    """Of what they use, and of what is not closed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("chroma")) as found:
        yield found


@pytest.fixture
def connect(port):
    """Gives a client of a store, by where that is."""

    async def connected(place):
        if place == "embedded":
            return chromadb.EphemeralClient(settings=quiet())
        made = chromadb.AsyncHttpClient if place.endswith("async") else chromadb.HttpClient
        return await settled(made(host="127.0.0.1", port=port, settings=quiet()))

    return connected


@every_method
@everywhere
async def test_each_method_is_one_span_and_gives_the_same(method, place, connect):
    client = await connect(place)
    without = await settled(getattr(await filled(client), method)(**ARGUMENTS[method]))
    collection = await filled(client)
    with capture() as captured:
        with_us = await settled(getattr(collection, method)(**ARGUMENTS[method]))
        spans = [span for span in captured.spans if not span.name.startswith("embeddings")]
    assert type(with_us) is type(without)
    assert pformat(with_us) == pformat(without)  # the store gives metadata in any order
    (span,) = spans
    found = decoded(span)
    assert span.name == f"{TRACED[method]} {collection.name}"
    assert found["db.namespace"] == "default_tenant|default_database"
    assert (found["db.system.name"], found["db.collection.name"]) == ("chroma", collection.name)
    assert ("gen_ai.operation.name" in found) == (TRACED[method] == "retrieval")
    embedded = place == "embedded"
    assert (found.get("server.address"), "server.port" in found) == (None if embedded else "127.0.0.1", not embedded)
    inside = embedded and TRACED[method] != "retrieval"
    assert span.kind is (SpanKind.INTERNAL if inside else SpanKind.CLIENT)


@pytest.mark.parametrize("owner", [Client, AsyncClient, Collection, AsyncCollection])
def test_every_public_method_is_traced_or_excluded(owner):
    public = {name for name in dir(owner) if not name.startswith("_") and callable(getattr(owner, name))}
    assert public <= {*TRACED, *EXCLUDED}
    assert not {*TRACED} & {*EXCLUDED}
    assert {target.rpartition(".")[2] for target in INTEGRATION.points} == {*TRACED, "_embed"}


@everywhere
async def test_a_query_says_what_was_asked_and_what_was_found(place, connect):
    collection = await filled(await connect(place))
    with capture() as captured:
        await settled(collection.query(**ARGUMENTS["query"]))
        outer, inner = captured.spans
    found = decoded(outer)
    assert found.pop("gen_ai.retrieval.documents") == [
        {"id": "a", "score": 0.0, "content": "the fjord", "metadata": {"land": "north", "page": 0}},
        {"id": "c", "score": 1.0, "content": "the moor", "metadata": {"land": "north", "page": 2}},
    ]
    assert {key: value for key, value in found.items() if not key.startswith("server.")} == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": collection.name,
        "gen_ai.retrieval.query.text": "the fjord",
        "gen_ai.retrieval.top_k": 2,
        "llmtrace.retrieval.filter": {"where": FILTER},
        "llmtrace.document_count": 2,
        "db.system.name": "chroma",
        "db.namespace": "default_tenant|default_database",
        "db.collection.name": collection.name,
        "db.operation.name": "query",
        "db.response.returned_rows": 2,
    }
    assert inner.parent.span_id == outer.context.span_id
    assert (inner.name, decoded(inner)) == (
        "embeddings lengths",
        {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.request.model": "lengths",
            "gen_ai.embeddings.dimension.count": 3,
            "llmtrace.vector_count": 1,
            "llmtrace.input": ["the fjord"],
        },
    )


async def test_several_queries_in_one_are_a_batch(connect):
    collection = await filled(await connect("embedded"))
    with capture() as captured:
        collection.query(query_embeddings=[[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], n_results=1)
        collection.query(query_embeddings=np.ones((1, 3), dtype=np.float32), n_results=2, include=["distances"])
        batch, single = map(decoded, captured.spans)
    assert (batch["db.operation.name"], batch["db.operation.batch.size"]) == ("BATCH query", 2)
    assert (batch["gen_ai.embeddings.dimension.count"], batch["llmtrace.document_count"]) == (3, 2)
    assert "db.operation.batch.size" not in single
    assert single["gen_ai.embeddings.dimension.count"] == 3
    assert [sorted(one) for one in single["gen_ai.retrieval.documents"]] == [["id", "score"], ["id", "score"]]


async def test_a_write_says_how_many_and_how_large(connect):
    collection = await filled(await connect("embedded"))
    with capture() as captured:
        collection.upsert(**ARGUMENTS["upsert"])
        _, found = only(captured)
    assert {key: value for key, value in found.items() if not key.startswith("db.")} == {
        "llmtrace.store.item_count": 2,
        "llmtrace.store.text_length": 8,
        "llmtrace.vector_count": 2,
        "gen_ai.embeddings.dimension.count": 3,
    }


@everywhere
async def test_a_collection_that_is_made_and_deleted_is_named(place, connect):
    client = await connect(place)
    with capture() as captured:
        await settled(client.get_or_create_collection("made-here", embedding_function=Lengths()))
        await settled(client.delete_collection("made-here"))
        names = [span.name for span in captured.spans]
    assert names == ["get_or_create_collection made-here", "delete_collection made-here"]


async def test_inside_a_retrieval_it_is_a_request_to_a_database(connect):
    collection = await filled(await connect("embedded"))
    with capture() as captured:

        @retrieval
        def search(query):
            return collection.query(query_texts=[query], n_results=1)["documents"][0]

        assert search("the fjord") == TEXTS[:1]
        tree = captured.tree()
        found = decoded(captured.one(f"query {collection.name}"))
    assert tree == f"retrieval search\n  query {collection.name}\n    embeddings lengths"
    assert found["db.response.returned_rows"] == 1
    assert not [key for key in found if key.startswith("gen_ai.")]


@every_method
async def test_without_capture_nothing_of_documents_filter_or_query_is_recorded(method, connect):
    collection = await filled(await connect("embedded"))
    with capture(capture="none") as captured:
        getattr(collection, method)(**ARGUMENTS[method])
        held = said(captured)
    assert not [text for text in (*TEXTS, "the delta", "shore", "north", "south", "page") if text in held]


async def test_what_the_app_does_to_the_answer_is_not_on_the_span(connect):
    collection = await filled(await connect("embedded"))
    with capture() as captured:
        answer = collection.query(query_embeddings=[[9.0, 1.0, 2.0]], n_results=2)
        answer["metadatas"][0][0]["land"] = "changed"
        answer["documents"][0].clear()
        _, found = only(captured)
    assert found["gen_ai.retrieval.documents"][0]["metadata"]["land"] == "north"
    assert len(found["gen_ai.retrieval.documents"]) == 2


async def test_calls_at_the_same_time_are_told_apart(connect):
    remote, local = await filled(await connect("server, async")), await filled(await connect("embedded"))
    vector = [[9.0, 1.0, 2.0]]
    with capture() as captured:
        await asyncio.gather(*(remote.query(query_embeddings=vector, n_results=limit) for limit in (1, 2, 3)))
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda limit: local.query(query_embeddings=vector, n_results=limit), (1, 2, 3)))
        found = [decoded(span) for span in captured.spans]
    assert sorted(one["gen_ai.retrieval.top_k"] for one in found) == [1, 1, 2, 2, 3, 3]
    assert all(one["gen_ai.retrieval.top_k"] == one["llmtrace.document_count"] for one in found)


@everywhere
async def test_an_error_is_the_stores_own(place, connect):
    collection = await filled(await connect(place))

    async def wrong():
        with pytest.raises(chromadb.errors.ChromaError) as raised:
            await settled(collection.query(query_embeddings=[[1.0, 2.0]]))
        return type(raised.value), raised.value.args

    without = await wrong()
    with capture() as captured:
        assert await wrong() == without
        name, found = only(captured)
    assert name == f"retrieval {collection.name}"
    assert found["error.type"].startswith("chromadb.errors.")


async def test_what_the_embedding_function_raises_is_raised(connect):
    collection = await filled(await connect("embedded"))
    with capture() as captured:
        with pytest.raises(LookupError):
            collection.query(query_texts=["unreadable"])
        failed = [span.name for span in captured.spans if not span.status.is_unset]
    assert failed == [f"retrieval {collection.name}", "embeddings lengths"]


@pytest.mark.parametrize("owner", [Collection, AsyncCollection])
@every_method
def test_a_method_looks_as_it_did(method, owner):
    before = signature(getattr(owner, method))
    with capture():
        assert signature(getattr(owner, method)) == before
