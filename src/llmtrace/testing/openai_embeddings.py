"""OpenAI's embeddings on the wire: texts that share words get vectors near each other, always the same."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from array import array

from llmtrace.facts.records import Json
from llmtrace.facts.shape import items
from llmtrace.testing.answers import Fault, Types, weight
from llmtrace.testing.brain import words
from llmtrace.testing.openai_wire import too_large, wrong

_DIMENSIONS = {"text-embedding-3-large": 3072}
_USUAL = 1536


def complaint(body: dict[str, Json]) -> Fault | None:
    """What is wrong with the request, if anything is."""
    types: Types = {"model": str, "input": (str, list), "dimensions": int}
    return wrong(body, ("model", "input"), types) or too_large(body, {"dimensions": 3072})


def answered(body: dict[str, Json]) -> dict[str, Json]:
    """The answer as one JSON body."""
    texts = _texts(body["input"])
    size = body.get("dimensions") or _DIMENSIONS.get(body["model"], _USUAL)
    encode = _base64 if body.get("encoding_format") == "base64" else list
    count = weight(texts) + sum(len(items(text)) for text in texts)
    data = [{"object": "embedding", "index": n, "embedding": encode(vector(str(t), size))} for n, t in enumerate(texts)]
    return {
        "object": "list",
        "data": data,
        "model": body["model"],
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }


def _texts(given: Json) -> list[Json]:
    """The texts (or token lists) to embed: one is given bare, several in a list."""
    whole = items(given)
    return whole if whole and not isinstance(whole[0], int) else [given]


def vector(text: str, size: int) -> array[float]:
    """The text's vector of length one: each word that carries meaning pushes it in directions of its own."""
    values = array("f", bytes(4 * size))
    for word in words(text) or [text]:
        digest = hashlib.sha256(word.encode()).digest()
        for place in struct.unpack("<8I", digest):
            values[place % size] += 1.0 if place & (1 << 31) else -1.0
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return array("f", (value / length for value in values))


def _base64(values: array[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
