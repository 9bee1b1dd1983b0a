import threading
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.content.render import render
from llmtrace.content.snapshot import MAX_DEPTH, OMITTED, snapshot


class Untouchable:
    """Raises whatever is done to it, as far as Python asks the class."""

    def __getattribute__(self, name):
        raise AssertionError(f"touched: {name}")

    __class__ = property(lambda self: self.touched)

    def touch(self, *args, **kwargs):
        raise AssertionError("touched")

    __hash__ = __eq__ = __repr__ = __str__ = __bool__ = __len__ = __iter__ = __getitem__ = __contains__ = touch
    __call__ = __enter__ = __exit__ = __int__ = __float__ = __index__ = __fspath__ = __copy__ = __deepcopy__ = touch
    __reduce__ = __reduce_ex__ = __format__ = __dir__ = __lt__ = __add__ = __bytes__ = __sizeof__ = touch


class HashedOnce:
    """A mapping's key that may be hashed while the app builds its mapping, and never again."""

    hashed = 0

    def __hash__(self):
        self.hashed += 1
        assert self.hashed == 1, "hashed by llmtrace"
        return 1


class Pair(NamedTuple):
    left: list
    right: int


@dataclass
class Point:
    x: int


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
NESTED = st.recursive(
    SCALARS | st.builds(Untouchable),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.lists(inner).map(tuple)
        | st.sets(st.text() | st.integers())
        | st.dictionaries(st.text(), inner).map(OrderedDict)
    ),
    max_leaves=30,
)


def same(copy, original):
    """Equal, where tuples and sets are lists and an object of the app's is itself."""
    if type(original) is Untouchable:
        return copy is original
    if type(original) in (dict, OrderedDict):
        return list(copy) == list(original) and all(same(copy[key], original[key]) for key in original)
    if type(original) in (list, tuple):
        return len(copy) == len(original) and all(map(same, copy, original))
    if type(original) is set:
        return set(copy) == original
    return copy is original


@given(NESTED)
def test_a_snapshot_equals_the_value_and_touches_no_object_of_the_apps(value):
    assert same(snapshot(value), value)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_what_the_app_changes_later_does_not_show(value):
    before = render(value)
    taken = snapshot(value)
    scribble(value)
    assert taken == before


def scribble(value):
    if isinstance(value, dict | list):
        for item in list(value.values() if isinstance(value, dict) else value):
            scribble(item)
        value.clear()


def test_strings_and_bytes_are_shared_not_copied():
    text, data = "x" * 100, b"y" * 100
    taken = snapshot({"text": [text], "data": data})
    assert taken["text"][0] is text
    assert taken["data"] is data


@pytest.mark.parametrize("value", [Point(1), Pair([1], 2), bytearray(b"x"), object(), len, Point])
def test_an_object_that_is_no_plain_container_is_kept_as_it_is(value):
    assert snapshot([value])[0] is value
    assert snapshot(value) is value


def test_a_lazy_proxy_is_not_woken_up():
    class Lazy:
        @property
        def __class__(self):
            raise AssertionError("woken up")

    lazy = Lazy()
    assert snapshot({"lazy": lazy})["lazy"] is lazy


def test_a_subclass_of_a_container_is_copied_without_asking_it():
    class Sly(dict):
        __iter__ = keys = items = values = copy = __getitem__ = __len__ = Untouchable.touch

    class Slow(list):
        __iter__ = copy = __getitem__ = __len__ = Untouchable.touch

    taken = snapshot([Sly(a=[1]), Slow([[2]]), defaultdict(list, b=3)])
    assert taken == [{"a": [1]}, [[2]], {"b": 3}]


def test_a_key_is_not_hashed_again():
    key = HashedOnce()
    value = {"plain": [1], key: [2, {3: [4]}]}
    taken = snapshot({"outer": value, "sub": OrderedDict(plain=value)})
    value.clear()
    assert render(taken["outer"]) == {"plain": [1], f"<{__name__}.HashedOnce>": [2, {"3": [4]}]}


def test_a_cycle_ends():
    value = {"name": "loop"}
    value["self"] = [value]
    taken, levels = snapshot(value), 0
    while type(taken) is dict and "self" in taken:
        taken, levels = taken["self"][0], levels + 1
        if type(taken) is str:
            break
    assert levels <= MAX_DEPTH
    assert OMITTED in str(taken)


def test_a_cycle_with_many_branches_ends_too():
    value = []
    value += [value] * 50
    taken = snapshot(value, limit=1000)
    assert count(taken) < 2500


@given(NESTED, st.integers(0, 20))
def test_at_most_the_limit_of_items_is_copied(value, limit):
    assert count(snapshot(value, limit)) <= limit + omissions(snapshot(value, limit))


def test_what_is_over_the_limit_is_said_to_be_left_out():
    assert snapshot([1] * 5, limit=3) == [1, 1, 1, OMITTED]
    assert snapshot({"a": 1, "b": 2}, limit=1) == {"a": 1, "…": OMITTED}
    assert snapshot([[1, 2], [3]], limit=4) == [[1, 2], [OMITTED]]


def count(value):
    if type(value) is dict:
        return len(value) + sum(map(count, value.values()))
    return len(value) + sum(map(count, value)) if type(value) is list else 0


def omissions(value):
    if type(value) is str:
        return value == OMITTED
    if type(value) is dict:
        return sum(map(omissions, value.values()))
    return sum(map(omissions, value)) if type(value) is list else 0


def test_deep_nesting_ends_at_the_depth_and_shares_nothing_of_the_apps():
    value = inner = []
    for _ in range(MAX_DEPTH * 3):
        inner.append([])
        inner = inner[0]
    taken, levels = snapshot(value), 1
    while type(taken) is list and taken:
        taken, levels = taken[0], levels + 1
    assert taken == OMITTED
    assert levels <= MAX_DEPTH + 2


def test_a_container_that_another_thread_changes_is_copied_all_the_same():
    shared, done = {str(n): [n] for n in range(200)}, threading.Event()

    def churn():
        while not done.is_set():
            shared["extra"] = []
            del shared["extra"]

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(300):
            assert len(snapshot(shared)) in (200, 201)
            assert len(snapshot(OrderedDict(a=shared))["a"]) in (200, 201)
    finally:
        done.set()
        thread.join()
