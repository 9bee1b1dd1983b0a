"""Chroma, traced: documents are stored, embedded, searched for and deleted. Without a server it is in the process."""

from __future__ import annotations

import os
from typing import Any

import chromadb

import llmtrace

TRACED = {"retrieval": 1, "embeddings": 2, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""

NOTES = ["the fjord is cold", "the moor is wide", "the glacier is colder"]


class Letters(chromadb.EmbeddingFunction[Any]):
    """Stands in for an embedding model: counts three letters."""

    def __init__(self) -> None:
        self.model_name = "letters"

    def __call__(self, input: Any) -> Any:  # noqa: A002 - Chroma asks for this name
        """The counts of each text."""
        return [[text.count(letter) + 0.1 for letter in "aeo"] for text in input]

    @staticmethod
    def name() -> str:
        """What Chroma keeps with the collection."""
        return "letters"

    def get_config(self) -> dict[str, Any]:
        """As above."""
        return {}

    @staticmethod
    def build_from_config(_: dict[str, Any]) -> Letters:
        """What Chroma makes it from."""
        return Letters()


def talk(client: chromadb.ClientAPI) -> None:
    """One call of each kind."""
    with llmtrace.workflow("example"):
        notes = client.create_collection("llmtrace-example", embedding_function=Letters())
        notes.add(ids=["1", "2", "3"], documents=NOTES, metadatas=[{"page": page} for page in (1, 2, 3)])
        print(notes.query(query_texts=["cold"], n_results=2, where={"page": {"$gt": 1}})["documents"])
        client.delete_collection("llmtrace-example")


def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="chromadb-example", integrations="chromadb")
    quiet = chromadb.Settings(anonymized_telemetry=False)
    host = os.environ.get("CHROMA_HOST")
    talk(chromadb.HttpClient(host=host, settings=quiet) if host else chromadb.EphemeralClient(settings=quiet))
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
