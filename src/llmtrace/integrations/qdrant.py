"""Qdrant's client, sync and async, over the network or in the app's process: queries, writes, collections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from llmtrace.facts.operation import Begin, Integration, Point, Received, Start
from llmtrace.facts.records import Store
from llmtrace.integrations import qdrant_requests as requests
from llmtrace.integrations.stores import Found, Site, answer, begun, named, refused, unread

Arguments = Mapping[str, Any]
Summary = Callable[[Arguments], dict[str, Any]]

RETRIEVALS: dict[str, Summary] = {
    "query_points": requests.query,
    "query_points_groups": requests.query,
    "query_batch_points": requests.queries,
    "scroll": requests.query,
    "retrieve": requests.by_ids,
}
"""Method → what is taken of its arguments. These give documents."""

CALLS: dict[str, Summary] = {
    "count": requests.query,
    "facet": requests.query,
    "search_matrix_pairs": requests.query,
    "search_matrix_offsets": requests.query,
    "upsert": requests.points,
    "upload_points": requests.points,
    "update_vectors": requests.points,
    "upload_collection": requests.columns,
    "batch_update_points": requests.updates,
    "delete": requests.chosen,
    "delete_vectors": requests.chosen,
    "set_payload": requests.chosen,
    "overwrite_payload": requests.chosen,
    "delete_payload": requests.chosen,
    "clear_payload": requests.chosen,
    "create_collection": requests.collection,
    "recreate_collection": requests.collection,
    "update_collection": requests.nothing,
    "delete_collection": requests.nothing,
}
"""As above, of those that give none."""

OLDER_RETRIEVALS: dict[str, Summary] = {
    "search": requests.query,
    "search_groups": requests.query,
    "search_batch": requests.queries,
    "recommend": requests.query,
    "recommend_groups": requests.query,
    "recommend_batch": requests.queries,
    "discover": requests.query,
    "discover_batch": requests.queries,
}
"""As `RETRIEVALS`, of those that were there up to 1.16."""

OLDER_CALLS: dict[str, Summary] = {"upload_records": requests.points}

_BATCHES = {
    "query_batch_points": "query_points",
    "search_batch": "search",
    "recommend_batch": "recommend",
    "discover_batch": "discover",
    "batch_update_points": "update",
}
"""What it is that a method does several of at once."""

_LIMITS = {
    **dict.fromkeys(("query_points", "query_points_groups", "scroll"), 10),
    **dict.fromkeys(("search", "search_groups", "recommend", "recommend_groups", "discover"), 10),
}
"""How many documents a method gives that is not told how many."""


def _starting(method: str, summary: Summary, *, retrieves: bool) -> Callable[[tuple[Any, ...], Arguments], Start]:
    """What begins a call of the method."""

    def start(args: tuple[Any, ...], kwargs: Arguments) -> Start:
        given = named("qdrant_client", method, args, kwargs)
        asked = {"top_k": _LIMITS.get(method), **summary(given)}
        collection = _text(given.get("collection_name"))
        store = Store("qdrant", _BATCHES.get(method, method), collection, batch_size=asked.pop("batch_size", None))
        return begun(store, _site(args[0]), asked, retrieves=retrieves)

    return start


def _site(client: Any) -> Site:
    """Where a client's store is: the inner client of one that is remote knows the host."""
    inner = getattr(client, "_client", None)
    host = getattr(inner, "_host", None)
    if host is None:
        return Site(embedded=True)
    port = getattr(inner, "_grpc_port" if getattr(inner, "_prefer_grpc", False) else "_port", None)
    return Site(address=host, port=port)


def _answer(result: Any) -> dict[str, Any]:
    points = list(_points(result))
    return answer(map(_found, points), len(points))


def _points(result: Any) -> Iterator[Any]:
    """The points of any answer: of one query or of a batch, in groups or not, with the place of the next page."""
    if isinstance(result, tuple):
        result = result[0]
    for one in result if isinstance(result, list) else [result]:
        if isinstance(one, list):
            yield from one
        elif hasattr(one, "points"):
            yield from one.points
        elif hasattr(one, "groups"):
            for group in one.groups:
                yield from group.hits
        else:
            yield one


def _found(point: Any) -> Found:
    return Found(point.id, getattr(point, "score", None), fields=point.payload)


def _failed(error: BaseException) -> Received | None:
    """The status that an unexpected answer carries, or that of gRPC, which has a function for it."""
    code = getattr(error, "code", None)
    return refused(code().name if callable(code) else getattr(error, "status_code", None))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _points_of(client: str) -> dict[str, Point]:
    """The points of one of the two client classes."""
    tables = ((True, RETRIEVALS | OLDER_RETRIEVALS), (False, CALLS | OLDER_CALLS))
    return {
        f"{client}.{method}": Begin(
            _starting(method, summary, retrieves=retrieves), _failed, _answer if retrieves else unread
        )
        for retrieves, table in tables
        for method, summary in table.items()
    }


_CLIENTS = ("qdrant_client.qdrant_client:QdrantClient", "qdrant_client.async_qdrant_client:AsyncQdrantClient")

INTEGRATION = Integration(
    "qdrant",
    requires="qdrant-client>=1.14",
    points={target: point for client in _CLIENTS for target, point in _points_of(client).items()},
    optional=frozenset(f"{client}.{method}" for client in _CLIENTS for method in OLDER_RETRIEVALS | OLDER_CALLS),
    captures=(
        "queries with query text or vector size, filter, top_k and the points returned",
        "writes with points, vectors and characters sent",
        "counts, facets and changes of collections",
    ),
    verified=("the embedded store, sync and async",),
)
