"""What Bedrock's operations have in common on the wire: paths that name the model, errors, and binary event streams."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote
from zlib import crc32

from llmtrace.facts.eventstream import CHECKSUM, LENGTH, PRELUDE, STRING
from llmtrace.facts.records import Json
from llmtrace.testing.answers import Fault
from llmtrace.testing.local_http import json_bytes

EVENTS = "application/vnd.amazon.eventstream"
REQUEST_ID = "x-amzn-requestid"
_PATH = re.compile(r"/model/(?P<model>[^/]+)/(?:converse|invoke)(?P<stream>-stream|-with-response-stream)?$")
_TYPES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelStreamErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_COUNTS = {
    "inputTokenCount": ("input_tokens", "inputTokens"),
    "outputTokenCount": ("output_tokens", "outputTokens"),
    "cacheReadInputTokenCount": ("cache_read_input_tokens", "cacheReadInputTokenCount"),
    "cacheWriteInputTokenCount": ("cache_creation_input_tokens", "cacheWriteInputTokenCount"),
}


def asked(path: str) -> dict[str, Json]:
    """What the path of a request says and other vendors' bodies do: the model, and whether the answer is a stream."""
    found = _PATH.search(path)
    return {} if found is None else {"model": unquote(found["model"]), "stream": found["stream"] is not None}


def error_type(fault: Fault) -> str:
    """The name of the exception that the service answers with."""
    return fault.code or _TYPES.get(fault.status, "InternalServerException")


def error_body(fault: Fault, _request_id: str) -> dict[str, Json]:
    """The body of an error answer; its type is in a header."""
    return {"message": fault.message}


def frames(events: Iterable[tuple[str, Json]], then: Fault | None) -> bytes:
    """The events, each a name and a document, as a binary stream; broken off halfway by the error `then`."""
    made = [_frame({":event-type": name, ":message-type": "event"}, data) for name, data in events]
    if then is not None:
        kind = error_type(then)
        headers = {":exception-type": kind[0].lower() + kind[1:], ":message-type": "exception"}
        made = [*made[: len(made) // 2], _frame(headers, {"message": then.message})]
    return b"".join(made)


def chunks(documents: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    """A model's own events, packed as `InvokeModelWithResponseStream` does it."""
    for document in documents:
        yield "chunk", {"bytes": base64.b64encode(json_bytes(document)).decode()}


def metrics(usage: dict[str, Json]) -> dict[str, Json]:
    """What Bedrock adds to the last event of such a stream; `usage` holds the counts, however the model spells them."""
    counts = {name: next((usage[key] for key in keys if key in usage), 0) for name, keys in _COUNTS.items()}
    return {"amazon-bedrock-invocationMetrics": {**counts, "invocationLatency": 20, "firstByteLatency": 10}}


def _frame(headers: dict[str, str], document: Json) -> bytes:
    given = {**headers, ":content-type": "application/json"}
    head = b"".join(_header(name, value) for name, value in given.items())
    payload = json_bytes(document)
    length = PRELUDE.size + len(head) + len(payload) + CHECKSUM.size
    sizes = PRELUDE.pack(length, len(head), 0)[:8]
    message = sizes + CHECKSUM.pack(crc32(sizes)) + head + payload
    return message + CHECKSUM.pack(crc32(message))


def _header(name: str, value: str) -> bytes:
    written = value.encode()
    return bytes([len(name)]) + name.encode() + bytes([STRING]) + LENGTH.pack(len(written)) + written
