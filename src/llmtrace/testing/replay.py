"""Gives recorded answers to the requests they were recorded for, byte for byte, with streams cut anywhere."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from llmtrace.testing.local_http import Cut, LocalServer, Request, Response, json_bytes

_STREAMED = frozenset({"sse", "ndjson", "aws-eventstream"})


class Recorded(Protocol):
    """One recorded exchange: `request` has `method`, `url` and `body`; `response` has `status`, `headers` and a body.

    The response's body is `body_text` or `body_base64`; `body_format` says whether it was streamed (`sse`).
    """

    @property
    def request(self) -> Mapping[str, Any]:
        """What was sent."""
        ...

    @property
    def response(self) -> Mapping[str, Any]:
        """What came back."""
        ...


class ReplayServer(LocalServer):
    """Answers the n-th request to a path with the n-th exchange recorded for it, or the one that has its JSON body.

    A path matches when one of the two ends with the other, so that a client's own prefix does not matter. The last
    exchange is given again to whoever keeps asking, such as a client that retries.
    """

    def __init__(self, exchanges: Iterable[Recorded], *, cut: Cut = None, delay: float = 0.0) -> None:
        super().__init__(cut=cut, delay=delay)
        self._exchanges = list(exchanges)
        self._given: set[int] = set()
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        """The recorded answer; 501 where nothing was recorded for such a request."""
        found = self._match(request)
        if found is None:
            words = f"nothing was recorded for {request.method} {request.path}"
            return Response(501, {"content-type": "application/json"}, json_bytes({"error": {"message": words}}))
        response = found.response
        streamed = response.get("body_format") in _STREAMED
        return Response(response["status"], response["headers"], _body(response), stream=streamed)

    def _match(self, request: Request) -> Recorded | None:
        with self._lock:
            candidates = [n for n, one in enumerate(self._exchanges) if _fits(one.request, request)]
            if not candidates:
                return None
            body = request.json
            fresh = [n for n in candidates if n not in self._given] or candidates[-1:]
            same = [n for n in fresh if body is not None and self._exchanges[n].request.get("body") == body]
            chosen = (same or fresh)[0]
            self._given.add(chosen)
            return self._exchanges[chosen]


def _fits(recorded: Mapping[str, Any], request: Request) -> bool:
    path, asked = urlsplit(recorded["url"]).path, request.path
    return recorded["method"] == request.method and (path.endswith(asked) or asked.endswith(path))


def _body(response: Mapping[str, Any]) -> bytes:
    if "body_base64" in response:
        return base64.b64decode(response["body_base64"])
    return str(response.get("body_text") or "").encode()
