"""Small typed views of foreign JSON: each gives what it is named after, or an empty answer where something else is."""

from __future__ import annotations

import math

from llmtrace.facts.records import Json
from llmtrace.facts.wire import json_body

# As tuples: `list | tuple` makes a new union whenever it is come by, and these are asked fifty times a call.
_SEQUENCES = (list, tuple)
_REAL = (int, float)
_TOO_WIDE = 2**63


def text(value: Json) -> str | None:
    """The string, or None; an empty string stays one."""
    return value if isinstance(value, str) else None


def integer(value: Json) -> int | None:
    """The whole number, or None; a boolean is none, a float only where it is whole, and none is wider than 64 bits."""
    if value is None:  # most often
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= _TOO_WIDE:
        return None
    return value


def number(value: Json) -> float | None:
    """The number as a float, or None; neither a boolean nor what is not finite is one."""
    if isinstance(value, bool) or not isinstance(value, _REAL):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def mapping(value: Json) -> dict[str, Json]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Json) -> list[Json]:
    """The list (a tuple too, which an app may pass), or an empty one."""
    return list(value) if isinstance(value, _SEQUENCES) else []


def mappings(value: Json) -> list[dict[str, Json]]:
    """The objects in the list, in order; whatever else is in it is passed over."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, _SEQUENCES) else []


def decoded(value: Json) -> Json:
    """A string that holds a JSON object, decoded; anything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    body = json_body(value)
    return body if isinstance(body, dict) else value
