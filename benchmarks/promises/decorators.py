"""A decorator may sit on any function: seconds that one call of an empty one takes longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from benchmarks.contestants.contestant import Untraced
from benchmarks.promises.calls import timed, undisturbed


def plain(contestant: Untraced) -> Callable[[int], float]:
    """A function that does nothing."""

    def empty() -> None:
        pass

    traced = contestant.decorated(empty)
    return lambda count: timed(traced, count)


def coroutine(contestant: Untraced) -> Callable[[int], float]:
    """A coroutine function that does nothing, awaited inside one running loop."""

    async def empty() -> None:
        pass

    traced = contestant.decorated(empty)

    async def many(count: int) -> float:
        taken = []
        for _ in range(count):
            began = time.perf_counter()
            await traced()
            taken.append(time.perf_counter() - began)
        return undisturbed(taken)

    loop = asyncio.new_event_loop()
    return lambda count: loop.run_until_complete(many(count))
