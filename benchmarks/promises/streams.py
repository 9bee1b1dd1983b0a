"""A stream flows as it did: seconds that one chunk takes longer to reach the app."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

from benchmarks.contestants.contestant import Untraced
from benchmarks.promises import calls
from benchmarks.provider import small

_FIRST = 10
"""The chunk from which on times are taken: what happens once, at the beginning, is no part of it."""


def chunk(contestant: Untraced) -> Callable[[int], float]:
    """The time from one chunk to the next, in streams of hundreds."""
    request = small() | {"stream": True, "stream_options": {"include_usage": True}}
    create = contestant.call("stream", calls.openai().chat.completions.create)

    def once() -> list[float]:
        times = [time.perf_counter() for _ in create(**request)]
        contestant.flush()  # here, so that nothing of it disturbs the next stream
        return [later - earlier for earlier, later in pairwise(times[_FIRST:])]

    return lambda count: calls.undisturbed([gap for _ in range(count) for gap in once()])
