"""A contestant's own process: begins tracing, then measures slices as it is told, one JSON line for each."""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.contestants.contestant import Untraced


class Seat:
    """Where a contestant sits: what it has been prepared for stays prepared."""

    def __init__(self, module: str, endpoint: str) -> None:
        # The app's own imports, and a client made, as in an app that comes to `init()`.
        for library in ("openai", "anthropic"):
            importlib.import_module(library)
        self.contestant: Untraced = importlib.import_module(module).Contestant()
        began = time.perf_counter()
        self.contestant.begin(endpoint)
        self.began_in = time.perf_counter() - began
        self._slices: dict[str, Callable[[int], float]] = {}

    def slice(self, name: str, count: int) -> float:
        """Measures a slice; what it left to do in the background is done before the next contestant's turn."""
        from benchmarks.promises import SLICES  # noqa: PLC0415 - it loads what a contestant must begin before

        if name not in self._slices:
            self._slices[name] = SLICES[name].prepare(self.contestant)
        gc.collect()
        taken = self._slices[name](count)
        self.contestant.flush()
        return taken

    def peak(self) -> int:
        """The most memory that the process ever had, in bytes."""
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

    def started(self) -> float:
        """The seconds that beginning took."""
        return self.began_in


def main(module: str, endpoint: str) -> None:
    """Answers requests (`{"do": ..., ...}`) until there are no more. What a library prints goes to stderr."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    seat = Seat(module, endpoint)
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        answer = getattr(seat, request.pop("do"))(**request)
        print(json.dumps(answer), file=replies, flush=True)
    seat.contestant.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
