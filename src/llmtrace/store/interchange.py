"""Spans, scores and blobs as JSON documents and back, exactly; what comes back may be anybody's, and is checked."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias

from llmtrace.store.rows import Blob, EventRow, LinkRow, Origin, Score, SpanRow

Check: TypeAlias = Callable[[Any], bool]

_FLOAT = "$float"
"""The key of an object that stands for a number that JSON does not have."""

_INT64 = range(-(1 << 63), 1 << 63)
_DEEPEST = 200


class NamedBlob(NamedTuple):
    """Bytes with the SHA-256 (hex) that content knows them by."""

    sha256: str
    blob: Blob


Item: TypeAlias = SpanRow | Score | NamedBlob


def line(item: Item) -> str:
    """The item as one line of JSON, in ASCII."""
    return json.dumps(_document(item), separators=(",", ":"))


def read(text: str) -> Item:
    """What `line` wrote; ValueError, saying what is wrong, for anything else."""
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from None
    record = found.pop("record", None) if isinstance(found, dict) else None
    reader = _READERS.get(record) if isinstance(record, str) else None
    if reader is None:
        raise ValueError(f"it is no object whose `record` is {' or '.join(_READERS)}")
    return reader(found)


def _document(item: Item) -> dict[str, Any]:
    if isinstance(item, NamedBlob):
        body = base64.b64encode(item.blob.body).decode()
        return {"record": "blob", "sha256": item.sha256, "mime_type": item.blob.mime_type, "base64": body}
    found = {"record": "score" if isinstance(item, Score) else "span", **asdict(item)}
    found.pop("running", None)
    return {key: _spelled(value) for key, value in found.items()}


def _spelled(value: Any) -> Any:
    """The value with the numbers spelled out that JSON does not have."""
    if isinstance(value, dict):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    return {_FLOAT: repr(value)} if isinstance(value, float) and not math.isfinite(value) else value


def _meant(value: Any, depth: int = 0) -> Any:
    """What `_spelled` made this of."""
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    if isinstance(value, list):
        return [_meant(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_FLOAT} and value[_FLOAT] in ("nan", "inf", "-inf"):
        return float(value[_FLOAT])
    return {key: _meant(item, depth + 1) for key, item in value.items()}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


# -- what a field may hold


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in _INT64


def _number(value: Any) -> bool:
    return isinstance(value, float) or _whole(value)


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _hex(digits: int) -> Check:
    known = re.compile(rf"[0-9a-f]{{{digits}}}")
    return lambda value: isinstance(value, str) and known.fullmatch(value) is not None


def _one_of(*words: str) -> Check:
    return lambda value: value in words


def _rows(*checks: tuple[str, Check]) -> Check:
    """A list of objects with just these fields."""
    fields = dict(checks)
    return lambda value: (
        isinstance(value, list)
        and all(
            isinstance(row, dict) and row.keys() == fields.keys() and all(fields[key](row[key]) for key in row)
            for row in value
        )
    )


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


_TRACE_ID, _SPAN_ID = _hex(32), _hex(16)
_SPAN: dict[str, tuple[Check, str]] = {
    "trace_id": (_TRACE_ID, "32 hex digits"),
    "span_id": (_SPAN_ID, "16 hex digits"),
    "parent_id": (_or_none(_SPAN_ID), "16 hex digits or null"),
    "name": (_text, "text"),
    "kind": (_one_of("internal", "client", "server", "producer", "consumer"), "a span's kind"),
    "started": (_whole, "a whole number of 64 bits"),
    "ended": (_or_none(_whole), "a whole number of 64 bits or null"),
    "status": (_one_of("unset", "ok", "error"), "unset, ok or error"),
    **dict.fromkeys(
        ("status_message", "operation", "provider", "model", "conversation_id", "user_id", "error_type", "currency"),
        (_or_none(_text), "text or null"),
    ),
    **dict.fromkeys(
        ("input_tokens", "output_tokens", "cached_tokens"), (_or_none(_whole), "a whole number of 64 bits or null")
    ),
    "cost": (_or_none(_number), "a number or null"),
    "tags": (lambda value: isinstance(value, list) and all(map(_text, value)), "a list of texts"),
    "attributes": (_mapping, "an object"),
    "events": (_rows(("name", _text), ("time", _whole), ("attributes", _mapping)), "a list of events"),
    "links": (_rows(("trace_id", _TRACE_ID), ("span_id", _SPAN_ID), ("attributes", _mapping)), "a list of links"),
    "origin": (
        lambda value: _rows(("resource", _mapping), ("scope", _text), ("scope_version", _or_none(_text)))([value]),
        "an object with resource, scope and scope_version",
    ),
}
_SCORE: dict[str, tuple[Check, str]] = {
    "trace_id": _SPAN["trace_id"],
    "span_id": _SPAN["parent_id"],
    "name": (_text, "text"),
    "value": (_or_none(_number), "a number or null"),
    **dict.fromkeys(("label", "comment", "user"), (_or_none(_text), "text or null")),
    "at": _SPAN["started"],
}
_BLOB: dict[str, tuple[Check, str]] = {
    "sha256": (_hex(64), "64 hex digits"),
    "mime_type": (_text, "text"),
    "base64": (_text, "text"),
}


def _checked(found: dict[str, Any], fields: dict[str, tuple[Check, str]]) -> dict[str, Any]:
    for key in found:
        if key not in fields:
            raise ValueError(
                f"it has a field {key[:40]!r} that is not known here; a newer llmtrace may have written it"
            )
    meant = {key: _meant(value) for key, value in found.items()}
    for key, (check, rule) in fields.items():
        if key not in meant:
            raise ValueError(f"`{key}` is missing")
        if not check(meant[key]):
            raise ValueError(f"`{key}` should be {rule}")
    return meant


def _span(found: dict[str, Any]) -> SpanRow:
    known = _checked(found, _SPAN)
    known["tags"] = tuple(known["tags"])
    known["events"] = [EventRow(**event) for event in known["events"]]
    known["links"] = [LinkRow(**link) for link in known["links"]]
    known["origin"] = Origin(**known["origin"])
    return SpanRow(**known)


def _score(found: dict[str, Any]) -> Score:
    return Score(**_checked(found, _SCORE))


def _blob(found: dict[str, Any]) -> NamedBlob:
    known = _checked(found, _BLOB)
    try:
        body = base64.b64decode(known["base64"], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("`base64` is no base64") from None
    if sha256(body).hexdigest() != known["sha256"]:
        raise ValueError("`sha256` is not that of the bytes")
    return NamedBlob(known["sha256"], Blob(known["mime_type"], body))


_READERS: dict[str, Callable[[dict[str, Any]], Item]] = {"span": _span, "score": _score, "blob": _blob}
