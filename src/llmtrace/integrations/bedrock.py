"""What Bedrock's operations have in common: what their headers say, how errors are named, how tokens are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from llmtrace.facts.operation import Evidence
from llmtrace.facts.records import Embedding, Failure, Inference, Json, Record, Rerank, Usage
from llmtrace.facts.shape import integer, mapping, mappings, text
from llmtrace.facts.wire import Event, json_body, reader

Body: TypeAlias = dict[str, Json]

ERROR = "x-amzn-errortype"
COUNTS = {
    "inputTokens": "x-amzn-bedrock-input-token-count",
    "outputTokens": "x-amzn-bedrock-output-token-count",
    "cacheReadInputTokens": "x-amzn-bedrock-cache-read-input-token-count",
    "cacheWriteInputTokens": "x-amzn-bedrock-cache-write-input-token-count",
}
"""A count of Converse's → the header in which `InvokeModel` tells it of models whose own answers do not."""

HEADERS = (ERROR, *COUNTS.values())
"""The headers of an answer that facts are read from."""


def reading(
    request: Callable[[Evidence, Body], Record],
    response: Callable[[Any, Body], None],
    fold: Callable[[Iterable[Event]], tuple[Body, bool | None]] | None = None,
) -> Callable[[Evidence], Record]:
    """As `wire.reader`, with what is said in headers added."""
    inner = reader(request, response, fold)

    def read(evidence: Evidence) -> Record:
        record = inner(evidence)
        headers = evidence.response.headers if evidence.response is not None else {}
        kind = headers.get(ERROR, "").partition(":")[0]
        if kind and record.failure is not None:
            record.failure = Failure(kind, record.failure.message)
        if isinstance(record, Inference | Embedding | Rerank) and record.usage == Usage():
            record.usage = usage({name: _number(headers.get(header)) for name, header in COUNTS.items()})
        return record

    return read


def asked(evidence: Evidence, name: str) -> str | None:
    """A parameter that the client was called with and that is in the path or a header of the request, not in its body.

    It was looked up in the client's own copy of the arguments, which the app cannot change.
    """
    return text(mapping(evidence.start.request).get(name))


def invoked(body: Body) -> Body:
    """The body that a model is invoked with; a call that was never sent is read from its arguments, which hold it."""
    if "modelId" not in body:
        return body
    held = body.get("body")
    return mapping(json_body(held)) if isinstance(held, bytes | str) else {}


def usage(raw: Body) -> Usage:
    """The counts as Converse, Nova and Bedrock's metrics spell them; their input leaves out cached tokens."""
    fresh = _count(raw, "inputTokens", "inputTokenCount")
    read = _count(raw, "cacheReadInputTokens", "cacheReadInputTokenCount")
    write = _count(raw, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    kept = [_count(detail, "inputTokens") for detail in mappings(raw.get("cacheDetails")) if detail.get("ttl") == "1h"]
    return Usage(
        input_tokens=None if fresh is None else integer(fresh + (read or 0) + (write or 0)),
        output_tokens=_count(raw, "outputTokens", "outputTokenCount"),
        cache_read=read,
        cache_write=write,
        cache_write_1h=integer(sum(count for count in kept if count)) or None,
    )


def _count(raw: Body, *names: str) -> int | None:
    counts = (integer(raw.get(name)) for name in names)
    return next((count for count in counts if count is not None and count >= 0), None)


def _number(header: str | None) -> int | None:
    return int(header) if header is not None and header.isascii() and header.isdigit() and len(header) < 16 else None  # noqa: PLR2004 - more digits than any count has
