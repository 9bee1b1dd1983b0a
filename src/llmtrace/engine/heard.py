"""What was heard of one stream: its chunks and their times, bounded in memory whatever its length."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

STREAM_BYTES = 16 * 2**20
"""What is kept of one stream; beyond it the middle is left out, since its beginning and its end bear the facts."""

_CHUNKS = 100_000
_TAIL = 64
_TIMES = 4096


class Heard:
    """The chunks that came by, in order. `gap` is where some were left out, or None while all are there."""

    __slots__ = ("_tail", "chunks", "gap", "size", "times")

    def __init__(self) -> None:
        self.chunks: list[Any] = []
        self.times: list[int] = []
        self.size = 0
        self.gap: int | None = None
        self._tail: deque[Any] | None = None

    def add(self, chunk: Any) -> None:
        """A chunk came by."""
        if len(self.times) < _TIMES:
            self.times.append(time.perf_counter_ns())
        self.size += length(chunk)
        if self.size <= STREAM_BYTES and len(self.chunks) < _CHUNKS:
            self.chunks.append(chunk)
            return
        if self._tail is None:
            self.gap = len(self.chunks)
            self._tail = deque(maxlen=_TAIL)
        self._tail.append(chunk)

    def all(self) -> Sequence[Any]:
        """The chunks that were kept."""
        return self.chunks if self._tail is None else [*self.chunks, *self._tail]

    def gaps(self) -> list[float]:
        """Seconds between chunks, from the second chunk on."""
        return [(later - earlier) / 1e9 for earlier, later in pairwise(self.times)]

    def shed(self) -> None:
        """Keeps the end alone: that is where the counts are."""
        self.chunks = list(self.all()[-_TAIL:])
        self._tail = None
        self.gap = 0


def length(material: Any) -> int:
    """Bytes or characters of a body; 0 for what is no text."""
    return len(material) if isinstance(material, bytes | str) else 0
