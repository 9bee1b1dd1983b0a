"""Takes big attribute strings apart so that what two spans have in common, such as a chat's history, is kept once.

A JSON array is cut into its elements' own text, never parsed and written anew: joining them gives the same string. The
list itself is a chain of nodes, each naming the one before it: a chat that grew by one message costs one node more.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

INLINE = 256
"""Strings up to this many characters stay in the span's row: a reference would hardly be smaller."""

_scan = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Reference:
    """What stands in for a span's string. `joint` is what stood between a list's elements, None for a plain text."""

    hash: bytes
    joint: str | None = None


@dataclass(slots=True)
class Pile:
    """What a batch of spans adds to the content: bodies by hash, and list nodes (the one before, the element)."""

    bodies: dict[bytes, bytes] = field(default_factory=dict)
    nodes: dict[bytes, tuple[bytes | None, bytes]] = field(default_factory=dict)

    def put(self, text: str) -> Reference:
        """Takes a string in and says how to find it again."""
        cut = elements(text)
        if cut is None:
            return Reference(self._body(text))
        joint, parts = cut
        node: bytes | None = None
        for part in parts:
            item = self._body(part)
            before, node = node, digest((node or b"") + item)
            self.nodes[node] = (before, item)
        return Reference(node or b"", joint)

    def _body(self, text: str) -> bytes:
        data = encode(text)
        key = digest(data)
        self.bodies[key] = data
        return key


def elements(text: str) -> tuple[str, list[str]] | None:
    """What stands between the elements of a JSON array, and these as they stand in `text`; None where it is none.

    Joined by it and put into brackets, they are `text` again, to the byte.
    """
    joint = ","
    found: list[str] = []
    start = 1 if text.startswith("[") else len(text)
    try:
        while True:
            end = _scan(text, start)[1]
            found.append(text[start:end])
            if end == len(text) - 1 and text[end] == "]":
                return joint, found
            if len(found) == 1 and text.startswith(", ", end):
                joint = ", "
            if not text.startswith(joint, end):
                return None
            start = end + len(joint)
    except (ValueError, RecursionError):
        return None


def join(joint: str, parts: list[str]) -> str:
    """The string that `elements` took apart."""
    return f"[{joint.join(parts)}]"


def encode(text: str) -> bytes:
    """Text as the store's bytes: UTF-8 that also holds the lone surrogates that Python strings may contain."""
    return text.encode("utf-8", "surrogatepass")


def decode(data: bytes) -> str:
    """The text that `encode` made bytes of."""
    return data.decode("utf-8", "surrogatepass")


def digest(data: bytes) -> bytes:
    """What content is known by: short, and nothing that anybody could bring to collide."""
    return hashlib.blake2b(data, digest_size=16).digest()
