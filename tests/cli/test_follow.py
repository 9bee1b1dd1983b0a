"""What is told of a store that others write to meanwhile."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time

import pytest

from llmtrace.cli import follow
from llmtrace.cli.follow import Board, Feed, is_complete
from llmtrace.store import Filter, Store
from tests.store.rows import span, trace_id


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "traces.db") as store:
        yield store


def told(feed):
    return [(row.name, row.ended is not None) for row in feed.news()]


def test_a_feed_begins_with_the_last_traces_and_tells_each_change_once(store):
    store.write([span(number, name=f"old {number}", started=number) for number in (1, 2, 3)])
    feed = Feed(store, Filter(), 2)
    assert told(feed) == [("old 2", True), ("old 3", True)]
    assert told(feed) == []
    store.hold_open(b"me", [span(4, name="new", span_id="aa" * 8, ended=None)])
    assert told(feed) == [("new", False)]
    store.hold_open(b"me", [])
    assert told(feed) == []
    store.write([span(4, name="new", span_id="aa" * 8), span(5, name="other")])
    assert sorted(told(feed)) == [("new", True), ("other", True)]


def test_a_trace_that_a_filter_lets_through_late_is_told_whole(store):
    feed = Feed(store, Filter(errors=True), 2)
    store.write([span(1, name="first")])
    assert told(feed) == []
    store.write([span(1, name="second", status="error"), span(2)])
    assert told(feed) == [("first", True), ("second", True)]


def test_a_store_that_is_replaced_is_followed_from_its_beginning(store):
    store.write([span(1) for _ in range(5)])
    feed = Feed(store, Filter(), 10)
    assert len(told(feed)) == 5
    for path in store.path.parent.glob("traces.db*"):
        path.unlink()
    store.write([span(1, name="new")])
    assert told(feed) == [("new", True)]


def test_what_was_told_of_is_remembered_within_bounds(store, monkeypatch):
    monkeypatch.setattr(follow, "REMEMBERED", 3)
    store.write([span(number) for number in range(10)])
    feed = Feed(store, Filter(), 10)
    assert len(told(feed)) == 10
    assert len(feed._told) == 3


def names(picks):
    return [[row.name for row in pick.spans] for pick in picks]


def test_a_board_holds_a_trace_until_nothing_of_it_runs_any_more(store):
    board = Board(Feed(store, Filter(), 10))
    root = {"name": "root", "span_id": "aa" * 8, "started": 1}
    store.hold_open(b"me", [span(1, ended=None, **root)])
    store.write([span(1, name="child", parent_id="aa" * 8), span(2, name="quick")])
    complete, open_ones = board.look(0.0)
    assert (names(complete), names(open_ones)) == ([["quick"]], [["root", "child"]])
    assert board.look(100.0)[0] == []
    store.write([span(1, **root, ended=10)])
    assert names(board.look(101.0)[0]) == [["root", "child"]]
    assert board.look(102.0) == ([], [])


def test_a_board_waits_a_little_for_a_parent_that_has_not_been_seen(store):
    board = Board(Feed(store, Filter(), 10))
    store.write([span(1, name="child", parent_id="bb" * 8)])
    assert names(board.look(0.0)[1]) == [["child"]]
    assert names(board.look(follow.QUIET + 0.1)[0]) == [["child"]]


def test_a_trace_whose_process_is_gone_is_complete(store):
    store.hold_open(b"me", [span(1, ended=None)])
    assert not is_complete(store.spans(trace_id(1)), quiet=True)
    store.let_go(b"me")
    assert is_complete(store.spans(trace_id(1)), quiet=False)


def test_a_trace_that_is_removed_meanwhile_is_let_go(store):
    store.hold_open(b"me", [span(1, ended=None)])
    board = Board(Feed(store, Filter(), 10))
    assert len(board.look(0.0)[1]) == 1
    store.prune(max_bytes=1)
    assert board.look(1.0) == ([], [])
    assert board.under_way == {}


@pytest.fixture
def command(tmp_path):
    started = []

    def start(*arguments, **pipes):
        program = [sys.executable, "-W", "error", "-m", "llmtrace", "show", "-f", *arguments]
        environment = {**os.environ, "LLMTRACE_STORE": str(tmp_path / "traces.db"), "TERM": "xterm"}
        started.append(subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def lines(stream, count):
    """The next lines of a process that goes on, or a failure when they do not come."""
    found = []
    reader = threading.Thread(target=lambda: found.extend(stream.readline() for _ in range(count)), daemon=True)
    reader.start()
    reader.join(30)
    assert len(found) == count
    return found


def end(process):
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=30)
    assert process.returncode == 0
    return rest


def test_json_streams_a_line_for_each_span_that_begins_to_be_seen_or_ends(store, command):
    process = command("--json", "--conversation", "c", stdout=subprocess.PIPE)
    assert b"there is no store" in process.stderr.readline()
    store.write([span(1, name="old", conversation_id="c")])
    assert json.loads(lines(process.stdout, 1)[0])["name"] == "old"
    store.hold_open(b"me", [span(2, name="new", conversation_id="c", span_id="aa" * 8, ended=None)])
    (first,) = map(json.loads, lines(process.stdout, 1))
    store.write([span(3, name="unasked"), span(2, name="new", conversation_id="c", span_id="aa" * 8)])
    (second,) = map(json.loads, lines(process.stdout, 1))
    assert [(told["name"], told["ended"] is None, told["running"]) for told in (first, second)] == [
        ("new", True, True),
        ("new", False, False),
    ]
    out, err = end(process)
    assert out == b""
    assert b"Traceback" not in err


def test_a_pipe_gets_each_trace_when_it_is_seen_running_and_when_it_is_complete(store, command):
    store.write([span(1, name="old")])
    process = command(stdout=subprocess.PIPE)
    assert b"old" in lines(process.stdout, 3)[1]
    store.hold_open(b"me", [span(2, name="slow", span_id="aa" * 8, started=time.time_ns(), ended=None)])
    assert b"running for" in lines(process.stdout, 3)[1]
    store.write([span(2, name="slow", span_id="aa" * 8)])
    assert b"running" not in b"".join(lines(process.stdout, 3))
    end(process)


def test_a_terminal_shows_what_is_under_way_until_ctrl_c(store, command):
    store.hold_open(b"me", [span(2, name="slow", span_id="aa" * 8, started=time.time_ns(), ended=None)])
    main, side = pty.openpty()
    process = command(stdout=side)
    os.close(side)
    seen = b""
    while b"running for 1" not in seen and len(seen) < 10**6:
        seen += os.read(main, 65536)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # Linux says so when the other side is gone
        while chunk := os.read(main, 65536):
            seen += chunk
    os.close(main)
    assert process.wait(timeout=30) == 0
    assert b"slow" in seen.rpartition(b"\x1b[2K")[2], "what was under way stays on the screen"
