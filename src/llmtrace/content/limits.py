"""Keeps texts, and all texts of a record together, within a number of bytes; what is cut says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

_MARK_ROOM: Final = 64
"""More than the mark of a cut takes."""


class Place(NamedTuple):
    """Where a text lies: an entry of a list or dict, or an attribute of a record."""

    holder: Any
    key: Any
    text: str

    def put(self, text: str) -> None:
        """Writes the text there."""
        if isinstance(self.holder, dict | list):
            self.holder[self.key] = text
        else:
            setattr(self.holder, self.key, text)


def size(text: str) -> int:
    """How many bytes the text takes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def cut(text: str, limit: int) -> str:
    """The text in at most `limit` bytes: its middle gives way to a mark of how much is shown.

    Where even the mark has no room, an ellipsis stands for the text.
    """
    if len(text) * 4 <= limit or size(text) <= limit:
        return text
    if limit < _MARK_ROOM:
        return "…" if limit >= size("…") else ""
    encoded = text.encode("utf-8", "surrogatepass")
    half = (limit - _MARK_ROOM) // 2
    head, tail = (piece.decode("utf-8", "ignore") for piece in (encoded[:half], encoded[len(encoded) - half :]))
    return f"{head}…[llmtrace: {size(head) + size(tail)} of {len(encoded)} bytes]…{tail}"


def fit(places: Iterable[Place], budget: int) -> None:
    """Cuts the largest of the texts, all to one length, so that together they take at most `budget` bytes."""
    sized = sorted(((size(place.text), place) for place in places), key=lambda pair: pair[0], reverse=True)
    rest = sum(weight for weight, _ in sized)
    if rest <= budget:
        return
    level = budget
    for count, (weight, _) in enumerate(sized, 1):
        rest -= weight
        level = max(budget - rest, 0) // count
        if count == len(sized) or level >= sized[count][0]:
            break
    for weight, place in sized:
        if weight <= level:
            break
        place.put(cut(place.text, level))
