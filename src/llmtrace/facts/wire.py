"""Reads what crossed the wire: JSON bodies and event streams, whole, cut short or broken.

Facts are read from the very bytes that the library sent and received, so that nothing the app does to the parsed
objects can change them and no field is lost to a library's older model of the answer.
"""

from __future__ import annotations

import sys
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from llmtrace.facts.eventstream import frames
from llmtrace.facts.operation import Evidence, Received
from llmtrace.facts.records import Failure, Json, Record


class Event(NamedTuple):
    """One event of a stream: its name (empty when it has none) and its decoded data."""

    name: str
    data: Json


def json_body(body: bytes | str) -> Json:
    """The decoded JSON document, or None where it does not hold."""
    # Deferred: `import llmtrace` must not load pydantic, and only the worker gets here.
    from pydantic_core import from_json  # noqa: PLC0415

    try:
        return from_json(body)
    except (ValueError, TypeError):  # the latter for a text with a lone surrogate
        return None


def decoded(chunks: Iterable[bytes], encoding: str) -> bytes:
    """The chunks joined and decompressed, as far as they hold."""
    if encoding in ("", "identity"):
        return b"".join(chunks)
    # The library that the answer came through, which knows every encoding it asked for. It is loaded, then; to import
    # one here, off the app's thread, could show it half-made to a client library that looks for it.
    http: Any = next((sys.modules[name] for name in ("httpx2", "httpx") if name in sys.modules), None)
    if http is None:
        return b""
    parts: list[bytes] = []
    with suppress(http.DecodingError):  # what a damaged body held up to the damage is still worth reading
        parts.extend(http.Response(200, headers={"content-encoding": encoding}, content=iter(chunks)).iter_bytes())
    return b"".join(parts)


def server_sent(body: bytes) -> Iterator[Event]:
    """The events of a `text/event-stream` body. One cut off at the end, or whose data is no JSON, is passed over."""
    text = body.decode("utf-8", errors="replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    blocks = text.split("\n\n")
    for block in blocks:
        name, lines = "", []
        for line in block.split("\n"):
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if key == "data":
                lines.append(value)
            elif key == "event":
                name = value
        if not lines:
            continue
        data = "\n".join(lines)
        if data.startswith("[DONE]"):
            yield Event("[DONE]", None)
            continue
        parsed = json_body(data)
        if parsed is not None:
            yield Event(name, parsed)


def aws_messages(body: bytes) -> Iterator[Event]:
    """The messages of an AWS event stream as events; an exception takes the shape of other streams' errors."""
    for frame in frames(body):
        data = json_body(frame.payload)
        kind = frame.headers.get(":exception-type") or frame.headers.get(":error-code")
        if kind is not None:
            text = data.get("message") if isinstance(data, dict) else None
            error = {"type": kind, "message": text or frame.headers.get(":error-message", "")}
            yield Event("error", {"type": "error", "error": error})
        elif data is not None:
            yield Event(frame.headers.get(":event-type", ""), data)


def unpacked(events: Iterable[Event]) -> Iterator[Event]:
    """The events, with the model's own in the place of the messages of Bedrock's that carry them as base64 text."""
    for event in events:
        packed = event.data.get("bytes") if isinstance(event.data, dict) else None
        if not isinstance(packed, str):
            yield event
            continue
        with suppress(ValueError):
            if (inner := json_body(b64decode(packed))) is not None:
                yield Event(event.name, inner)


def json_lines(body: bytes) -> Iterator[Event]:
    """The documents of a body with one per line; a line that holds none is passed over."""
    for line in body.splitlines():
        if line.strip() and (data := json_body(line)) is not None:
            yield Event("", data)


STREAMS: dict[str, Callable[[bytes], Iterator[Event]]] = {
    "text/event-stream": server_sent,
    "application/vnd.amazon.eventstream": aws_messages,
    "application/x-jsonl": json_lines,
    "application/binary": json_lines,  # what Anthropic's client asks for when it fetches the results of a batch
}
"""How a body that is a series of events is read, by its media type."""


def reader(
    request: Callable[[Evidence, dict[str, Json]], Record],
    response: Callable[[Any, dict[str, Json]], None],
    fold: Callable[[Iterable[Event]], tuple[dict[str, Json], bool | None]] | None = None,
) -> Callable[[Evidence], Record]:
    """An operation's `read`, for a library that speaks JSON over HTTP.

    `request` makes the record from the request's body; `response` adds what the answer's body says; `fold` gives the
    body that a stream's events amount to, and whether the protocol's end marker was among them (None if it has none).
    """

    def read(evidence: Evidence) -> Record:
        record = request(evidence, _object(evidence.request))
        received = evidence.response
        if received is None:
            return record
        record.request_id = received.request_id
        stream = STREAMS.get(received.content_type.partition(";")[0].strip().lower())
        if fold is not None and stream is not None:
            body, record.complete = fold(event for piece in _pieces(evidence, received) for event in stream(piece))
        else:
            whole = _whole(received.body if received.body is not None else b"".join(_pieces(evidence, received)))
            if fold is not None and isinstance(whole, list):  # Gemini's way to stream to who asks for nothing else
                body, record.complete = fold(Event("", each) for each in whole)
            else:
                body = _object(whole)
        if error := failure(body, received.status):
            record.failure = error
        response(record, body)
        return record

    return read


def failure(body: dict[str, Json], status: int | None) -> Failure | None:
    """The error that an answer reports in its body, whatever its status; also what a bare error status amounts to."""
    error = body.get("error")
    if isinstance(error, dict):
        kind = error.get("code") or error.get("type") or status or "_OTHER"
        return Failure(str(kind), str(error.get("message") or ""))
    if isinstance(error, str) and error:
        return Failure(str(status or "_OTHER"), error)
    if status is not None and status >= 400:  # noqa: PLR2004 - where HTTP's error classes begin
        return Failure(str(status), str(body.get("message") or body.get("Message") or ""))
    return None


def _pieces(evidence: Evidence, received: Received) -> list[bytes]:
    """The answer's body as bytes: in one piece, or in two where the ear had to leave out what lay between them."""
    if isinstance(received.body, bytes):
        return [received.body]
    if isinstance(received.body, str):  # some libraries keep nothing but the text
        return [received.body.encode(errors="replace")]
    gap = len(evidence.chunks) if evidence.gap is None else evidence.gap
    pieces = (evidence.chunks[:gap], evidence.chunks[gap:])
    return [decoded(piece, received.content_encoding) for piece in pieces if piece]


def _object(material: Any) -> dict[str, Json]:
    """The JSON object that a body holds; an empty one where it is something else."""
    found = _whole(material)
    return found if isinstance(found, dict) else {}


def _whole(material: Any) -> Any:
    """What a body holds: the JSON document, where it is a text."""
    return json_body(material) if isinstance(material, bytes | str) else material
