import datetime as dt
import json
import math
from collections import deque, namedtuple
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import PurePosixPath
from uuid import UUID

import pytest
from hypothesis import given
from pydantic import BaseModel, Field, SecretStr, computed_field, field_serializer

from llmtrace.content.render import MAX_ITEMS, render
from llmtrace.content.snapshot import OMITTED, snapshot
from tests.content.test_snapshot import NESTED, Untouchable

Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - an app may still use the older way


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@dataclass
class Point:
    x: int
    inner: object = None
    hidden: str = field(default="hidden", repr=False)


@dataclass
class Slotted:
    __slots__ = ("unset", "x")
    x: int
    unset: int


class Text(str):
    __slots__ = ()
    __str__ = __repr__ = __format__ = Untouchable.touch


class Model(BaseModel):
    name: str = "m"
    key: SecretStr = SecretStr("not to be seen")
    left_out: str = Field("left out", exclude=True)
    inner: list[Point] = [Point(1)]
    anything: object = None
    masked: str = "masked"

    @field_serializer("masked")
    def mask(self, value):
        return "***"


class Failing(BaseModel):
    @computed_field
    @property
    def broken(self) -> int:
        raise KeyError("of the app's")


class Masking(BaseModel):
    name: str = "m"

    @field_serializer("name")
    def fail(self, value):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (dt.datetime(2024, 5, 6, 7, 8, tzinfo=dt.timezone.utc), "2024-05-06T07:08:00+00:00"),
        (dt.date(2024, 5, 6), "2024-05-06"),
        (dt.time(7, 8), "07:08:00"),
        (dt.timedelta(minutes=1), 60.0),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Decimal("1.50"), "1.50"),
        (PurePosixPath("/a/b"), "/a/b"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (b"abc", {"bytes": 3}),
        (bytearray(b"abcd"), {"bytes": 4}),
        (memoryview(b"abcde"), {"bytes": 5}),
        ((1, "a"), [1, "a"]),
        ({1}, [1]),
        (deque([1, 2]), [1, 2]),
        (Pair(1, [2]), {"left": 1, "right": [2]}),
        (Point(1, Point(2)), {"x": 1, "inner": {"x": 2, "inner": None}}),
        (Text("text"), "text"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (2**2000, "<int of 2001 bits>"),
        (object(), "<builtins.object>"),
        (len, "<builtins.builtin_function_or_method>"),
        (Point, "<builtins.type>"),
        (Untouchable(), f"<{Untouchable.__module__}.Untouchable>"),
        ({None: 1, True: 2, 3: 4, (5, 6): 7, Colour.RED: 8}, {"null": 1, "true": 2, "3": 4, "[5, 6]": 7, "red": 8}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_rendered_as(value, expected):
    assert render(value) == expected
    assert type(render(value)) is type(expected)


def test_a_slot_that_was_never_set_is_left_out():
    slotted = Slotted(1, 2)
    del slotted.unset
    assert render(slotted) == {"x": 1}


def test_a_model_is_rendered_by_pydantic_which_knows_what_to_hide():
    rendered = render(Model(anything=Untouchable()))
    assert rendered["inner"] == [{"x": 1, "inner": None, "hidden": "hidden"}]
    assert rendered["masked"] == "***"
    assert "not to be seen" not in str(rendered)
    assert "left out" not in str(rendered)
    assert rendered["anything"] == f"<{Untouchable.__module__}.Untouchable>"


@pytest.mark.parametrize("model", [Failing(), Masking(), Model(anything=b"\xff")])
def test_a_model_that_cannot_be_rendered_is_named(model):
    assert render([model]) == [f"<{__name__}.{type(model).__name__}>"]


def test_a_model_that_holds_itself_is_named():
    model = Model()
    model.anything = model
    assert render(model) == f"<{__name__}.Model>"


def test_an_array_is_described_by_its_shape():
    class Array:
        shape, dtype = (2, 3), "float32"

    Array.__module__, Array.__qualname__ = "numpy", "ndarray"
    assert render(Array()) == {"type": "numpy.ndarray", "shape": [2, 3], "dtype": "float32"}


@pytest.mark.parametrize("attribute", ["shape", "model_dump", "__json__", "__html__", "dict"])
def test_an_unknown_object_is_not_asked(attribute):
    touched = type("Any", (), {attribute: property(Untouchable.touch), "__module__": "app"})
    assert render(touched()) == "<app.Any>"


@given(NESTED)
def test_whatever_was_kept_renders_as_json_and_rendering_again_changes_nothing(value):
    rendered = render(snapshot(value))
    assert json.loads(json.dumps(rendered, allow_nan=False)) == rendered
    assert render(rendered) == rendered


@given(NESTED)
def test_nothing_of_the_apps_is_in_what_is_rendered(value):
    assert not shared(render(value), value)


def shared(rendered, value):
    if type(rendered) in (dict, list) and rendered is value:
        return True
    if type(rendered) is dict and type(value) is dict:
        return any(map(shared, rendered.values(), value.values()))
    return type(rendered) is list and type(value) is list and any(map(shared, rendered, value))


def test_a_cycle_and_a_flood_end():
    loop = {}
    loop["loop"] = loop
    assert OMITTED in str(render(loop))
    rendered = render([[0] * 1000] * 1000)
    assert sum(map(len, rendered)) < MAX_ITEMS * 1.1
    assert rendered[-1] == OMITTED


def test_every_text_passes_through_the_given_function_and_long_keys_too():
    seen = []
    render({"a": "one", "a key that is long": ["two"]}, text=lambda text: seen.append(text) or text)
    assert sorted(seen) == ["a key that is long", "one", "two"]


def test_a_hidden_value_is_not_even_looked_at():
    def hides(name, value):
        return "hidden" if name == "secret" else None

    assert render({"secret": Untouchable(), "a": [{"secret": {"b": 1}}]}, hides=hides) == {
        "secret": "hidden",
        "a": [{"secret": "hidden"}],
    }


def test_a_schema_may_describe_a_property_whose_name_is_hidden():
    schema = {"type": "object", "properties": {"secret": {"type": "string"}, "a": {"properties": {"secret": "x"}}}}
    rendered = render(schema, hides=lambda name, value: "hidden" if name == "secret" else None)
    assert rendered["properties"]["secret"] == {"type": "string"}
    assert rendered["properties"]["a"]["properties"]["secret"] == "hidden"
