"""Turns what a snapshot kept into JSON data, on the worker: bounded, and never by an object's own `repr`.

A `repr` can be huge, slow or hold a secret, so an object that has no plain form is only named: `<module.Class>`.
"""

from __future__ import annotations

import inspect
import math
import types
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import Field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from llmtrace.content.snapshot import MAX_DEPTH, OMITTED, Key
from llmtrace.facts.records import Json

MAX_ITEMS: Final = 50_000
_MAX_KEY: Final = 256
_LONG_KEY: Final = 16  # shorter ones hold no secret
_MAX_BITS: Final = 1024  # beyond, Python itself refuses to spell the number
_ARRAYS: Final = frozenset(
    {"numpy", "pandas", "polars", "pyarrow", "torch", "tensorflow", "jax", "jaxlib", "cupy", "mlx"}
)
_LISTS: Final[tuple[Any, ...]] = (list, set, frozenset, deque)
_SPELLED: Final[tuple[tuple[type, Callable[[Any], Json]], ...]] = (
    # The base class's own method, so that a subclass's is not called. `datetime` is a `date`: it comes first.
    (datetime, datetime.isoformat),
    (date, date.isoformat),
    (time, time.isoformat),
    (timedelta, timedelta.total_seconds),
    (UUID, UUID.__str__),
    (Decimal, Decimal.__str__),
    (PurePath, PurePath.__str__),
    (bytes, lambda value: {"bytes": bytes.__len__(value)}),
    (bytearray, lambda value: {"bytes": bytearray.__len__(value)}),
    (memoryview, lambda value: {"bytes": value.nbytes}),
)


def render(
    value: Any,
    text: Callable[[str], str] = lambda text: text,
    hides: Callable[[str, Any], str | None] = lambda name, value: None,  # noqa: ARG005 - by default nothing is hidden
) -> Json:
    """The value as new JSON data, of which nothing belongs to the app.

    `text` is applied to every string, also to one that describes an object. `hides` is asked about every entry of a
    mapping and gives what stands in for its value, or None to show it.
    """
    return _Rendering(text, hides).value(value, MAX_DEPTH)


