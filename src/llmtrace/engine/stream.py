"""The ear: it stands in for what an answer is read from, hands everything on untouched, and knows when it ended."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from llmtrace.engine.guard import Guard

if TYPE_CHECKING:
    from llmtrace.engine.call import Call
    from llmtrace.facts.operation import Received

READING = frozenset(
    {
        *("read", "read1", "readinto", "readinto1", "readline", "readlines"),
        *("read_nowait", "readany", "readchunk", "readexactly", "readuntil"),
        *("iter_any", "iter_chunked", "iter_chunks", "read_chunked", "stream"),
    }
)
"""The methods that give a body's bytes: those of files, those of aiohttp's readers, and those of both by the piece."""


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
        return self._each(self._source)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._aeach(self._source)

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

    def _each(self, chunks: Any) -> Iterator[Any]:
        try:
            for chunk in chunks:
                self._hear(chunk)
                yield chunk
        except BaseException as error:
            self._end(error)
            raise
        self._end(exhausted=True)

    async def _aeach(self, chunks: Any) -> AsyncIterator[Any]:
        try:
            async for chunk in chunks:
                self._hear(chunk)
                yield chunk
        except BaseException as error:
            self._end(error)
            raise
        self._end(exhausted=True)

    def _hear(self, chunk: Any) -> None:
        with self._guard:
            self._call.hear(chunk)

    def _end(self, error: BaseException | None = None, *, exhausted: bool = False) -> None:
        with self._guard:
            self._call.left(self._number, error, exhausted=exhausted)


class BodyEar(Ear):
    """Listens to a body that is read as a file is, by the piece and by any of many methods, to the end or not.

    It passes for the source where somebody asks: a library may hand it to the app.
    """

    __slots__ = ()

    @property  # type: ignore[misc]  # a class by any other name
    def __class__(self) -> type:
        return type(self._source)

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        return self._reading(found) if name in READING else found

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Ear.__slots__:
            super().__setattr__(name, value)
        else:
            setattr(self._source, name, value)

    def __dir__(self) -> list[str]:
        return dir(self._source)

    def __repr__(self) -> str:
        return repr(self._source)

    def __enter__(self) -> Any:
        self._source.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._end()
        self._source.__exit__(*raised)

    def set_exception(self, *args: Any) -> None:
        """How aiohttp tells a reader that its response was closed."""
        self._end()
        self._source.set_exception(*args)

    def __next__(self) -> Any:
        return self._reading(self._source.__next__)()

    def _reading(self, method: Any) -> Any:
        """The method; what it gives is heard, whether it gives bytes, a promise of them, or an iterator."""

        def reading(*args: Any, **kwargs: Any) -> Any:
            try:
                given = method(*args, **kwargs)
            except BaseException as error:
                self._end(None if isinstance(error, StopIteration) else error, exhausted=True)
                raise
            if hasattr(given, "__next__"):
                return self._each(given)
            if hasattr(given, "__anext__"):
                return self._aeach(given)
            if inspect.iscoroutine(given):
                return self._awaited(args, given)
            self._given(args, given)
            return given

        return reading

    async def _awaited(self, args: tuple[Any, ...], coming: Coroutine[Any, Any, Any]) -> Any:
        try:
            given = await coming
        except BaseException as error:
            self._end(error)
            raise
        self._given(args, given)
        return given

    def _given(self, args: tuple[Any, ...], given: Any) -> None:
        with self._guard:
            piece = _bytes(args, given)
            if piece:
                self._call.hear(piece)
            if _over(self._source, args, piece):
                self._call.left(self._number, None, exhausted=True)

    def _hear(self, chunk: Any) -> None:
        with self._guard:
            self._call.hear(_bytes((), chunk))

    def _end(self, error: BaseException | None = None, *, exhausted: bool = False) -> None:
        with self._guard:
            if not isinstance(error, GeneratorExit):  # who leaves one way of reading may go on by another
                self._call.left(self._number, error, exhausted=exhausted)


def listen(call: Call, received: Received, guard: Guard) -> None:
    """Puts an ear where the answer says that its body is still to come from, if there is none yet."""
    if received.tap is None:
        return
    holder, name = received.tap
    received.tap = None
    source = getattr(holder, name)
    if type(source) in (Ear, BodyEar):  # some libraries look at an answer twice
        return
    kind = BodyEar if hasattr(source, "read") else Ear
    setattr(holder, name, kind(source, call, guard, call.listening()))


def _bytes(args: tuple[Any, ...], given: Any) -> Any:
    """The bytes among what a reading method gave: alone, in a list, beside a flag, or as many in the app's buffer."""
    if isinstance(given, list):
        return b"".join(given)
    if isinstance(given, tuple):
        return given[0]
    return bytes(memoryview(args[0])[:given]) if isinstance(given, int) else given


def _over(source: Any, args: tuple[Any, ...], piece: bytes) -> bool:
    """Whether nothing more is to come: the source says so, or gave nothing though it was asked for something."""
    at_eof = getattr(source, "at_eof", None)
    if at_eof is not None:
        return bool(at_eof())
    return bool(getattr(source, "closed", False)) or not (piece or 0 in args)
