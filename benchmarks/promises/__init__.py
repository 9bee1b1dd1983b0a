"""The promises, one file each, and the table of what is measured in slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.contestants.contestant import Untraced
from benchmarks.promises import calls, decorators, streams, whole


class Slice(NamedTuple):
    """A measure that is taken slice by slice, in turns with the other contestants.

    `prepare` gets the contestant and gives what measures a slice of so many runs, in seconds for one. `usual` is how
    many runs make a slice, `most` what a run may cost as a part of the hand-written span's cost.
    """

    prepare: Callable[[Untraced], Callable[[int], float]]
    usual: int
    most: float


SLICES = {
    "small chat call": Slice(calls.one_by_one("small chat call"), 20, 0.6),
    "Responses call": Slice(calls.one_by_one("Responses call"), 20, 0.6),
    "Anthropic call": Slice(calls.one_by_one("Anthropic call"), 20, 0.6),
    "200 kB context with 20 tools": Slice(calls.one_by_one("200 kB context with 20 tools"), 7, 0.15),
    "stream chunk": Slice(streams.chunk, 3, 0.5),
    "50 concurrent async calls": Slice(calls.concurrent, 2, 0.8),
    "decorated empty function": Slice(decorators.plain, 100, 0.6),
    "decorated empty coroutine": Slice(decorators.coroutine, 100, 0.6),
    "all CPU of a small call": Slice(whole.cpu("small chat call"), 100, 0.7),
    "all CPU of a 200 kB call": Slice(whole.cpu("200 kB context with 20 tools"), 20, 0.5),
}
"""What is measured → how."""

SENT = {
    "bytes of a small call": ("small chat call", 50),
    "bytes of a 200 kB call": ("200 kB context with 20 tools", 10),
}
"""What is exported, before compression → of which call, and how many are made to tell."""
