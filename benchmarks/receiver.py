"""An OTLP receiver in a process of its own: takes whatever comes, and counts each contestant's bytes and spans.

A contestant sends to `/<name>/v1/traces`, or where its own client puts that; `GET /<name>` says what came from it. To
one that speaks to an agent of its maker it looks enough like that agent.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.request import urlopen

OTLP = ("v1/traces", "v1/metrics", "v1/logs")
AGENT = ["/v0.4/traces", "/v0.5/traces", "/evp_proxy/v2/"]
"""What Datadog's agent says that it takes."""

SPANS = ("v1/traces", "v0.4/traces", "v0.5/traces", "api/v2/llmobs")
"""The ends of the paths that spans are sent to; statistics, metrics and the like are taken and not counted."""


@dataclass
class Got:
    """What one contestant has sent: its size in bytes before compression, requests, and the last ones themselves."""

    size: int = 0
    requests: int = 0
    last: bytes = b""
    latest: deque[bytes] = field(default_factory=lambda: deque(maxlen=8))


class Receiver(BaseHTTPRequestHandler):
    """Answers as an OTLP endpoint over HTTP does."""

    protocol_version = "HTTP/1.1"
    got: ClassVar[dict[str, Got]] = {}

    def do_POST(self) -> None:
        """Takes a request."""
        body = self._body()
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        name, _, signal = self.path.strip("/").partition("/")
        if signal.endswith(SPANS):
            got = self.got.setdefault(name, Got())
            got.size += len(body)
            got.requests += 1
            got.last = body if signal.endswith(OTLP) else b""
            got.latest.append(body)
        if signal.endswith(OTLP):
            self._answer(b"", "application/x-protobuf")
        else:
            self._answer(b"{}", "application/json")

    do_PUT = do_POST  # noqa: N815 - the server looks for this name

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def do_GET(self) -> None:
        """Says what came from a contestant; the last request's spans in full, to look at."""
        name, _, what = self.path.strip("/").partition("/")
        got = self.got.get(name, Got())
        if what == "info":
            self._answer(json.dumps({"version": "7.75.0", "endpoints": AGENT}).encode(), "application/json")
            return
        if what == "latest":
            self._answer(b"\n".join(got.latest), "application/octet-stream")
            got.latest.clear()
            return
        report = {"bytes": got.size, "requests": got.requests, "spans": spans(got.last)}
        self._answer(json.dumps(report).encode(), "application/json")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def spans(body: bytes) -> list[dict[str, Any]]:
    """The spans of a request: their names and attributes."""
    # Deferred: only the question needs it, not the receiving.
    from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]  # noqa: PLC0415
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: PLC0415

    request = ExportTraceServiceRequest.FromString(body)
    found = [span for each in request.resource_spans for scope in each.scope_spans for span in scope.spans]
    return [
        {"name": span.name, "attributes": {pair.key: MessageToDict(pair.value) for pair in span.attributes}}
        for span in found
    ]


@dataclass(frozen=True)
class Post:
    """The receiver's process, from outside."""

    url: str

    def got(self, name: str) -> dict[str, Any]:
        """What came from a contestant so far."""
        with urlopen(f"{self.url}/{name}") as response:  # noqa: S310 - our own process on the loopback
            found: dict[str, Any] = json.load(response)
        return found

    def latest(self, name: str) -> str:
        """What came from a contestant since this was last asked, as text, whatever it is encoded in."""
        with urlopen(f"{self.url}/{name}/latest") as response:  # noqa: S310 - as above
            return str(response.read(), "utf-8", "replace")


@contextmanager
def receiving() -> Iterator[Post]:
    """A receiver, as long as it is needed."""
    command = [sys.executable, "-m", "benchmarks.receiver"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Post(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.terminate()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    print(server.server_address[1], flush=True)
    server.serve_forever()
