"""What is taken off the caller's thread is not just moved: all CPU of the process, until a call has been exported."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.contestants.contestant import Untraced
from benchmarks.promises.calls import made


def cpu(name: str) -> Callable[[Untraced], Callable[[int], float]]:
    """The processor's time, of all threads, for one call of that name, its export included."""

    def prepare(contestant: Untraced) -> Callable[[int], float]:
        call = made(contestant, name)

        def measured(count: int) -> float:
            began = time.process_time()
            for _ in range(count):
                call()
            contestant.flush()
            return (time.process_time() - began) / count

        return measured

    return prepare
