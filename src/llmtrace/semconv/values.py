"""Makes values legal: whatever a fact holds, what leaves here can be exported by every OpenTelemetry exporter."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from opentelemetry.util.types import AttributeValue

from llmtrace.facts.shape import integer, number

Type: TypeAlias = Literal["string", "int", "double", "boolean", "string[]", "json", "any"]
"""What an attribute's value is. `json` is structured: JSON text on a span, objects and lists on an event."""

_INT64 = 1 << 63
_DEEPEST = 100
"""How deep structured content is followed; JSON from a provider never gets near, a hostile one may."""


def text(value: str) -> str:
    """The text without lone surrogates: a single one would make the exporter lose the whole batch."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def json_text(value: Any) -> str:
    """The value as compact JSON."""
    # Deferred: `import llmtrace` must not load pydantic, and only what is structured gets here.
    from pydantic_core import to_json  # noqa: PLC0415

    try:
        return to_json(value, serialize_unknown=True, bytes_mode="base64", inf_nan_mode="strings").decode()
    except ValueError:  # a lone surrogate, a cycle, or deeper than the serialiser goes
        return to_json(plain(value), inf_nan_mode="strings").decode()


def plain(value: Any) -> AttributeValue:
    """The value as what an event attribute may hold: None, bool, int, float, str, and lists and mappings of these."""
    return _plain(value, ())


def _plain(value: Any, above: tuple[int, ...]) -> AttributeValue:
    if value is None or isinstance(value, bool | int | float | str):
        return _leaf(value)
    if id(value) in above or len(above) > _DEEPEST:
        return "…"
    inside = (*above, id(value))
    if isinstance(value, Mapping):
        return {text(str(key)) or " ": _plain(item, inside) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, inside) for item in value]
    from pydantic_core import to_jsonable_python  # noqa: PLC0415 - as above

    return _plain(to_jsonable_python(value, serialize_unknown=True, bytes_mode="base64"), inside)


def _leaf(value: bool | float | str | None) -> AttributeValue:  # noqa: FBT001 - any scalar comes here
    """The scalar as its plain type (an enum's member is its value); a number that a backend can't hold is its text."""
    if isinstance(value, str):
        return text(str.__str__(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value) if -_INT64 <= value < _INT64 else str(int(value))
    return value


def structured(value: Any) -> AttributeValue:
    """The value as any SDK takes it on an event: those before 1.45 drop a list of several types, so it is JSON text."""
    return _uniform(plain(value))


def _uniform(value: AttributeValue) -> AttributeValue:
    if isinstance(value, dict):
        return {key: _uniform(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [_uniform(item) for item in value]
    kinds = {type(item) for item in items if item is not None}
    return items if len(kinds) < 2 else json_text(value)  # noqa: PLR2004 - several


def scalar(value: Any) -> AttributeValue:
    """The value typed as it is, where an attribute can hold it on every version; as JSON text where it cannot."""
    legal = plain(value)
    if isinstance(legal, list) and legal and type(legal[0]) in (bool, int, float, str):
        return legal if all(type(item) is type(legal[0]) for item in legal) else json_text(legal)
    return json_text(legal) if isinstance(legal, list | dict) else legal


def _string(value: Any) -> str | None:
    return (text(value) or None) if isinstance(value, str) else None


def _int(value: Any) -> int | None:
    whole = integer(value)
    return whole if whole is not None and -_INT64 <= whole < _INT64 else None


def _double(value: Any) -> float | None:
    size = number(value)
    return size if size is not None and math.isfinite(size) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _strings(value: Any) -> list[str] | None:
    return [text(item) for item in value if isinstance(item, str)] or None if isinstance(value, list | tuple) else None


ON_SPAN: dict[Type, Callable[[Any], AttributeValue]] = {
    "string": _string,
    "int": _int,
    "double": _double,
    "boolean": _boolean,
    "string[]": _strings,
    "json": json_text,
    "any": scalar,
}
"""Type → what makes a span's attribute of a value, and None of one that is not of that type: a wrong value is none."""

ON_EVENT: dict[Type, Callable[[Any], AttributeValue]] = {**ON_SPAN, "json": structured, "any": structured}
"""As `ON_SPAN`, for an event, which keeps lists and mappings as such."""
