"""Google's client library, for the Gemini API and for Vertex AI: which request is which call, and what is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from llmtrace.facts.operation import Answered, Begin, Integration, Operation, Point, Received, Sending, Start
from llmtrace.facts.shape import mapping, mappings
from llmtrace.integrations import google_genai_loop, google_genai_nextgen, google_genai_tools
from llmtrace.integrations import google_genai_media as media
from llmtrace.integrations.google_genai_content import GENERATE, STREAM
from llmtrace.integrations.google_genai_parts import short

ACTIONS: dict[str, Operation] = {
    "asyncBatchEmbedContent": media.CREATE_BATCH,
    "batchEmbedContents": media.EMBED,
    "batchGenerateContent": media.CREATE_BATCH,
    "computeTokens": media.COUNT_TOKENS,
    "countTokens": media.COUNT_TOKENS,
    "embedContent": media.EMBED,
    "generateContent": GENERATE,
    "predict": media.IMAGE,
    "predictLongRunning": media.VIDEO,
    "streamGenerateContent": STREAM,
}
"""What is asked of a model, by the word after the colon in the path."""

RESOURCES: dict[tuple[str, str, str], Operation] = {
    ("post", "cachedContents", ""): media.CREATE_CACHE,
    ("get", "cachedContents", "{id}"): media.RETRIEVE_CACHE,
    ("patch", "cachedContents", "{id}"): media.UPDATE_CACHE,
    ("delete", "cachedContents", "{id}"): media.DELETE_CACHE,
    ("post", "batchPredictionJobs", ""): media.CREATE_BATCH,
    ("get", "batchPredictionJobs", "{id}"): media.RETRIEVE_BATCH,
    ("post", "batchPredictionJobs", "{id}:cancel"): media.CANCEL_BATCH,
    ("get", "batches", "{id}"): media.RETRIEVE_BATCH,
    ("post", "batches", "{id}:cancel"): media.CANCEL_BATCH,
}
"""Method, collection and what follows it → operation. What is not here (files, tunings, operations …) is left alone."""

_PATH = re.compile(r"/(?P<model>[^/:]+/[^/:]+):(?P<action>\w+)$")
_RESOURCE = re.compile(r"/(?P<kind>cachedContents|batch(?:es|PredictionJobs))(?:/(?P<id>[^/:]+)(?P<rest>:\w+)?)?$")


class Aim(NamedTuple):
    """Where a request goes, and for what."""

    operation: Operation | None
    model: str | None
    host: str | None
    port: int


@lru_cache(maxsize=512)
def aim(method: str, url: str) -> Aim:
    """What a request is, by its method and its URL."""
    parsed = urlsplit(url)
    operation = model = None
    if found := _PATH.search(parsed.path):
        operation, model = ACTIONS.get(found["action"]), short(found["model"])
    if operation is None and (found := _RESOURCE.search(parsed.path)):
        rest = "{id}" + (found["rest"] or "") if found["id"] else ""
        operation, model = RESOURCES.get((method.lower(), found["kind"], rest)), None
    return Aim(operation, model, parsed.hostname, parsed.port or (443 if parsed.scheme == "https" else 80))


def _start(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start | None:
    client = args[0]
    request = args[1] if len(args) > 1 else kwargs["http_request"]
    body = request.data
    found = aim(request.method, request.url)
    operation, model = found.operation, found.model
    if operation is None:
        return None
    if operation is media.IMAGE and any("content" in one for one in mappings(mapping(body).get("instances"))):
        operation = media.EMBED
    return Start(
        operation=operation,
        provider="gcp.vertex_ai" if client.vertexai else "gcp.gemini",
        model=model,
        address=found.host,
        port=found.port,
        target=model,
        request=body,
        wire=True,
    )


def _sending(_args: tuple[Any, ...], _kwargs: Mapping[str, Any]) -> None:
    """What is sent is what the call was handed: the library encodes it, and keeps nothing of that."""


def _answered(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Received:
    """The text of the answer, or the HTTP library's response from which it is still to be read."""
    headers: Any = args[1] if len(args) > 1 else kwargs["headers"]
    stream: Any = args[2] if len(args) > 2 else kwargs.get("response_stream")  # noqa: PLR2004 - (self, headers, stream)
    if isinstance(stream, list):
        return Received(200, headers.get("content-type", ""), body=stream[0] if stream else b"")
    if hasattr(stream, "stream"):  # httpx
        encoding = headers.get("content-encoding", "")
        return Received(200, headers.get("content-type", ""), encoding, tap=(stream.stream, "_stream"))
    # Of aiohttp, or of requests (with a client's certificate): both have decompressed what is read there.
    return Received(200, headers.get("content-type", ""), tap=(stream, "raw" if hasattr(stream, "raw") else "content"))


def _failed(error: BaseException) -> Received | None:
    """The answer that a status error carries: the HTTP library's body, or the document that was made of it."""
    status = getattr(error, "code", None)
    if not isinstance(status, int):
        return None
    body = getattr(getattr(error, "response", None), "_content", None)
    return Received(status, "application/json", body=body or getattr(error, "details", None))


_BEGIN = Begin(_start, failed=_failed)
_CLIENT = "google.genai._api_client"

POINTS: dict[str, Point] = {
    f"{_CLIENT}:BaseApiClient._request": _BEGIN,
    f"{_CLIENT}:BaseApiClient._async_request": _BEGIN,
    f"{_CLIENT}:BaseApiClient._request_once": Sending(_sending),
    f"{_CLIENT}:BaseApiClient._async_request_once": Sending(_sending),
    f"{_CLIENT}:HttpResponse.__init__": Answered(_answered),
}

INTEGRATION = Integration(
    name="google-genai",
    requires="google-genai>=2",
    points={**POINTS, **google_genai_loop.POINTS, **google_genai_tools.POINTS, **google_genai_nextgen.POINTS},
    optional=frozenset(google_genai_nextgen.POINTS),
    captures=(
        "generate_content",
        "streams",
        "chats",
        "functions run by the library",
        "interactions",
        "decisions",
        "embeddings",
        "images and videos",
        "token counts",
        "cached contents",
        "batches",
        "Gemini API and Vertex AI",
    ),
    verified=("recorded answers of real providers", "local model server"),
)
