"""A store in memory with a few documents in it, behind either client, and what is asked of it."""

from __future__ import annotations

import random
from typing import Any

import pytest

pytest.importorskip("qdrant_client", reason="not applicable: qdrant_client is tested in another environment")

import numpy as np
from qdrant_client import AsyncQdrantClient, QdrantClient, models

from tests.integrations.conformance.clients import settled

TEXTS = ["the fjord", "the glacier", "the moor", "the delta"]
VECTORS = [[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
FILTER = models.Filter(must=[models.FieldCondition(key="land", match=models.MatchValue(value="north"))])
SIZE = models.VectorParams(size=3, distance=models.Distance.COSINE)


def points(start: int = 1) -> list[Any]:
    """The documents, as points."""
    return [
        models.PointStruct(id=at, vector=vector, payload={"text": text, "land": "north", "page": at})
        for at, (text, vector) in enumerate(zip(TEXTS, VECTORS, strict=True), start)
    ]


async def filled(*, asynchronous: bool) -> Any:
    """A client of a store of its own, which takes its samples in the same order each time."""
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002 - it is this one that the store uses
    client: Any = AsyncQdrantClient(":memory:") if asynchronous else QdrantClient(":memory:")
    await settled(client.create_collection("land", vectors_config=SIZE))
    await settled(client.upsert("land", points()))
    return client


REQUEST = models.QueryRequest(query=[1.0, 0.0, 0.0], limit=1, with_payload=True)

ARGUMENTS: dict[str, dict[str, Any]] = {
    "query_points": {"query": [1.0, 0.0, 0.0], "limit": 2, "query_filter": FILTER},
    "query_points_groups": {"query": [1.0, 0.0, 0.0], "group_by": "page", "limit": 2},
    "query_batch_points": {"requests": [REQUEST, REQUEST]},
    "scroll": {"scroll_filter": FILTER, "limit": 2},
    "retrieve": {"ids": [1, 2]},
    "count": {"count_filter": FILTER},
    "facet": {"key": "land"},
    "search_matrix_pairs": {"limit": 2, "sample": 2},
    "search_matrix_offsets": {"limit": 2, "sample": 2},
    "upsert": {"points": points(5)},
    "upload_points": {"points": points(5)},
    "upload_collection": {"vectors": VECTORS, "payload": [{"text": text} for text in TEXTS], "ids": [5, 6, 7, 8]},
    "update_vectors": {"points": [models.PointVectors(id=1, vector=[0.0, 0.5, 0.0])]},
    "batch_update_points": {
        "update_operations": [
            models.DeleteOperation(delete=models.PointIdsList(points=[1])),
            models.DeleteOperation(delete=models.PointIdsList(points=[2])),
        ]
    },
    "delete": {"points_selector": [1, 2]},
    "delete_vectors": {"vectors": [""], "points": [1]},
    "set_payload": {"payload": {"seen": "yes"}, "points": [1]},
    "overwrite_payload": {"payload": {"seen": "yes"}, "points": [1]},
    "delete_payload": {"keys": ["page"], "points": [1]},
    "clear_payload": {"points_selector": models.FilterSelector(filter=FILTER)},
    "update_collection": {"optimizers_config": models.OptimizersConfigDiff()},
    "delete_collection": {},
}
"""Method → arguments that it works with, besides the collection."""


def has(method: str) -> bool:
    """Whether this version has the method."""
    return hasattr(QdrantClient, method)


def _older() -> dict[str, dict[str, Any]]:
    if not has("search"):
        return {}
    return {
        "search": {"query_vector": [1.0, 0.0, 0.0], "limit": 2},
        "search_groups": {"query_vector": [1.0, 0.0, 0.0], "group_by": "page", "limit": 2},
        "search_batch": {"requests": [models.SearchRequest(vector=[1.0, 0.0, 0.0], limit=1)] * 2},
        "recommend": {"positive": [1], "limit": 2},
        "recommend_groups": {"positive": [1], "group_by": "page", "limit": 2},
        "recommend_batch": {"requests": [models.RecommendRequest(positive=[1], limit=1)] * 2},
        "discover": {"target": 1, "limit": 2},
        "discover_batch": {"requests": [models.DiscoverRequest(target=1, limit=1)] * 2},
    }


OLDER = _older()
"""As above, of methods that newer versions do not have."""
