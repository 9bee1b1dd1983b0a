"""Whatever an app passes to Qdrant's methods, and whatever came back, it is read without a fault and bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.facts.records import Document, Store
from llmtrace.integrations import qdrant_requests, stores
from llmtrace.integrations.stores import DOCUMENTS_MOST, Found, Site, answer, begun, dimension, document

SUMMARIES = [getattr(qdrant_requests, name) for name in ("query", "queries", "points", "columns", "updates", "chosen")]
NAMES = ["query", "points", "limit", "query_filter", "requests", "vectors", "payload", "ids", "prefetch", "records"]


class Model:
    """Something with attributes, as a client's models are."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from(["vector", "text", "x"]), inner, max_size=3)
        | st.builds(Model, vector=inner, payload=inner, nearest=inner)
        | st.builds(Model, text=inner, query=inner, limit=inner, filter=inner)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("summary", SUMMARIES)
@given(st.dictionaries(st.sampled_from(NAMES), anything, max_size=4))
def test_any_arguments_are_summed_up(summary, arguments):
    found = summary(arguments)
    assert set(found) <= {
        *("filter", "top_k", "query", "dimension_count", "batch_size", "item_count", "text_length", "vector_count"),
    }
    for name in ("dimension_count", "batch_size", "item_count", "text_length", "vector_count"):
        assert found.get(name) is None or isinstance(found[name], int) or summary is qdrant_requests.queries


@given(anything)
def test_any_vector_has_a_size_or_none(vector):
    size = dimension(vector)
    assert size is None or size >= 0


@pytest.mark.parametrize("retrieves", [True, False])
@given(anything, anything)
def test_any_evidence_is_read(retrieves, request, body):
    start = begun(Store("qdrant", "query_points", "land"), Site(embedded=True), {}, retrieves=retrieves)
    record = start.operation.read(Evidence(start, request, Received(body=body)))
    assert record.store == Store("qdrant", "query_points", "land")


@given(anything, anything, anything, anything)
def test_any_document_is_read(known, score, text, fields):
    found = document(Found(known, score, text, fields))
    assert found.text is None or isinstance(found.text, str)


def test_a_documents_text_is_found_among_its_fields():
    assert document(Found(7, 0.5, None, {"page_content": "t", "metadata": {"p": 1}})) == Document(
        "7", 0.5, "t", {"p": 1}
    )
    assert document(Found("a", None, None, {"text": "t", "n": 1})) == Document("a", None, "t", {"n": 1})
    assert document(Found("a", None, "own", {"text": "t"})) == Document("a", None, "own", {"text": "t"})


def test_of_a_listing_so_many_documents_are_kept_and_all_are_counted():
    kept = answer((Found(at) for at in range(10_000)), 10_000)
    assert (len(kept["documents"]), kept["count"]) == (DOCUMENTS_MOST, 10_000)


def test_texts_beyond_the_most_are_not_measured():
    assert stores.length(["ab"] * stores.ITEMS_MOST) == 2 * stores.ITEMS_MOST
    assert stores.length(["ab"] * (stores.ITEMS_MOST + 1)) is None


def test_what_several_queries_ask_for_is_said_where_they_agree():
    requests = [Model(query=[1.0, 2.0], limit=limit) for limit in (3, 3, [])]
    assert qdrant_requests.queries({"requests": requests[:2]})["top_k"] == 3
    assert qdrant_requests.queries({"requests": requests})["top_k"] is None


def test_a_start_says_where_the_store_is():
    start = begun(Store("qdrant", "count", "land"), Site(address="host", port=6333), {}, retrieves=False)
    assert isinstance(start, Start)
    assert (start.address, start.port, start.operation.kind) == ("host", 6333, "client")
    assert begun(Store("qdrant", "count"), Site(embedded=True), {}, retrieves=False).operation.kind == "internal"
