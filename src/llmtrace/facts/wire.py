"""Reads what crossed the wire: JSON bodies and event streams, whole, cut short or broken.

Facts are read from the very bytes that the library sent and received, so that nothing the app does to the parsed
objects can change them and no field is lost to a library's older model of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from llmtrace.facts.operation import Evidence
from llmtrace.facts.records import Failure, Json, Record


class Event(NamedTuple):
    """One server-sent event: its `event:` name (empty when absent) and its decoded data."""

    name: str
    data: Json


def json_body(body: bytes | str) -> Json:
    """The decoded JSON document, or None where it does not hold."""
    # Deferred: `import llmtrace` must not load pydantic, and only the worker gets here.
    from pydantic_core import from_json  # noqa: PLC0415

    try:
        return from_json(body)
    except ValueError:
        return None


def decoded(chunks: Iterable[bytes], encoding: str) -> bytes:
    """The chunks joined and decompressed, as far as they hold."""
    if encoding in ("", "identity"):
        return b"".join(chunks)
    import httpx  # noqa: PLC0415 - as above; it knows every encoding that the client could have asked for

    parts: list[bytes] = []
    try:
        parts.extend(httpx.Response(200, headers={"content-encoding": encoding}, content=iter(chunks)).iter_bytes())
    except httpx.DecodingError:
        pass  # what a damaged body held up to the damage is still worth reading
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


def reader(
    request: Callable[[Evidence, dict[str, Json]], Record],
    response: Callable[[Any, dict[str, Json]], None],
    fold: Callable[[Iterable[Event]], tuple[dict[str, Json], bool]] | None = None,
) -> Callable[[Evidence], Record]:
    """An operation's `read`, for a library that speaks JSON over HTTP.

    `request` makes the record from the request's body; `response` adds what the answer's body says; `fold` gives the
    body that a stream's events amount to, and whether the protocol's end marker was among them.
    """

    def read(evidence: Evidence) -> Record:
        record = request(evidence, _object(evidence.request))
        received = evidence.response
        if received is None:
            return record
        record.request_id = received.request_id
        if received.body is not None or fold is None or "event-stream" not in received.content_type:
            whole = received.body if received.body is not None else decoded(evidence.chunks, received.content_encoding)
            body = _object(whole)
        else:
            body, record.complete = fold(server_sent(decoded(evidence.chunks, received.content_encoding)))
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
        return Failure(str(status), str(body.get("message") or ""))
    return None


def _object(material: Any) -> dict[str, Json]:
    """The JSON object that a body holds; an empty one where it is something else."""
    if isinstance(material, bytes | str):
        material = json_body(material)
    return material if isinstance(material, dict) else {}
