"""Chroma's client, sync and async, remote or in the app's process: queries, writes, collections, embedding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice, repeat
from typing import Any
from urllib.parse import urlsplit

from llmtrace.facts.operation import Begin, Evidence, Integration, Operation, Point, Start
from llmtrace.facts.records import Embedding, Store
from llmtrace.facts.shape import integer, items, mapping
from llmtrace.integrations import chromadb_requests as requests
from llmtrace.integrations.stores import DOCUMENTS_MOST, Found, Site, answer, begun, dimension, named, sized, unread

Arguments = Mapping[str, Any]
Summary = Callable[[Arguments], dict[str, Any]]

RETRIEVALS: dict[str, Summary] = {
    "query": requests.query,
    "get": requests.get,
    "peek": requests.get,
    "search": requests.search,
}
"""A collection's methods that give documents → what is taken of their arguments."""

CALLS: dict[str, Summary] = {
    "add": requests.records,
    "update": requests.records,
    "upsert": requests.records,
    "delete": requests.get,
    "count": requests.nothing,
    "modify": requests.nothing,
}
"""As above, of those that give none."""

MANAGING: dict[str, Summary] = {
    "create_collection": requests.nothing,
    "get_or_create_collection": requests.nothing,
    "delete_collection": requests.nothing,
}
"""A client's methods, whose first argument is the collection's name."""

_LIMITS = {"query": 10, "peek": 10}
_COLUMNS = ("ids", "documents", "metadatas")


def _asking(method: str, summary: Summary, *, retrieves: bool) -> Callable[[tuple[Any, ...], Arguments], Start]:
    """What begins a call of a collection's method."""

    def start(args: tuple[Any, ...], kwargs: Arguments) -> Start:
        collection = args[0]
        asked = {"top_k": _LIMITS.get(method), **summary(named("chromadb", method, args, kwargs))}
        place = _place(collection)
        store = Store("chroma", method, collection.name, place, batch_size=asked.pop("batch_size", None))
        return begun(store, _site(getattr(collection, "_client", None)), asked, retrieves=retrieves)

    return start


def _managing(method: str, summary: Summary) -> Callable[[tuple[Any, ...], Arguments], Start]:
    """What begins a call of a client's method."""

    def start(args: tuple[Any, ...], kwargs: Arguments) -> Start:
        client = args[0]
        given = named("chromadb", method, args, kwargs)
        store = Store("chroma", method, given.get("name"), _place(client))
        return begun(store, _site(getattr(client, "_server", None)), summary(given), retrieves=False)

    return start


def _place(holder: Any) -> str | None:
    """Tenant and database, as far as they are known."""
    return "|".join(filter(None, (getattr(holder, "tenant", None), getattr(holder, "database", None)))) or None


def _site(api: Any) -> Site:
    """Where the store is: only one that is reached over the network has a URL."""
    url = getattr(api, "_api_url", None)
    return Site(embedded=True) if not isinstance(url, str) else _at(url)


@lru_cache(maxsize=64)
def _at(url: str) -> Site:
    parts = urlsplit(url)
    return Site(address=parts.hostname, port=parts.port or (443 if parts.scheme == "https" else 80))


def _answer(result: Any) -> dict[str, Any]:
    """An answer's documents, which lie in columns: one of each for a listing, one of each per query for a search."""
    ids = result.get("ids") or []
    if not ids or isinstance(ids[0], str):
        return answer(_rows(result, lambda column: column), len(ids))
    found = (row for at in range(len(ids)) for row in _rows(result, lambda column: column[at]))  # noqa: B023 - at once
    return answer(found, sum(map(len, ids)))


def _rows(result: Any, of: Callable[[Any], Any]) -> Iterator[Found]:
    """The rows of one query; a column that was not asked for is None."""
    scores = result.get("distances") or result.get("scores")
    columns = [result.get(name) for name in _COLUMNS] + [scores]
    held = [repeat(None) if column is None or of(column) is None else of(column) for column in columns]
    for known, document, metadata, score in islice(zip(*held, strict=False), DOCUMENTS_MOST):
        yield Found(known, score, document, metadata)


def _embedding(args: tuple[Any, ...], kwargs: Arguments) -> Start:
    """The collection's own embedding function is called; a class of the app's says by convention which model it is."""
    texts = args[1] if len(args) > 1 else kwargs.get("input")
    function = getattr(args[0], "_embedding_function", None)
    own = getattr(function, "__dict__", {})
    model = next(
        (own[name] for name in ("model_name", "_model_name", "_model") if isinstance(own.get(name), str)), None
    )
    return Start(_EMBEDDING, model=model, target=model, request={"texts": texts})


def _read_embedding(evidence: Evidence) -> Embedding:
    got = mapping(evidence.response.body if evidence.response else None)
    return Embedding(
        input_texts=[text for text in items(mapping(evidence.request).get("texts")) if isinstance(text, str)],
        vector_count=integer(got.get("count")),
        dimension_count=integer(got.get("dimension_count")),
    )


# What it takes is counted and billed by the client library that the function calls, if it calls one.
_EMBEDDING = Operation("embeddings", _read_embedding)


def _vectors(result: Any) -> dict[str, Any]:
    return {"count": sized(result), "dimension_count": dimension(result)}


def _points() -> dict[str, Point]:
    points: dict[str, Point] = {
        "chromadb.api.models.CollectionCommon:CollectionCommon._embed": Begin(_embedding, result=_vectors)
    }
    for name in ("Collection", "AsyncCollection"):
        owner = f"chromadb.api.models.{name}:{name}"
        for method, summary in RETRIEVALS.items():
            points[f"{owner}.{method}"] = Begin(_asking(method, summary, retrieves=True), result=_answer)
        for method, summary in CALLS.items():
            points[f"{owner}.{method}"] = Begin(_asking(method, summary, retrieves=False), result=unread)
    for owner in ("chromadb.api.client:Client", "chromadb.api.async_client:AsyncClient"):
        for method, summary in MANAGING.items():
            points[f"{owner}.{method}"] = Begin(_managing(method, summary), result=unread)
    return points


INTEGRATION = Integration(
    "chromadb",
    requires="chromadb>=1.0.13",
    points=_points(),
    optional=frozenset(f"chromadb.api.models.{name}:{name}.search" for name in ("Collection", "AsyncCollection")),
    captures=(
        "queries with query texts or vector size, filter, top_k and the documents returned",
        "writes with records, vectors and characters sent",
        "what a collection's embedding function is given",
    ),
    verified=("the embedded store", "a server on the loopback, sync and async"),
)
