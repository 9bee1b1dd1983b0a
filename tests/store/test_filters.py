"""Which traces the filters of the second row let through: tags, attributes, cost, duration, and what changed since."""

import math
import sqlite3

import pytest

from llmtrace.exporters.drawing import totals
from llmtrace.store import Filter, Store
from llmtrace.store.schema import MIGRATIONS
from tests.store.rows import span, trace_id


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "traces.db") as store:
        yield store


def found(store, **conditions):
    return {int(trace.trace_id, 16) for trace in store.traces(Filter(**conditions))}


@pytest.mark.parametrize(
    ("tags", "traces"),
    [((), {1, 2, 3}), (("a",), {1, 2}), (("a", "b"), {1}), (('ä "q"',), {2}), (("A",), set()), (("",), set())],
)
def test_every_tag_asked_for_stands_on_some_span(store, tags, traces):
    store.write([span(1, tags=("a",)), span(1, tags=("b", "c")), span(2, tags=("a", 'ä "q"')), span(3)])
    assert found(store, tags=tags) == traces


@pytest.mark.parametrize(
    ("pairs", "traces"),
    [
        ([("m.tenant", "acme")], {1, 2}),
        ([("m.tenant", "acme"), ("m.n", "7")], {1}),
        ([("m.on", "true")], {2}),
        ([("m.on", "1")], set()),
        ([("m.x", "1.5")], {2}),
        ([('m."odd" ', "é")], {3}),
        ([("m.tenant", "acm")], set()),
        ([("tenant", "acme")], set()),
        ([("m.nan", "nan")], set()),
    ],
)
def test_every_attribute_asked_for_stands_on_some_span(store, pairs, traces):
    store.write(
        [
            span(1, attributes={"m.tenant": "acme"}),
            span(1, attributes={"m.n": 7}),
            span(2, attributes={"m.tenant": "acme", "m.on": True, "m.x": 1.5}),
            span(3, attributes={'m."odd" ': "é"}),
            span(3, attributes={"m.tenant": None, "m.nan": math.nan}),
        ]
    )
    assert found(store, attributes=tuple(pairs)) == traces


def test_a_trace_costs_what_its_inmost_calls_cost(store):
    rows = [
        span(1, span_id="a1" * 8, cost=0.5, input_tokens=5),
        span(1, span_id="a2" * 8, parent_id="a1" * 8),
        span(1, span_id="a3" * 8, parent_id="a2" * 8, cost=0.25),
        span(1, parent_id="a2" * 8, cost=0.25),
    ]
    loop = [span(2, span_id="b1" * 8, parent_id="b2" * 8, cost=1.0), span(2, span_id="b2" * 8, parent_id="b1" * 8)]
    store.write([*rows, *loop, span(3)])
    assert totals(rows).costs == {None: 0.5}
    assert (found(store, min_cost=0.5), found(store, min_cost=0.51), found(store, min_cost=0.0)) == ({1}, set(), {1})


def test_a_trace_lasts_from_its_first_beginning_to_its_last_end_or_until_now(store):
    second = 10**9
    store.write([span(1, started=0, ended=second), span(1, started=second, ended=3 * second)])
    store.write([span(2, started=0, ended=2 * second), span(3, started=0, ended=None)])
    assert found(store, min_duration=2.5) == {1, 3}
    assert found(store, min_duration=3.0) == {1, 3}
    assert found(store, min_duration=3.1) == {3}


def test_what_changed_since_is_known_also_where_rows_were_replaced_and_removed(store):
    assert store.last() == 0
    store.write([span(1, span_id="aa" * 8, ended=None)])
    mark = store.last()
    assert found(store) == {1}
    assert store.traces(Filter(), since=mark) == []
    store.write([span(1, span_id="aa" * 8)])
    assert [trace.trace_id for trace in store.traces(Filter(), since=mark)] == [trace_id(1)]
    mark = store.last()
    store.prune(max_bytes=1)
    store.write([span(2)])
    assert [trace.trace_id for trace in store.traces(Filter(), since=mark)] == [trace_id(2)]


def test_a_file_of_the_first_schema_is_brought_up_to_date_with_all_that_is_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr("llmtrace.store.schema.MIGRATIONS", MIGRATIONS[:1])
    path = tmp_path / "traces.db"
    with Store(path) as old, pytest.raises(sqlite3.OperationalError, match="counter"):
        old.write([span(1)])
    db = sqlite3.connect(path)
    db.execute("INSERT INTO traces VALUES (?, 5)", (bytes(16),))
    db.execute("INSERT INTO origins VALUES (x'00', '[{},\"\",null]')")
    columns = "trace_id, span_id, name, kind, started, ended, status, attributes, origin"
    insert = f"INSERT INTO spans ({columns}) VALUES (?, ?, 'old', 'client', 5, 6, 'ok', '{{}}', x'00')"
    db.execute(insert, (bytes(16), bytes(8)))
    db.commit()
    monkeypatch.undo()
    with Store(path) as new:
        assert [row.name for row in new.spans(trace_id(0))] == ["old"]
        new.write([span(1)])
        db.execute(insert, (bytes(16), bytes.fromhex("aa" * 8)))  # an app that was not upgraded writes on
        db.commit()
        new.write([span(2)])
        assert new.stats().spans == 4
        assert new.last() == 4
    db.close()
