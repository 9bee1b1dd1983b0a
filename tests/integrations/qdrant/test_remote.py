"""A Qdrant server is named by its host and port, and by the status that it refuses with."""

import json
import threading
import warnings
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("qdrant_client", reason="not applicable: qdrant_client is tested in another environment")

from opentelemetry.trace import SpanKind
from qdrant_client import AsyncQdrantClient, QdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse

from llmtrace.testing.captured import capture, decoded
from tests.integrations.conformance.clients import settled

POINT = {"id": 1, "version": 1, "score": 0.5, "payload": {"text": "the fjord"}}
sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


class Handler(BaseHTTPRequestHandler):
    """Answers a query of one collection, and refuses all others."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        known = "/land/" in self.path
        self.server.headers_seen.append(dict(self.headers))
        body = {"result": {"points": [POINT]}, "status": "ok", "time": 0.1} if known else {"status": {"error": "none"}}
        payload = json.dumps(body).encode()
        self.send_response(200 if known else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        """Nothing is said of requests."""


@contextmanager
def serving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.headers_seen = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def connected(server, *, asynchronous):
    kind = AsyncQdrantClient if asynchronous else QdrantClient
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its version is not asked for
        return kind(url=f"http://127.0.0.1:{server.server_port}", check_compatibility=False)


@sync_and_async
async def test_the_span_says_where_the_server_is(asynchronous):
    with serving() as server:
        client = connected(server, asynchronous=asynchronous)
        with capture() as captured:
            found = await settled(client.query_points("land", query=[1.0, 0.0]))
            (span,) = captured.spans
        await settled(client.close())
        assert found.points[0].payload == {"text": "the fjord"}
        said = decoded(span)
        assert (said["server.address"], said["server.port"]) == ("127.0.0.1", server.server_port)
        assert (span.name, span.kind) == ("retrieval land", SpanKind.CLIENT)
        assert said["gen_ai.retrieval.documents"] == [{"id": "1", "score": 0.5, "content": "the fjord"}]
        assert "traceparent" not in {name.lower() for seen in server.headers_seen for name in seen}


@sync_and_async
async def test_a_refusal_is_named_by_its_status(asynchronous):
    with serving() as server:
        client = connected(server, asynchronous=asynchronous)
        with capture() as captured:
            with pytest.raises(UnexpectedResponse):
                await settled(client.query_points("sea", query=[1.0, 0.0]))
            (span,) = captured.spans
        await settled(client.close())
    said = decoded(span)
    assert said["db.response.status_code"] == "404"
    assert said["error.type"] == "qdrant_client.http.exceptions.UnexpectedResponse"
