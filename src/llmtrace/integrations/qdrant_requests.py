"""What is taken of the arguments of Qdrant's methods: counts and sizes, the filter and the query's text, no vector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llmtrace.facts.shape import integer
from llmtrace.integrations.stores import ITEMS_MOST, dimension, fields_length, sized

Arguments = Mapping[str, Any]

_FILTERS = ("query_filter", "scroll_filter", "count_filter", "facet_filter", "filter")
_QUERIES = ("query", "query_vector", "vector", "target")
_WRAPPED = ("nearest", "vector", "query")
"""Where the models of a query keep the vector, or the document that becomes one."""


def query(given: Arguments) -> dict[str, Any]:
    """One query, whose parts have other names in other methods."""
    asked: dict[str, Any] = {"filter": _first(given, _FILTERS)}
    if given.get("limit") is not None:
        asked["top_k"] = given["limit"]
    vector = _first(given, _QUERIES)
    for source in (vector, *_listed(given.get("prefetch"))):
        text, size = _asked(source)
        asked.setdefault("query", text) if text is not None else None
        asked.setdefault("dimension_count", size) if size is not None else None
    return asked


def queries(given: Arguments) -> dict[str, Any]:
    """Several queries in one: their texts, and what they have in common."""
    each = [query(_Fields(one)) for one in _listed(given.get("requests"))]
    limits = {integer(one.get("top_k")) for one in each}
    filters = [one["filter"] for one in each if one.get("filter") is not None]
    texts = [one["query"] for one in each if "query" in one]
    return {
        "batch_size": len(each),
        "top_k": limits.pop() if len(limits) == 1 else None,
        "filter": filters or None,
        "query": texts or None,
        "dimension_count": next((one["dimension_count"] for one in each if "dimension_count" in one), None),
    }


def by_ids(given: Arguments) -> dict[str, Any]:
    """Points asked for by their ids."""
    return {"top_k": sized(given.get("ids"))}


def points(given: Arguments) -> dict[str, Any]:
    """Points to write: a list of them, or their ids, vectors and payloads in columns. A generator is not touched."""
    batch = given.get("points", given.get("records"))
    if hasattr(batch, "vectors"):
        return columns({"vectors": batch.vectors, "payload": getattr(batch, "payloads", None), "ids": batch.ids})
    count = sized(batch)
    if not count:
        return {"item_count": count}
    first = getattr(batch[0], "vector", None)
    payloads = [getattr(point, "payload", None) for point in batch] if count <= ITEMS_MOST else None
    vectors = count * len(first) if isinstance(first, dict) else count
    return {
        "item_count": count,
        "text_length": fields_length(payloads),
        "vector_count": None if first is None else vectors,
        "dimension_count": _asked(first)[1],
    }


def columns(given: Arguments) -> dict[str, Any]:
    """Vectors and payloads to write, each in a column of its own, any of which may be a generator."""
    vectors, payloads = given.get("vectors"), given.get("payload")
    listed = list(vectors.values()) if isinstance(vectors, dict) else [vectors]
    counts = [sized(column) for column in listed]
    whole = [count for count in counts if count is not None]
    return {
        "item_count": next((n for n in (*whole, sized(given.get("ids")), sized(payloads)) if n is not None), None),
        "text_length": fields_length(payloads),
        "vector_count": sum(whole) if whole and len(whole) == len(counts) else None,
        "dimension_count": dimension(listed[0]) if listed and sized(listed[0]) else None,
    }


def updates(given: Arguments) -> dict[str, Any]:
    """Several writes in one."""
    return {"batch_size": sized(given.get("update_operations"))}


def chosen(given: Arguments) -> dict[str, Any]:
    """Points to change or delete: by their ids, or by a filter."""
    selector = given.get("points_selector", given.get("points"))
    ids = getattr(selector, "points", selector)
    if isinstance(ids, list | tuple):
        return {"item_count": len(ids)}
    return {"filter": getattr(selector, "filter", selector)}


def collection(given: Arguments) -> dict[str, Any]:
    """A collection to make."""
    config = given.get("vectors_config")
    first = next(iter(config.values()), None) if isinstance(config, dict) else config
    return {"dimension_count": getattr(first, "size", None)}


def nothing(_: Arguments) -> dict[str, Any]:
    """Of a call that is told by its name and collection."""
    return {}


class _Fields(dict[str, Any]):
    """The fields of a model as arguments; those of a model are its instance's own dict, so no code of its runs."""

    def __init__(self, model: Any) -> None:
        super().__init__(getattr(model, "__dict__", {}))


def _asked(source: Any) -> tuple[str | None, int | None]:
    """The text that is searched for, or the size of the vector; the way there may lead through several models."""
    for _ in range(5):
        if source is None or isinstance(source, str | int) or hasattr(source, "indices"):  # no size: it is sparse
            return None, None
        text = getattr(source, "text", None)
        if isinstance(text, str):
            return text, None
        if isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], str):  # noqa: PLR2004 - a named one
            source = source[1]
            continue
        size = dimension(source)
        if size is not None:
            return None, size
        source = next((inner for name in _WRAPPED if (inner := getattr(source, name, None)) is not None), None)
    return None, None


def _first(given: Arguments, names: Iterable[str]) -> Any:
    return next((given[name] for name in names if given.get(name) is not None), None)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
