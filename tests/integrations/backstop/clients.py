"""HTTP clients as apps use them by hand: real ones, over real sockets, each asking in its own words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

Ask = Callable[[Any, str, Any], Awaitable[Any]]


@dataclass(frozen=True)
class Way:
    """One way to send a POST: the library, and functions that give the whole answer's text and its pieces."""

    library: str
    whole: Callable[[Any, str, Any], Awaitable[tuple[int, bytes]]]
    pieces: Callable[[Any, str, Any], AsyncIterator[bytes]]

    def module(self) -> Any:
        """The library, if it is installed here."""
        return pytest.importorskip(self.library, reason="not applicable: lib is tested in another environment")


async def _httpx(http: Any, url: str, body: Any) -> tuple[int, bytes]:
    with http.Client(follow_redirects=True) as client:
        response = client.post(url, json=body)
        return response.status_code, response.content


async def _httpx_pieces(http: Any, url: str, body: Any) -> AsyncIterator[bytes]:
    with http.Client() as client, client.stream("POST", url, content=json.dumps(body)) as response:
        for piece in response.iter_bytes():
            yield piece


async def _httpx_async(http: Any, url: str, body: Any) -> tuple[int, bytes]:
    async with http.AsyncClient(follow_redirects=True) as client:
        response = await client.post(url, json=body)
        return response.status_code, response.content


async def _httpx_async_pieces(http: Any, url: str, body: Any) -> AsyncIterator[bytes]:
    async with http.AsyncClient() as client, client.stream("POST", url, json=body) as response:
        async for piece in response.aiter_bytes():
            yield piece


async def _requests(http: Any, url: str, body: Any) -> tuple[int, bytes]:
    response = http.post(url, json=body)
    return response.status_code, response.content


async def _requests_pieces(http: Any, url: str, body: Any) -> AsyncIterator[bytes]:
    with http.post(url, data=json.dumps(body), stream=True) as response:
        for piece in response.iter_content(None):
            yield piece


async def _urllib3(http: Any, url: str, body: Any) -> tuple[int, bytes]:
    with http.PoolManager() as manager:
        response = manager.request("POST", url, body=json.dumps(body).encode())
        return response.status, response.data


async def _urllib3_pieces(http: Any, url: str, body: Any) -> AsyncIterator[bytes]:
    with http.PoolManager() as manager:
        response = manager.request("POST", url, body=json.dumps(body), preload_content=False)
        for piece in response.stream():
            yield piece
        response.release_conn()


async def _aiohttp(http: Any, url: str, body: Any) -> tuple[int, bytes]:
    async with http.ClientSession() as session, session.post(url, json=body) as response:
        return response.status, await response.read()


async def _aiohttp_pieces(http: Any, url: str, body: Any) -> AsyncIterator[bytes]:
    async with http.ClientSession() as session, session.post(url, data=json.dumps(body).encode()) as response:
        async for piece in response.content.iter_any():
            yield piece


WAYS = {
    "httpx": Way("httpx", _httpx, _httpx_pieces),
    "httpx async": Way("httpx", _httpx_async, _httpx_async_pieces),
    "httpx2": Way("httpx2", _httpx, _httpx_pieces),
    "httpx2 async": Way("httpx2", _httpx_async, _httpx_async_pieces),
    "requests": Way("requests", _requests, _requests_pieces),
    "urllib3": Way("urllib3", _urllib3, _urllib3_pieces),
    "aiohttp": Way("aiohttp", _aiohttp, _aiohttp_pieces),
}
"""By name."""

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@dataclass
class Opened:
    """An answer whose body is still to be read: its pieces, and how it is closed."""

    response: Any
    pieces: Any
    close: Callable[[], Any]

    async def first(self) -> bytes:
        """The first piece."""
        return await anext(self.pieces) if hasattr(self.pieces, "__anext__") else next(self.pieces)


@asynccontextmanager
async def _open_httpx(http: Any, url: str, body: Any) -> AsyncIterator[Opened]:
    with http.Client() as client:
        response = client.send(client.build_request("POST", url, json=body), stream=True)
        yield Opened(response, response.iter_bytes(), response.close)


@asynccontextmanager
async def _open_httpx_async(http: Any, url: str, body: Any) -> AsyncIterator[Opened]:
    async with http.AsyncClient() as client:
        response = await client.send(client.build_request("POST", url, json=body), stream=True)
        yield Opened(response, response.aiter_bytes(), response.aclose)


@asynccontextmanager
async def _open_requests(http: Any, url: str, body: Any) -> AsyncIterator[Opened]:
    with http.Session() as session:
        response = session.post(url, json=body, stream=True)
        yield Opened(response, response.iter_content(None), response.close)


@asynccontextmanager
async def _open_aiohttp(http: Any, url: str, body: Any) -> AsyncIterator[Opened]:
    async with http.ClientSession() as session:
        response = await session.post(url, json=body)
        yield Opened(response, response.content.iter_any(), response.close)


OPENING = {
    "httpx": ("httpx", _open_httpx),
    "httpx async": ("httpx", _open_httpx_async),
    "httpx2": ("httpx2", _open_httpx),
    "httpx2 async": ("httpx2", _open_httpx_async),
    "requests": ("requests", _open_requests),
    "aiohttp": ("aiohttp", _open_aiohttp),
}
"""As `WAYS`, for the libraries whose bodies may be read later: the library, and what opens an answer within a block."""

every_opening = pytest.mark.parametrize(("library", "opening"), OPENING.values(), ids=OPENING)
