"""The ear: it stands in for a stream's inner iterator, hands every chunk on untouched, and knows when it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from llmtrace.engine.guard import Guard

if TYPE_CHECKING:
    from llmtrace.engine.call import Call
    from llmtrace.facts.operation import Received


class Ear:
    """Listens to one stream for one call. What it does not itself define is the source's own.

    The call does not refer back to its ear: when the app drops the stream, the ear goes too, and that ends the call.
    """

    __slots__ = ("__weakref__", "_call", "_guard", "_number", "_source")

    def __init__(self, source: Any, call: Call, guard: Guard, number: int) -> None:
        self._source = source
        self._call = call
        self._guard = guard
        self._number = number

    def __iter__(self) -> Iterator[Any]:
        try:
            for chunk in self._source:
                self._hear(chunk)
                yield chunk
        except BaseException as error:
            self._end(error)
            raise
        self._end(exhausted=True)

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            async for chunk in self._source:
                self._hear(chunk)
                yield chunk
        except BaseException as error:
            self._end(error)
            raise
        self._end(exhausted=True)

    def iter_any(self) -> Ear:
        """The source's chunks as they come: how a body is read from aiohttp."""
        return Ear(self._source.iter_any(), self._call, self._guard, self._number)

    async def readline(self, *args: Any, **kwargs: Any) -> bytes:
        """The source's next line; none is left where it is empty. Another way to read from aiohttp."""
        coming = self._source.readline(*args, **kwargs)
        try:
            line: bytes = await coming
        except BaseException as error:
            self._end(error)
            raise
        if line:
            self._hear(line)
        else:
            self._end(exhausted=True)
        return line

    def close(self) -> None:
        """Closes the source; the stream ends here if it did not before."""
        self._end()
        self._source.close()

    async def aclose(self) -> None:
        """Closes the source; the stream ends here if it did not before."""
        self._end()
        await self._source.aclose()

    def __getattr__(self, name: str) -> Any:
        if name in Ear.__slots__:  # one that is being copied has nothing yet, and no source to ask
            raise AttributeError(name)
        return getattr(self._source, name)

    def __del__(self) -> None:
        self._end()

    def _hear(self, chunk: Any) -> None:
        with self._guard:
            self._call.hear(chunk)

    def _end(self, error: BaseException | None = None, *, exhausted: bool = False) -> None:
        with self._guard:
            self._call.left(self._number, error, exhausted=exhausted)


def listen(call: Call, received: Received, guard: Guard) -> None:
    """Puts an ear where the answer says that its body is still to come from."""
    if received.tap is None:
        return
    holder, name = received.tap
    received.tap = None
    setattr(holder, name, Ear(getattr(holder, name), call, guard, call.listening()))
