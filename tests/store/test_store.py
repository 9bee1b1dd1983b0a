"""What goes into the store comes out of it, and what is asked for is found."""

import itertools
import json
import sqlite3
import stat
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmtrace.store import EventRow, Filter, Found, LinkRow, Origin, Store, StoreError
from llmtrace.store.schema import MIGRATIONS
from tests.store.rows import span, trace_id


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store" / "traces.db") as store:
        yield store


def message(text):
    return {"role": "user", "parts": [{"type": "text", "content": text}]}


any_text = st.text(st.characters())
big_text = st.builds(lambda text, times: text * times, st.text(st.characters(), min_size=1), st.integers(200, 400))
scalars = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | any_text | st.none()
values = scalars | big_text | st.lists(scalars | big_text) | st.dictionaries(any_text, scalars)
attributes = st.dictionaries(any_text, values | st.lists(values, min_size=5).map(json.dumps))
maybe = st.none() | any_text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    text=any_text,
    optional=st.lists(maybe, min_size=8, max_size=8),
    counts=st.lists(st.none() | st.integers(0, 2**63 - 1), min_size=3, max_size=3),
    cost=st.none() | st.floats(allow_nan=False),
    tags=st.lists(any_text).map(tuple),
    given_attributes=attributes,
)
def test_a_span_comes_back_exactly_as_it_was(store, text, optional, counts, cost, tags, given_attributes):
    columns = (
        "status_message",
        "operation",
        "provider",
        "model",
        "conversation_id",
        "user_id",
        "error_type",
        "currency",
    )
    written = span(
        name=text,
        kind="client",
        status="error",
        parent_id="00000000000000ff",
        **dict(zip(columns, optional, strict=True)),
        **dict(zip(("input_tokens", "output_tokens", "cached_tokens"), counts, strict=True)),
        cost=cost,
        tags=tags,
        attributes=given_attributes,
        events=[EventRow(text, 5, given_attributes)],
        links=[LinkRow(trace_id(9), "00000000000000aa", given_attributes)],
        origin=Origin(given_attributes, text, optional[0]),
    )
    store.write([written])
    assert [read for read in store.spans(trace_id(1)) if read.span_id == written.span_id] == [written]


def test_a_long_conversation_grows_linearly(store):
    sizes = []
    for turns in range(0, 400, 100):
        turn = [talk(number) for number in range(turns, turns + 100)]
        store.write(turn)
        store.close()
        sizes.append(store.stats().bytes)
    growth = [after - before for before, after in itertools.pairwise(sizes)]
    assert growth[-1] < 1.1 * growth[0]
    assert sizes[-1] < 3 * 400 * 1000  # a turn's own message has 1 kB; all attributes together have 80 MB
    assert store.spans(turn[-1].trace_id) == turn[-1:]


def talk(turn):
    """The span of a turn in a conversation: it holds all messages so far."""
    so_far = [message(f"{number} " + "word " * 200) for number in range(turn)]
    tools = [{"name": "search", "description": "x" * 2000}]
    return span(turn, attributes={"input": json.dumps(so_far), "tools": json.dumps(tools)})


def test_content_is_left_out_of_a_listing(store):
    store.write([span(attributes={"big": "x" * 1000, "small": "y"})])
    assert store.spans(trace_id(1), content=False)[0].attributes == {"small": "y"}


def test_spans_come_in_order_of_time_and_no_more_than_asked_for(store):
    late, early = span(started=20), span(started=10)
    store.write([late, early])
    assert store.spans(trace_id(1)) == [early, late]
    assert store.spans(trace_id(1), limit=1) == [early]


def test_a_finished_span_replaces_the_open_one_and_never_the_other_way_round(store):
    opened = span(ended=None, attributes={"content": "a" * 1000})
    store.write([opened])
    assert store.spans(trace_id(1)) == [opened]
    finished = replace(opened, ended=opened.started + 7, attributes={"content": "b" * 1000})
    store.write([finished])
    store.write([opened])
    assert store.spans(trace_id(1)) == [finished]


