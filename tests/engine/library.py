"""A small client library of every shape the engine must drive: values, awaitables, streams, raw errors, retries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any


class Response:
    """An answer whose body is still to be read through `source`, as an HTTP response's is."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def __iter__(self) -> Iterator[bytes]:
        yield from self.source

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self.source:
            yield chunk

    def close(self) -> None:
        self.source.close()

    async def aclose(self) -> None:
        await self.source.aclose()


class Source:
    """The transport's own stream: sync and async, closable, failing where told to."""

    def __init__(self, chunks: list[bytes], failure: BaseException | None = None) -> None:
        self.chunks = chunks
        self.failure = failure
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks
        if self.failure is not None:
            raise self.failure

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            await asyncio.sleep(0)
            yield chunk
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


class Client:
    """The sync client. `answer` is bytes, a `Response`, or what is raised; `attempts` says how often it is sent."""

    def __init__(self, answer: Any, attempts: int = 1) -> None:
        self.answer = answer
        self.attempts = attempts

    def request(self, prompt: str, *, model: str = "m-1") -> Any:
        """Ask the model."""
        for _ in range(self.attempts):
            self.build(prompt, model)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.process(response=self.answer)

    def build(self, prompt: str, model: str) -> bytes:
        """Make one request."""
        return f"{model}: {prompt}".encode()

    def process(self, *, response: Any) -> Any:
        """Make the result."""
        return response if isinstance(response, Response) else response.decode()

    def trace(self) -> str:
        """The library's own span."""
        return "native"


class AsyncClient(Client):
    """The async client."""

    async def request(self, prompt: str, *, model: str = "m-1") -> Any:  # type: ignore[override]
        """Ask the model."""
        for _ in range(self.attempts):
            self.build(prompt, model)
            await asyncio.sleep(0)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return await self.process(response=self.answer)

    async def pieces(self, prompt: str, *, model: str = "m-1") -> AsyncIterator[Any]:
        """Ask the model as often as pieces are asked for."""

        async def asking() -> AsyncIterator[Any]:
            for _ in range(2):
                yield await self.request(prompt, model=model)

        return asking()

    async def process(self, *, response: Any) -> Any:
        """Make the result."""
        return response if isinstance(response, Response) else response.decode()


class RefusedError(Exception):
    """A status error, which carries the answer it was made from."""

    def __init__(self, body: bytes) -> None:
        super().__init__("the server said no")
        self.body = body
