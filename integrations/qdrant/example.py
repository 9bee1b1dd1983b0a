"""Qdrant, traced: documents are stored, searched for and deleted. Without a server it is a store in memory."""

from __future__ import annotations

import os

from qdrant_client import QdrantClient, models

import llmtrace

TRACED = {"retrieval": 2, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""

NOTES = {"the fjord is cold": [1.0, 0.0], "the moor is wide": [0.0, 1.0], "the glacier is colder": [0.9, 0.1]}


def talk(client: QdrantClient) -> None:
    """One call of each kind."""
    with llmtrace.workflow("example"):
        size = models.VectorParams(size=2, distance=models.Distance.COSINE)
        client.create_collection("llmtrace-example", vectors_config=size)
        points = [
            models.PointStruct(id=at, vector=vector, payload={"text": text})
            for at, (text, vector) in enumerate(NOTES.items(), 1)
        ]
        client.upsert("llmtrace-example", points)
        print(client.query_points("llmtrace-example", query=[1.0, 0.0], limit=2).points)
        with llmtrace.retrieval("cold places") as current:
            found = client.query_points("llmtrace-example", query=[1.0, 0.0], limit=1).points
            current.documents([point.payload["text"] for point in found if point.payload])
        client.delete_collection("llmtrace-example")


def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="qdrant-example", integrations="qdrant")
    url = os.environ.get("QDRANT_URL")
    client = QdrantClient(url=url) if url else QdrantClient(":memory:")
    talk(client)
    client.close()
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