class _Rendering:
    """One value on its way to JSON, and how many more items it may have."""

    __slots__ = ("_hides", "_room", "_text")

    def __init__(self, text: Callable[[str], str], hides: Callable[[str, Any], str | None]) -> None:
        self._text = text
        self._hides = hides
        self._room = MAX_ITEMS

    def value(self, value: Any, depth: int, under: str = "") -> Json:
        kind = type(value)
        if kind is str:
            return self._text(value)
        if value is None or kind is bool:
            return value
        if kind is int or kind is float:
            rendered = _number(value)
        else:
            rendered = OMITTED if depth == 0 else self._object(value, kind, depth, under)
        return self._text(rendered) if type(rendered) is str else rendered

    def _mapping(self, pairs: Iterable[tuple[Any, Any]], depth: int, under: str = "") -> Json:
        rendered: dict[str, Json] = {}
        for key, item in pairs:
            if self._room <= 0:
                rendered["…"] = self._text(OMITTED)
                break
            self._room -= 1
            name = key if type(key) is str and len(key) < _LONG_KEY and key.isascii() else self._key(key, depth)
            # In a JSON schema, `properties` maps names to schemas: there a name tells of a secret but keeps none.
            schema = under == "properties" and type(item) is dict
            hidden = None if schema else self._hides(name, item)
            rendered[name] = self.value(item, depth - 1, name) if hidden is None else self._text(hidden)
        return rendered

    def _items(self, items: Iterable[Any], depth: int) -> Json:
        rendered: list[Json] = []
        for item in items:
            if self._room <= 0:
                rendered.append(self._text(OMITTED))
                break
            self._room -= 1
            rendered.append(self.value(item, depth - 1))
        return rendered

    def _key(self, key: Any, depth: int) -> str:
        if type(key) is Key:
            key = key.value
        if key is None or type(key) is bool:
            return {None: "null", True: "true", False: "false"}[key]
        spelled = self.value(key, depth - 1)
        return spelled[:_MAX_KEY] if type(spelled) is str else str(spelled)[:_MAX_KEY]

    def _object(self, value: Any, kind: type, depth: int, under: str) -> Json:
        # Everywhere `issubclass` of the type, never `isinstance`: that asks the object, and a lazy proxy would wake up.
        if issubclass(kind, dict):
            return self._mapping(list(dict.items(value)), depth, under)
        for base in _LISTS:
            if issubclass(kind, base):
                return self._items(list(base.__iter__(value)), depth)
        if issubclass(kind, tuple):
            names = inspect.getattr_static(kind, "_fields", None)
            items = list(tuple.__iter__(value))
            named = type(names) is tuple and len(names) == len(items)
            return self._mapping(zip(names, items, strict=True), depth) if named else self._items(items, depth)
        if issubclass(kind, Enum):
            return self.value(inspect.getattr_static(value, "_value_", None), depth - 1)
        for base, spell in _SPELLED:
            if issubclass(kind, base):
                return spell(value)
        return self._scalar(value, kind, depth)

    def _scalar(self, value: Any, kind: type, depth: int) -> Json:
        if issubclass(kind, str):
            return str.__str__(value)
        if issubclass(kind, int):
            return _number(int.__int__(value))
        if issubclass(kind, float):
            return _number(float.__float__(value))
        return self._record(value, kind, depth)

    def _record(self, value: Any, kind: type, depth: int) -> Json:
        serializer = inspect.getattr_static(kind, "__pydantic_serializer__", None)
        if serializer is not None:
            dumped = _dumped(value, serializer)
            return _name(kind) if dumped is None else self.value(dumped, depth)
        described = inspect.getattr_static(kind, "__dataclass_fields__", None)
        if type(described) is dict:
            return self._mapping(_shown(value, described), depth)
        return self.value(_described(value, kind), depth)


def _number(value: float) -> Json:
    """The number, or its words where JSON has no such number."""
    if type(value) is int:
        return value if value.bit_length() <= _MAX_BITS else f"<int of {value.bit_length()} bits>"
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _dumped(value: Any, serializer: Any) -> Json:
    """What pydantic makes of its model: it knows the fields to leave out or mask. None where that fails."""
    # Deferred: `import llmtrace` must not load pydantic, and only the worker gets here.
    from pydantic_core import SchemaSerializer, from_json  # noqa: PLC0415

    if type(serializer) is not SchemaSerializer:
        return None
    try:
        # As bytes: only there does pydantic wrap whatever the model's own code raises in a ValueError.
        return from_json(serializer.to_json(value, warnings=False, fallback=lambda item: _described(item, type(item))))
    except ValueError:
        return None


def _shown(value: Any, described: dict[str, Field[Any]]) -> Iterable[tuple[str, Any]]:
    """A dataclass's fields and what they hold, without those that it keeps out of its own `repr`."""
    for name, field in described.items():
        held = inspect.getattr_static(value, name, None)
        if type(held) is types.MemberDescriptorType:  # a slot
            try:
                held = held.__get__(value)
            except AttributeError:
                continue
        if field.repr:
            yield name, held


def _described(value: Any, kind: type) -> Json:
    """An array's shape instead of its numbers; for any other object the name of its type."""
    name = _name(kind)
    library = name[1:].partition(".")[0]
    shape = getattr(value, "shape", None) if library in _ARRAYS else None
    if shape is None:
        return name
    if library == "numpy" and shape == () and hasattr(value, "item"):
        return render(value.item())
    return {"type": name[1:-1], "shape": [int(size) for size in shape], "dtype": str(getattr(value, "dtype", ""))}


def _name(kind: type) -> str:
    # Through `type`'s own descriptors: a metaclass may have properties of these names.
    module, name = (type.__dict__[attribute].__get__(kind) for attribute in ("__module__", "__qualname__"))
    return f"<{module}.{name}>" if type(module) is str else f"<{name}>"
