"""The caller's own thread is hardly held up: seconds that one call takes longer, whatever its size."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from benchmarks import provider
from benchmarks.contestants.contestant import Untraced
from benchmarks.provider import httpx2

TOGETHER = 50
"""How many calls are under way at a time, where they are concurrent."""


def transport() -> Any:
    """What a client is given in place of a network."""
    return httpx2.Client(transport=httpx2.MockTransport(provider.answer))


def openai() -> Any:
    """A real client."""
    from openai import OpenAI  # noqa: PLC0415 - a contestant begins before any client is made

    return OpenAI(api_key="not-a-key", http_client=transport(), max_retries=0)


def _anthropic() -> Any:
    from anthropic import Anthropic  # noqa: PLC0415 - as above

    return Anthropic(api_key="not-a-key", http_client=transport(), max_retries=0)


CALLS: dict[str, tuple[str, Callable[[], Any], Callable[[], dict[str, Any]]]] = {
    "small chat call": ("chat", lambda: openai().chat.completions.create, provider.small),
    "Responses call": ("responses", lambda: openai().responses.create, provider.small_response),
    "Anthropic call": ("messages", lambda: _anthropic().messages.create, provider.small_message),
    "200 kB context with 20 tools": ("chat", lambda: openai().chat.completions.create, provider.large),
}
"""What is called → the API, the client's function and its request."""


def made(contestant: Untraced, name: str) -> Callable[[], Any]:
    """One call of that name, traced, to be made again and again."""
    api, function, request = CALLS[name]
    traced, given = contestant.call(api, function()), request()
    return lambda: traced(**given)


def undisturbed(taken: list[float]) -> float:
    """What a run takes that nothing got in the way of: nine in ten took longer.

    On a machine that others use too this is several times steadier than the median, and a difference of two such
    values is that of the medians.
    """
    return sorted(taken)[len(taken) // 10]


def timed(function: Callable[[], Any], count: int) -> float:
    """The time of one run. A slice is over before a background thread of ours wakes up to get in the way."""
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        function()
        taken.append(time.perf_counter() - began)
    return undisturbed(taken)


def one_by_one(name: str) -> Callable[[Untraced], Callable[[int], float]]:
    """The measure of one of the calls."""

    def prepare(contestant: Untraced) -> Callable[[int], float]:
        call = made(contestant, name)
        return lambda count: timed(call, count)

    return prepare


def concurrent(contestant: Untraced) -> Callable[[int], float]:
    """The time of a call among many: all of them together, divided."""
    from openai import AsyncOpenAI  # noqa: PLC0415 - as above

    network = httpx2.AsyncClient(transport=httpx2.MockTransport(provider.answer_later))
    client = AsyncOpenAI(api_key="not-a-key", http_client=network, max_retries=0)
    create, request = contestant.call("async chat", client.chat.completions.create), provider.small()
    loop = asyncio.new_event_loop()

    async def together() -> None:
        await asyncio.gather(*(create(**request) for _ in range(TOGETHER)))

    return lambda count: timed(lambda: loop.run_until_complete(together()), count) / TOGETHER
