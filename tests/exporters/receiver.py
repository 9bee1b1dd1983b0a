"""An OTLP receiver on this machine that decodes what it gets and answers as a test scripts it."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PROTOBUF = {"content-type": "application/x-protobuf"}


@dataclass(frozen=True)
class Answer:
    """What the receiver does with a request: answers, answers late, or breaks the connection without a word."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: PROTOBUF)
    body: bytes = b""
    after: float = 0.0
    reset: bool = False


def partial(rejected: int, message: str = "") -> Answer:
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = message
    return Answer(body=response.SerializeToString())


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    size: int
    export: ExportTraceServiceRequest

    @property
    def spans(self) -> list[Span]:
        return [
            span for resource in self.export.resource_spans for scope in resource.scope_spans for span in scope.spans
        ]


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of clients that went away: tests make them."""


class Receiver:
    """Answers with the script's entries in turn, then that all is well; refuses bodies over `largest`."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self.script: list[Answer] = []
        self.largest: int | None = None
        self.requests: list[Received] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, *args: object) -> None:
                """Keeps the test's output clean."""

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "https" if trust else "http"
        if trust:
            self._server.socket = trust.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def names(self) -> list[str]:
        """The names of all spans that came, in order."""
        return [span.name for request in self.requests for span in request.spans]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        with self._lock:
            answer = self.script.pop(0) if self.script else Answer()
            if self.largest is not None and len(plain) > self.largest:
                answer = Answer(413)
            export = ExportTraceServiceRequest.FromString(plain)
            self.requests.append(Received(handler.path, headers, len(plain), export))
        self.closing.wait(answer.after)
        if answer.reset:
            # Lingering for no time makes the kernel send a reset in place of an orderly end.
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiving(trust: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver(trust)
    try:
        yield receiver
    finally:
        receiver.close()
