"""A framework's retriever over the store is one retrieval, with the request to the database below it."""

import pytest

pytest.importorskip("qdrant_client", reason="not applicable: qdrant_client is tested in another environment")
pytest.importorskip("langchain_qdrant", reason="not applicable: langchain_qdrant is tested in another environment")

from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_qdrant import QdrantVectorStore
from qdrant_client import QdrantClient, models

from llmtrace.testing.captured import capture, decoded
from tests.integrations.qdrant.filled import TEXTS


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_langchains_retriever_is_one_retrieval_over_one_request(asynchronous):
    client = QdrantClient(":memory:")
    client.create_collection("land", models.VectorParams(size=8, distance=models.Distance.COSINE))
    with capture() as captured:
        kept = QdrantVectorStore(client=client, collection_name="land", embedding=DeterministicFakeEmbedding(size=8))
        kept.add_texts(TEXTS)
        captured.clear()
        retriever = kept.as_retriever(search_kwargs={"k": 2})
        found = await retriever.ainvoke(TEXTS[0]) if asynchronous else retriever.invoke(TEXTS[0])
        (outer,) = captured.roots
        (inner,) = captured.children(outer)
        assert len(captured.spans) == 2
    assert inner.name == "query_points land"
    assert decoded(inner)["db.response.returned_rows"] == len(found) == 2
    assert "gen_ai.operation.name" not in decoded(inner)
    said = decoded(outer)
    assert (said["gen_ai.operation.name"], said["gen_ai.retrieval.query.text"]) == ("retrieval", TEXTS[0])
    assert [one["content"] for one in said["gen_ai.retrieval.documents"]] == [one.page_content for one in found]
