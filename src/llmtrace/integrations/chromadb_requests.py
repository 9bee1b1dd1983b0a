"""What is taken of the arguments of Chroma's methods: counts and sizes, the filter and the query's texts, no vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmtrace.facts.shape import integer
from llmtrace.integrations.stores import dimension, length, sized

Arguments = Mapping[str, Any]


def query(given: Arguments) -> dict[str, Any]:
    """A query by texts or by vectors; one call may ask several."""
    texts, vectors = given.get("query_texts"), given.get("query_embeddings")
    asked: dict[str, Any] = {"filter": _filter(given), "dimension_count": dimension(vectors)}
    count = 1 if isinstance(texts, str) else sized(texts) or _vectors(vectors)
    if given.get("n_results") is not None:
        asked["top_k"] = given["n_results"]
    return {**asked, "query": texts[0] if isinstance(texts, list) and len(texts) == 1 else texts, "batch_size": count}


def get(given: Arguments) -> dict[str, Any]:
    """Documents by their ids or by a filter."""
    ids = given.get("ids")
    count = 1 if isinstance(ids, str) else sized(ids)
    limit = {} if given.get("limit") is None else {"top_k": given["limit"]}
    return {"filter": _filter(given), "item_count": count, **limit}


def records(given: Arguments) -> dict[str, Any]:
    """Records to write, in columns."""
    ids, vectors = given.get("ids"), given.get("embeddings")
    return {
        "item_count": 1 if isinstance(ids, str) else sized(ids),
        "text_length": length(given.get("documents")),
        "vector_count": _vectors(vectors),
        "dimension_count": dimension(vectors),
    }


def search(given: Arguments) -> dict[str, Any]:
    """Searches built of parts, of which the limit and the nearest-neighbour query are taken."""
    searches = given.get("searches")
    each = searches if isinstance(searches, list) else [searches]
    queries = [getattr(getattr(one, "_rank", None), "query", None) for one in each]
    limits = {integer(getattr(getattr(one, "_limit", None), "limit", None)) for one in each}
    return {
        "batch_size": len(each),
        "top_k": limits.pop() if len(limits) == 1 else None,
        "query": [query for query in queries if isinstance(query, str)] or None,
        "dimension_count": next((size for query in queries if (size := dimension(query))), None),
    }


def nothing(_: Arguments) -> dict[str, Any]:
    """Of a call that is told by its name and collection."""
    return {}


def _filter(given: Arguments) -> dict[str, Any] | None:
    return {name: given[name] for name in ("where", "where_document") if given.get(name)} or None


def _vectors(vectors: Any) -> int | None:
    """How many vectors there are: one where the numbers themselves are given."""
    count = sized(vectors)
    return 1 if count and isinstance(vectors[0], int | float) else count