def test_traces_are_listed_newest_first_with_what_is_in_them(store):
    root = span(trace=1, started=10, ended=30)
    store.write([span(trace=1, started=15, ended=None), root, span(trace=1, started=20, ended=25, status="error")])
    store.write([span(trace=2, started=50, ended=51)])
    newest, older = store.traces(Filter(), 10)
    assert (newest.trace_id, newest.span_count, newest.error_count) == (trace_id(2), 1, 0)
    assert (older.trace_id, older.started, older.ended, older.span_count, older.error_count) == (
        trace_id(1),
        10,
        30,
        3,
        1,
    )
    assert [summary.trace_id for summary in store.traces(Filter(), 1)] == [trace_id(2)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), {1, 2, 3, 4}),
        (Filter(conversation="c-1"), {1, 2}),
        (Filter(user="ann"), {1}),
        (Filter(model="gpt-x"), {1}),
        (Filter(model="gpt-*"), {1, 2}),
        (Filter(model="*"), {1, 2}),
        (Filter(errors=True), {3}),
        (Filter(conversation="c-1", model="gpt-y"), {2}),
        (Filter(conversation="c-1", errors=True), set()),
        (Filter(text="needle"), {1, 2, 3, 4}),
        (Filter(text="NEEDLE IN A MESSAGE"), {1, 2}),
        (Filter(text="second turn"), {2}),
        (Filter(text='with "quotes" and \n'), {2}),
        (Filter(text="100%"), {4}),
        (Filter(text="10__"), set()),
        (Filter(text="whole text"), {4}),
        (Filter(text="\ud800"), set()),
        (Filter(text="nowhere"), set()),
        (Filter(conversation="C-1"), set()),
    ],
)
def test_a_filter_finds_the_traces_in_which_each_condition_holds_for_some_span(store, wanted, found):
    first = message("a needle in a message " + "x" * 300)
    second = message('second turn with "quotes" and \n a line')
    store.write(
        [
            span(1, conversation_id="c-1", user_id="ann", model="gpt-x", attributes={"m": json.dumps([first])}),
            span(2, conversation_id="c-1", attributes={"m": json.dumps([first, second])}),
            span(2, model="gpt-y"),
            span(3, name="needle", status="error", error_type="Timeout"),
            span(4, attributes={"small": "Needle 100%", "big": "whole text " * 100}),
        ]
    )
    assert {int(summary.trace_id, 16) for summary in store.traces(wanted, 10)} == found


def test_ids_are_found_by_their_first_digits(store):
    trace, inner = "ab" * 16, "cd" * 8
    store.write([replace(span(), trace_id=trace, span_id=inner)])
    for prefix in ("a", "aba", "abab", trace):
        assert store.find(prefix) == [Found(trace)]
    for prefix in ("c", "cdc", inner):
        assert store.find(prefix) == [Found(trace, inner)]
    for prefix in ("b", "cd" * 9, trace + "a", "xyz", "ab ab", "-1", "é"):
        assert store.find(prefix) == []
    assert len(store.find("", limit=1)) == 1


def test_blobs_are_kept_by_their_hash(store):
    key = "0a" * 32
    assert store.blob(key) is None
    for _ in range(2):
        store.put_blob(key, b"\x00\xff", "image/png")
    found = store.blob(key)
    assert (found.mime_type, found.body) == ("image/png", b"\x00\xff")


