"""A small HTTP server on this machine whose answers a subclass decides, and whose streams can be cut anywhere."""

from __future__ import annotations

import gzip as gzip_codec
import json
import random
import re
import socket
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from llmtrace.facts.records import Json
from llmtrace.facts.wire import json_body

if TYPE_CHECKING:
    from typing_extensions import Self

Cut: TypeAlias = int | Sequence[int] | random.Random | None
"""Where a stream is cut: every so many bytes, at these offsets, at random; None cuts after each event."""


_EVENT = re.compile(rb".+?\n\n|.+\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the server saw. The names of `headers` ignore case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: bytes

    @property
    def json(self) -> Json:
        """The body's JSON document, or None where it holds none."""
        return json_body(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """What the server answers. After `drop_after` bytes of the body the connection is closed without a word."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    stream: bool = False
    drop_after: int | None = None


def json_bytes(value: Json) -> bytes:
    """Compact JSON in UTF-8, not in escapes: a cut can then fall inside a character."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def pieces(body: bytes, cut: Cut) -> Iterator[bytes]:
    """The body in the pieces that are written one by one; joined they are the body."""
    if cut is None:
        yield from _framed(body) if body.startswith(b"\0") else _EVENT.findall(body)
        return
    start = 0
    for end in (*_ends(len(body), cut), len(body)):
        if start < end <= len(body):
            yield body[start:end]
            start = end


def _framed(body: bytes) -> Iterator[bytes]:
    """The messages of a binary event stream: the first four bytes of each are its length."""
    start = 0
    while start < len(body):
        end = start + max(4, int.from_bytes(body[start : start + 4], "big"))
        yield body[start:end]
        start = end


def _ends(size: int, cut: int | Sequence[int] | random.Random) -> Sequence[int]:
    if isinstance(cut, int):
        return range(cut, size, cut)
    if isinstance(cut, random.Random):
        return sorted(cut.sample(range(size), k=min(size, 1 + size // 20)))
    return sorted(cut)


class LocalServer(ABC):
    """Listens on a free port of 127.0.0.1 between `with` and its end, and keeps what it was asked in `requests`.

    `delay` is the time in seconds before each piece of a stream; `gzip` compresses every body. An exception raised
    while answering drops the connection, and the end of the `with` block raises it.
    """

    def __init__(self, *, cut: Cut = None, delay: float = 0.0, gzip: bool = False) -> None:
        self.cut = cut
        self.delay = delay
        self.gzip = gzip
        self.requests: list[Request] = []
        self._faults: list[BaseException] = []
        self._closing = threading.Event()

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """What to answer; called on a thread of the connection's own."""

    @property
    def url(self) -> str:
        """The server's address, without a path."""
        host, port = self._listener.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> Self:
        self._listener = _Listener(self)
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.01,), name="llmtrace-testing", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._listener.shutdown()
        self._thread.join()
        self._listener.hang_up()
        self._listener.server_close()
        if error is None and self._faults:
            raise self._faults[0]

    def failed(self, error: BaseException) -> None:
        """Keeps what went wrong while answering, for the end of the `with` block."""
        self._faults.append(error)

    def handle(self, request: Request) -> Response:
        """Answers a request, remembering it."""
        self.requests.append(request)
        response = self.answer(request)
        if not self.gzip:
            return response
        headers = {**response.headers, "content-encoding": "gzip"}
        body = gzip_codec.compress(response.body)
        return Response(response.status, headers, body, response.stream, response.drop_after)

    def parts(self, response: Response) -> Iterator[bytes]:
        """The response's body as it is written: a stream in pieces and at its own pace, up to where the line drops."""
        body = response.body[: response.drop_after]
        if not response.stream:
            yield body
            return
        for piece in pieces(body, self.cut):
            if self.delay:
                self._closing.wait(self.delay)
            yield piece


class _Listener(ThreadingHTTPServer):
    # Connections are joined at the end, so that no thread or socket outlives the `with` block.
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, owner: LocalServer) -> None:
        self.owner = owner
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Ends the connections that clients keep open."""
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, ConnectionError):
            self.owner.failed(error)


class _Connection(BaseHTTPRequestHandler):
    """One connection: reads requests off it, one after the other, and writes the owner's answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _owner(self) -> LocalServer:
        assert isinstance(self.server, _Listener)
        return self.server.owner

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        request = Request(self.command, url.path, parse_qs(url.query), self.headers, body)
        response = self._owner.handle(request)
        # A client that has heard enough hangs up; that is no fault of the server's.
        with suppress(ConnectionError):
            self._write(response)

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        framing = ("transfer-encoding", "chunked") if response.stream else ("content-length", str(len(response.body)))
        self.send_header(*framing)
        self.end_headers()
        for part in self._owner.parts(response):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if response.stream else part)
        if response.drop_after is not None:
            self.close_connection = True
        elif response.stream:
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names the base class looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Says nothing: `requests` is the log."""
