"""Rewrites a copy of a span for one destination: values no longer than it takes, and JSON that stays JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, ReadableSpan

from llmtrace.semconv.names import CONTENT_DROPPED

_MARK = "…[cut]"
_FACT_BYTES = 1024
_SHORTEST = 32


def fitted(span: ReadableSpan, max_value_bytes: int) -> ReadableSpan:
    """The span as the destination takes it: itself, or a copy in which values that are too long are shortened."""
    return _rewritten(span, lambda text: shortened(text, max_value_bytes))


def without_content(span: ReadableSpan) -> ReadableSpan:
    """A copy without its long values, which says so: what is left when the span is larger than a destination takes."""
    slim = copy.copy(span)
    kept = {name: value for name, value in (span.attributes or {}).items() if _size(value) <= _FACT_BYTES}
    slim._attributes = {**kept, CONTENT_DROPPED.key: "too large"}
    slim._events = [_short_event(event, lambda text: shortened(text, _FACT_BYTES)) for event in span.events]
    return slim


def shortened(text: str, limit: int) -> str:
    """The text in at most `limit` bytes of UTF-8; a JSON array or object is still one afterwards."""
    if len(text) * 4 <= limit and text.isascii():
        return text
    encoded = text.encode("utf-8", "replace")  # a lone surrogate cannot be sent: it becomes a question mark
    if len(encoded) <= limit:
        return encoded.decode()
    if text[:1] in ("[", "{"):
        try:
            return _shortened_json(json.loads(encoded), limit)
        except (ValueError, RecursionError):
            pass
    return _cut(encoded.decode(), limit)


def _shortened_json(document: Any, limit: int) -> str:
    """JSON in at most `limit` bytes: its long strings are cut, then its oldest entries are left out."""
    longest = limit
    while longest >= _SHORTEST:
        longest //= 2
        document = _capped(document, longest)
        if _weight(written := _dump(document)) <= limit:
            return written
    if not isinstance(document, list):
        return "{}"
    kept: list[Any] = []
    room = limit - 2
    for entry in reversed(document):
        room -= _weight(_dump(entry)) + 1
        if room < 0:
            break
        kept.insert(0, entry)
    return _dump(kept)


def _capped(document: Any, longest: int) -> Any:
    """The document with no string longer than `longest` bytes."""
    if isinstance(document, str):
        return _cut(document, longest)
    if isinstance(document, list):
        return [_capped(entry, longest) for entry in document]
    if isinstance(document, dict):
        return {key: _capped(value, longest) for key, value in document.items()}
    return document


def _cut(text: str, limit: int) -> str:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: max(0, limit - len(_MARK.encode()))].decode("utf-8", "ignore") + _MARK


def _dump(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _weight(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _size(value: Any) -> int:
    if isinstance(value, str):
        return _weight(value)
    return sum(map(_size, value)) if isinstance(value, (tuple, list)) else 0


def _rewritten(span: ReadableSpan, short: Callable[[str], str]) -> ReadableSpan:
    attributes = _short_values(span.attributes or {}, short)
    events = [_short_event(event, short) for event in span.events]
    name = short(span.name)
    unchanged = attributes is None and name == span.name and all(map(_same, events, span.events))
    if unchanged:
        return span
    copied = copy.copy(span)
    copied._name = name
    if attributes is not None:
        bounded = BoundedAttributes(attributes=attributes)
        bounded.dropped = span.dropped_attributes
        copied._attributes = bounded
    copied._events = events
    return copied


def _same(one: Event, other: Event) -> bool:
    return one is other


def _short_values(values: Mapping[str, Any], short: Callable[[str], str]) -> dict[str, Any] | None:
    """The values with strings shortened, or None where that changes nothing."""
    made = {name: _short_value(value, short) for name, value in values.items()}
    return None if all(made[name] is value for name, value in values.items()) else made


def _short_value(value: Any, short: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        made = short(value)
        return value if made == value else made
    if isinstance(value, tuple) and any(isinstance(entry, str) and short(entry) != entry for entry in value):
        return tuple(short(entry) if isinstance(entry, str) else entry for entry in value)
    return value


def _short_event(event: Event, short: Callable[[str], str]) -> Event:
    attributes = _short_values(event.attributes or {}, short)
    return event if attributes is None else Event(event.name, attributes, event.timestamp)
