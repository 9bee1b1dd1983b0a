"""A network inside the process: real clients send to real hosts' names, and scripted answers come back."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One answer. `cut` is the size of the pieces in which the body comes.

    `refused` makes the error that stands in for an answer; `broken` makes one that is raised where the body would end.
    With `stalls` the body's last piece never comes.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int = 1000
    refused: Callable[[ModuleType, Any], Exception] | None = None
    broken: Callable[[ModuleType], Exception] | None = None
    stalls: bool = False

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), self.cut):
            yield self.body[start : start + self.cut]


@dataclass(frozen=True)
class Sent:
    """A request as it left the client: the header lines as they were written, in order."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes


class Network:
    """Answers the n-th request with the n-th answer, and all further ones with the last; keeps what was sent."""

    def __init__(self, http: ModuleType, *answers: Answer) -> None:
        self.http = http
        self.answers = answers
        self.requests: list[Sent] = []

    def __call__(self, request: Any) -> Any:
        """What `MockTransport` calls, for sync and async clients alike."""
        headers = [(name.decode(), value.decode()) for name, value in request.headers.raw]
        self.requests.append(Sent(request.method, str(request.url), headers, request.content))
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if answer.refused is not None:
            raise answer.refused(self.http, request)
        return self.http.Response(answer.status, headers=dict(answer.headers), stream=_body(self.http)(answer))

    def client(self, *, asynchronous: bool) -> Any:
        """An HTTP client of the library's kind that talks to this network only."""
        kind = self.http.AsyncClient if asynchronous else self.http.Client
        return kind(transport=self.http.MockTransport(self), follow_redirects=True)


def http_of(package: str) -> ModuleType:
    """The HTTP library that a client library of this version stands on."""
    base = importlib.import_module(f"{package}._base_client")
    return getattr(base, "httpx2", None) or base.httpx


@cache
def _body(http: ModuleType) -> type:
    class Body(http.SyncByteStream, http.AsyncByteStream):  # type: ignore[name-defined, misc]
        """A body that is still to come; like a socket it gives each piece once, whoever asks."""

        def __init__(self, answer: Answer) -> None:
            self.answer = answer
            self.pieces = answer.pieces()

        def __iter__(self) -> Iterator[bytes]:
            yield from self.pieces
            if self.answer.broken is not None:
                raise self.answer.broken(http)

        async def __aiter__(self):
            for piece in self.pieces:
                await asyncio.sleep(0)
                yield piece
            if self.answer.stalls:
                await asyncio.Event().wait()
            if self.answer.broken is not None:
                raise self.answer.broken(http)

    return Body
