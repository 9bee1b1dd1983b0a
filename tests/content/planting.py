"""Fills records with texts that can be told apart, and finds every text that a record holds, whatever its fields."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from itertools import count

from llmtrace.facts import records

RECORDS = [
    kind
    for kind in vars(records).values()
    if isinstance(kind, type) and issubclass(kind, records.Record) and kind is not records.Record
]
"""Every kind of record; a new one is tested without being named here."""


class Planter:
    """Makes records in which every string is a text of its own. `planted` says which field got which text."""

    def __init__(self, text=lambda number: f"canary-{number:04}"):
        self.text = text
        self.numbers = count()
        self.planted = {}

    def record(self, kind):
        """A record of this kind, every field of it filled."""
        hints = typing.get_type_hints(kind)
        return kind(
            **{
                field.name: self.value(hints[field.name], f"{kind.__name__}.{field.name}")
                for field in dataclasses.fields(kind)
            }
        )

    def value(self, hint, place):  # noqa: PLR0911 - one line for each kind of annotation
        """A value that fits the annotation."""
        origin, inner = typing.get_origin(hint), [a for a in typing.get_args(hint) if a is not types.NoneType]
        if origin in (typing.Union, types.UnionType):
            return self.value(inner[0], place)
        if origin is list:
            return [self.value(kind, place) for kind in members(inner[0])]
        if origin is tuple:
            return (self.value(inner[0], place),)
        if origin in (dict, Mapping):
            return {"entry": self.value(inner[1], place)}
        if dataclasses.is_dataclass(hint):
            return self.record(hint)
        if hint is typing.Any:
            return {"outer": [self.string(place), {"inner": self.string(place)}], self.string(place): 1}
        return self.string(place) if hint is str else hint(1)

    def string(self, place):
        """The next text."""
        text = self.text(next(self.numbers))
        self.planted[text] = place
        return text

    def found_in(self, *holders):
        """The fields whose texts are, wholly or as a part, still somewhere in the holders."""
        held = "\n".join(text for holder in holders for text in strings(holder))
        return {place for text, place in self.planted.items() if text in held}


def members(hint):
    """The types of a union: a list of parts gets one of each."""
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def strings(value):
    """Every text in the value, the keys of mappings too."""
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from strings(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from strings(item)
    else:
        assert value is None or isinstance(value, bool | int | float), f"{type(value)} is no JSON"