def test_pruning_by_age_takes_old_traces_and_the_content_that_only_they_held(store):
    now = time.time_ns()
    shared, old, new = message("shared " * 50), message("old " * 50), message("new " * 50)
    kept = span(2, started=now, attributes={"m": json.dumps([shared, new]), "t": "kept " * 100})
    store.put_blob("aa" * 32, b"old", "image/png")
    store.write([span(1, started=now - 10**12, attributes={"m": json.dumps([shared, old]), "t": "gone " * 100}), kept])
    assert store.prune(max_age=500) == 1
    assert [summary.trace_id for summary in store.traces(Filter(), 10)] == [trace_id(2)]
    assert store.spans(trace_id(2)) == [kept]
    bodies = content(store)
    assert len(bodies) == 3
    assert not [body for body in bodies if "old" in body or "gone" in body]


def content(store):
    db = sqlite3.connect(store.path)
    try:
        return [body for (body,) in db.execute("SELECT body FROM content")]
    finally:
        db.close()


def test_pruning_by_size_takes_the_oldest_and_gives_the_space_back(store):
    for trace in range(100):
        store.write([span(trace, started=trace + 1, attributes={"text": f"{trace} " * 20_000})])
    store.close()
    before = store.stats().bytes
    removed = store.prune(max_bytes=before // 2)
    store.close()
    left = store.stats()
    assert left.bytes <= before // 2
    assert left.traces == 100 - removed > 30
    assert left.oldest == removed + 1
    assert store.prune(max_bytes=before // 2) == 0


def test_pruning_to_nothing_ends(store):
    store.write([span(trace) for trace in range(3)])
    assert store.prune(max_bytes=1) == 3
    assert store.stats().spans == 0


def test_a_blob_goes_when_no_trace_is_as_old(store):
    store.put_blob("aa" * 32, b"old", "image/png")
    store.write([span(1, started=time.time_ns() - 10**12)])
    store.prune(max_age=500)
    assert store.blob("aa" * 32) is None


def test_only_the_owner_can_read_the_file_and_its_folder(store):
    store.write([span()])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [store.path.parent, *store.path.parent.iterdir()]}
    assert modes == {"store": 0o700, "traces.db": 0o600, "traces.db-wal": 0o600, "traces.db-shm": 0o600}


def test_a_batch_is_written_whole_or_not_at_all(store):
    store.write([span(1)])
    with pytest.raises(sqlite3.Error):
        store.write([span(2), span(2, kind=None)])
    assert [summary.trace_id for summary in store.traces(Filter(), 10)] == [trace_id(1)]
    store.write([span(3)])
    assert len(store.traces(Filter(), 10)) == 2


def test_a_store_that_was_deleted_under_us_begins_anew(store):
    store.write([span(1)])
    for path in store.path.parent.iterdir():
        path.unlink()
    store.write([span(2)])
    assert [summary.trace_id for summary in store.traces(Filter(), 10)] == [trace_id(2)]


def test_a_closed_store_opens_again_when_it_is_used(store):
    store.write([span(1)])
    store.close()
    store.write([span(2)])
    assert store.stats().spans == 2


def test_a_store_of_a_newer_llmtrace_is_refused_and_left_alone(store):
    store.write([span()])
    store.close()
    change(store, "PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"newer llmtrace wrote it \(schema 99.*upgrade"):
        store.stats()
    change(store, f"PRAGMA user_version = {len(MIGRATIONS)}")
    assert store.stats().spans == 1


@pytest.mark.parametrize("version", [0, 1, 50])
def test_another_program_s_database_is_refused_and_left_alone(store, version):
    store.path.parent.mkdir()
    change(store, "CREATE TABLE theirs (x)")
    change(store, f"PRAGMA user_version = {version}")
    with pytest.raises(StoreError, match="another program's"):
        store.write([span()])
    db = sqlite3.connect(store.path)
    assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    db.close()


def change(store, statement):
    db = sqlite3.connect(store.path)
    db.execute(statement)
    db.commit()
    db.close()


def test_what_is_no_database_is_refused(store):
    store.path.parent.mkdir()
    store.path.write_bytes(b"not a database, but a text " * 100)
    with pytest.raises(sqlite3.DatabaseError):
        store.stats()
