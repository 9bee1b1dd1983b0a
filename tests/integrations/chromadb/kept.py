"""Chroma stores to ask: in the process, and a server of its own on the loopback; and what is asked of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("chromadb", reason="not applicable: chromadb is tested in another environment")

import chromadb
import httpx
import numpy as np

from tests.integrations.conformance.clients import settled

TEXTS = ["the fjord", "the glacier", "the moor"]
IDS = ["a", "b", "c"]
FILTER = {"land": "north"}
_numbers = count()


class Lengths(chromadb.EmbeddingFunction[Any]):
    """An embedding function that needs no model, and has a text that it cannot read."""

    def __init__(self) -> None:
        self.model_name = "lengths"

    def __call__(self, input: Any) -> Any:  # noqa: A002 - Chroma asks for this name
        if "unreadable" in input:
            raise LookupError
        return [np.array([len(text), 1.0, 2.0], dtype=np.float32) for text in input]

    @staticmethod
    def name() -> str:
        """As Chroma asks for it."""
        return "lengths"

    def get_config(self) -> dict[str, Any]:
        """As Chroma asks for it."""
        return {}

    @staticmethod
    def build_from_config(_: dict[str, Any]) -> Lengths:
        """As Chroma asks for it."""
        return Lengths()


def quiet() -> Any:
    """Settings with which nothing is sent anywhere else. A client changes those that it is given."""
    return chromadb.Settings(anonymized_telemetry=False)


ARGUMENTS: dict[str, dict[str, Any]] = {
    "query": {"query_texts": ["the fjord"], "n_results": 2, "where": FILTER},
    "get": {"ids": ["a", "b"]},
    "peek": {"limit": 2},
    "add": {"ids": ["d"], "documents": ["the delta"], "metadatas": [{"land": "south"}]},
    "update": {"ids": ["a"], "metadatas": [{"land": "south"}]},
    "upsert": {"ids": ["d", "e"], "embeddings": [[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], "documents": ["sea", "shore"]},
    "delete": {"ids": ["a"]},
    "count": {},
    "modify": {"metadata": {"kind": "land"}},
}
"""A collection's method → arguments that it works with."""


async def filled(client: Any) -> Any:
    """A collection of its own, with the documents in it."""
    collection = await settled(client.create_collection(f"land-{next(_numbers)}", embedding_function=Lengths()))
    given = {"ids": IDS, "documents": TEXTS, "metadatas": [{"land": "north", "page": at} for at in range(3)]}
    await settled(collection.add(**given))
    return collection


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """A server on the loopback, at the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).parent / "chroma", "run", "--path", folder, "--host", "127.0.0.1"]
    environ = os.environ | {"ANONYMIZED_TELEMETRY": "False"}
    server = subprocess.Popen(
        [*map(str, command), "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ
    )
    try:
        _until_up(f"http://127.0.0.1:{port}/api/v2/heartbeat")
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _until_up(url: str) -> None:
    for _ in range(200):
        with suppress(httpx.TransportError):
            httpx.get(url)
            return
        time.sleep(0.05)
    pytest.fail("the server did not come up")
