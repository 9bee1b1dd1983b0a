"""Makes an HTTP response of what a model server answers: one JSON body, or a stream's events."""

from __future__ import annotations

from llmtrace.facts.records import Json
from llmtrace.testing.local_http import Response, json_bytes

SSE = "text/event-stream; charset=utf-8"


def whole(
    body: Json, status: int = 200, headers: dict[str, str] | None = None, drop_after: int | None = None
) -> Response:
    """The body as one document."""
    given = {"content-type": "application/json", **(headers or {})}
    return Response(status, given, json_bytes(body), drop_after=drop_after)


def events(body: bytes, drop_after: int | None, media: str = SSE) -> Response:
    """The body of a stream, which is written piece by piece."""
    headers = {"content-type": media, "cache-control": "no-cache"}
    return Response(200, headers, body, stream=True, drop_after=drop_after)
