"""Copies what an app passes to a call, on its own thread, without running a line of the app's code.

Only the built-in containers are copied, level by level; strings, numbers and bytes are shared, since they never change.
Every other object stays the very object it is until `render` describes it on the worker. Nothing here calls `repr`,
`str`, `hash`, `iter` or a property of a class that is not built in.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

MAX_ITEMS: Final = 20_000
"""How many items of containers are copied, all levels together."""

MAX_DEPTH: Final = 48
"""How many levels of containers are copied; also what ends a cycle."""

OMITTED: Final = "…[llmtrace: not recorded]"
"""Stands where something was left out to stay within bounds."""

ATOMS: Final = frozenset({str, int, float, bool, type(None), bytes})
"""The immutable types that are shared, not copied."""


class Key:
    """A mapping's key that is not a plain scalar: hashed by identity, so that its own `__hash__` never runs."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        """Keep the key for `render` to spell."""
        self.value = value


_KEYS: Final = ATOMS | {Key}


def snapshot(value: Any, limit: int = MAX_ITEMS) -> Any:
    """The value with its containers copied: dicts as dicts, lists, tuples and sets as lists, `limit` items in all."""
    top = [value]
    level: list[Any] = [top]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for holder in level:
            for key, item in holder.items() if type(holder) is dict else enumerate(holder):
                kind = type(item)
                if kind is str or kind in ATOMS:
                    continue
                if type(key) not in _KEYS:
                    deeper.append(_rekeyed(holder))
                    break
                if (kind is dict or kind is list or kind is tuple) and len(item) <= limit:
                    copied = list(item) if kind is tuple else item.copy()
                else:
                    copied = _copied(item, kind, max(limit, 0))
                    if copied is None:
                        continue
                limit -= len(copied)
                holder[key] = copied
                deeper.append(copied)
        if not deeper:
            return top[0]
        level = deeper
    for holder in level:
        _emptied(holder)
    return top[0]


def _copied(item: Any, kind: type, room: int) -> dict[Any, Any] | list[Any] | None:
    """A copy of the first `room` items of a container that is not an ordinary dict or list; None for what is none."""
    # `issubclass` of the type, never `isinstance`: that asks the object for its `__class__`, and a lazy proxy wakes up.
    if issubclass(kind, dict):
        # Taken as pairs at once, in C: another thread may be adding keys.
        pairs = list(islice(dict.items(item), room))
        copied = {key if type(key) in _KEYS else Key(key): entry for key, entry in pairs}
        if dict.__len__(item) > room:
            copied["…"] = OMITTED
        return copied
    base = tuple if kind is tuple else next((base for base in (list, set, frozenset) if issubclass(kind, base)), None)
    if base is None:
        return None
    items = list(islice(base.__iter__(item), room))
    if base.__len__(item) > room:
        items.append(OMITTED)
    return items


def _rekeyed(holder: dict[Any, Any]) -> dict[Any, Any]:
    """The copied dict itself, its keys such that an item can be replaced without hashing an object of the app's."""
    pairs = list(holder.items())
    holder.clear()
    holder.update((key if type(key) in _KEYS else Key(key), item) for key, item in pairs)
    return holder


def _emptied(holder: dict[Any, Any] | list[Any]) -> None:
    """Says that a copied container lay too deep: its items still are the app's own."""
    holder.clear()
    if type(holder) is dict:
        holder["…"] = OMITTED
    elif type(holder) is list:
        holder.append(OMITTED)
