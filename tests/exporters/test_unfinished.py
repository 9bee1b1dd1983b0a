"""Spans are in the store before they end, and what becomes of those that never do."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from llmtrace.exporters import unfinished
from llmtrace.exporters.local import LocalExporter
from llmtrace.exporters.unfinished import OpenSpans
from llmtrace.store import Filter, Store, reading


def until(condition, seconds=20):
    """Waits for what another thread or process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Notes:
    """A book that only remembers."""

    def __init__(self):
        self.held, self.given_up, self.beats, self.gone, self.works = [], [], 0, [], True

    def hold_open(self, writer, spans, given_up):
        self.beats += self.works
        self.held += [span.name for span in spans] if self.works else []
        self.given_up += given_up if self.works else []
        return self.works

    def let_go(self, writer):
        self.gone.append(writer)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(unfinished, "PATIENCE", 0.02)
    monkeypatch.setattr(unfinished, "HEARTBEAT", 0.1)


@pytest.fixture
def watching(quick):
    notes = Notes()
    watcher = OpenSpans(notes)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(watcher)
    yield provider.get_tracer("tests"), notes, watcher
    watcher.shutdown()


def test_a_span_is_noted_when_it_has_been_open_for_a_while_and_only_once(watching):
    tracer, notes, watcher = watching
    slow = tracer.start_span("slow")
    until(lambda: notes.beats > 2)
    assert notes.held == ["slow"]
    slow.end()
    until(lambda: not watcher._open)
    before = notes.beats
    time.sleep(0.3)
    assert notes.beats == before, "with nothing open there is nothing to say"
    again = tracer.start_span("again")
    until(lambda: notes.held == ["slow", "again"])
    again.end()


def test_a_span_that_ends_soon_is_never_noted(watching):
    tracer, notes, watcher = watching
    unfinished.PATIENCE = 0.5
    for _ in range(100):
        tracer.start_span("quick").end()
    assert watcher._open == {}
    time.sleep(0.7)
    assert (notes.held, notes.beats) == ([], 0)


def test_a_span_that_the_app_drops_is_given_up_and_not_kept_alive(watching):
    tracer, notes, watcher = watching
    span = tracer.start_span("dropped")
    context = span.get_span_context()
    until(lambda: notes.held == ["dropped"])
    del span
    gc.collect()
    until(lambda: notes.given_up == [(context.trace_id, context.span_id)])
    until(lambda: not watcher._open)


def test_what_could_not_be_noted_is_noted_later(watching):
    tracer, notes, _ = watching
    notes.works = False
    span = tracer.start_span("slow")
    time.sleep(0.1)
    notes.works = True
    until(lambda: notes.held == ["slow"])
    span.end()


def test_the_end_does_not_wait_for_a_store_that_is_busy(quick):
    notes, leave = Notes(), threading.Event()
    notes.hold_open = lambda *_: leave.wait(30)
    watcher = OpenSpans(notes)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(watcher)
    span = provider.get_tracer("tests").start_span("slow")
    time.sleep(0.1)
    began = time.monotonic()
    watcher.shutdown()
    assert time.monotonic() - began < 10
    assert notes.gone == []
    leave.set()
    until(lambda: len(notes.gone) == 1)
    span.end()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_that_ends_says_nothing_of_what_its_parent_has_open(quick, tmp_path):
    exporter = LocalExporter(tmp_path / "traces.db")
    watcher = exporter.companion()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(watcher)
    span = provider.get_tracer("tests").start_span("slow")
    with Store(tmp_path / "traces.db") as store:
        until(lambda: states(store) == {"slow": "running"})
        child = os.fork()
        if child == 0:
            watcher.shutdown()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert states(store) == {"slow": "running"}
    span.end()
    watcher.shutdown()
    exporter.shutdown()


def test_spans_that_no_one_will_export_and_too_many_are_not_watched(quick, monkeypatch):
    watcher = OpenSpans(Notes())
    unsampled = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    unsampled.add_span_processor(watcher)
    spans = [unsampled.get_tracer("tests").start_span("off")]
    assert watcher._open == {}
    monkeypatch.setattr(unfinished, "MOST", 3)
    sampled = TracerProvider(shutdown_on_exit=False)
    sampled.add_span_processor(watcher)
    spans += [sampled.get_tracer("tests").start_span("on") for _ in range(5)]
    assert len(watcher._open) == 3
    watcher.shutdown()
    spans.append(sampled.get_tracer("tests").start_span("late"))
    assert len(watcher._open) == 3


def test_many_threads_begin_and_end_spans_at_once(watching):
    tracer, _, watcher = watching

    def work():
        for _ in range(300):
            tracer.start_span("one").end()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert watcher._open == {}


def test_an_open_span_runs_until_it_ends_or_its_process_falls_silent(quick, tmp_path, monkeypatch):
    exporter = LocalExporter(tmp_path / "traces.db")
    watcher = exporter.companion()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(watcher)
    span = provider.get_tracer("tests").start_span("slow", attributes={"a": 1})
    with Store(tmp_path / "traces.db") as store:
        until(lambda: store.stats().spans == 1)
        ident = f"{span.get_span_context().trace_id:032x}"
        (row,) = store.spans(ident)
        assert (row.name, row.ended, row.running, row.attributes) == ("slow", None, True, {"a": 1})
        monkeypatch.setattr(reading, "SILENCE", -1)
        assert [row.running for row in store.spans(ident)] == [False]
        monkeypatch.undo()
        watcher.shutdown()
        assert [row.running for row in store.spans(ident)] == [False]
        span.end()
        assert exporter.export([span]) is SpanExportResult.SUCCESS
        (row,) = store.spans(ident)
        assert (row.ended, row.running) == (span.end_time, False)
        assert exporter.hold_open(b"other", [span], [])
        assert [row.ended for row in store.spans(ident)] == [span.end_time]
    exporter.shutdown()


@pytest.mark.allows_log("can't be written")
def test_a_store_that_can_t_be_written_is_no_error_of_the_app_s(tmp_path):
    (tmp_path / "file").write_text("")
    exporter = LocalExporter(tmp_path / "file" / "traces.db")
    assert not exporter.hold_open(b"me", [], [])
    exporter.let_go(b"me")
    assert not exporter.keep_score("ab" * 16, None, "helpful", value=1.0)


APP = """
import os, signal, sys, time
import llmtrace
from opentelemetry import trace

llmtrace.init(exporters="local", integrations="")
tracer = trace.get_tracer("app")
with tracer.start_as_current_span("whole"):
    tracer.start_span("finished").end()
    llmtrace.flush()
    if sys.argv[1] == "fork":
        child = os.fork()
        if child == 0:
            with tracer.start_as_current_span("of the child"):
                print("open", flush=True)
                time.sleep(60)
    print("open", flush=True)
    if sys.argv[1] == "exit":
        time.sleep(0.6)
        sys.exit()
    time.sleep(60)
"""


@pytest.fixture
def app(tmp_path):
    started = []

    def start(how):
        environment = {**os.environ, "LLMTRACE_STORE": str(tmp_path / "traces.db")}
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(APP), how]
        started.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
        )
        assert started[-1].stdout.readline() == "open\n"
        return started[-1]

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def states(store):
    return {
        row.name: "ended" if row.ended else "running" if row.running else "interrupted"
        for trace in store.traces(Filter())
        for row in store.spans(trace.trace_id)
    }


def test_a_killed_process_leaves_its_open_spans_to_be_seen_as_interrupted(app, tmp_path, monkeypatch):
    process = app("wait")
    with Store(tmp_path / "traces.db") as store:
        until(lambda: states(store) == {"whole": "running", "finished": "ended"})
        process.kill()
        process.wait()
        monkeypatch.setattr(reading, "SILENCE", 0.5e9)
        until(lambda: states(store) == {"whole": "interrupted", "finished": "ended"})


def test_both_sides_of_a_fork_say_what_they_have_open(app, tmp_path):
    app("fork")
    with Store(tmp_path / "traces.db") as store:
        until(lambda: states(store) == {"whole": "running", "finished": "ended", "of the child": "running"})


def test_a_process_that_exits_ends_its_spans(app, tmp_path):
    process = app("exit")
    assert process.wait(timeout=60) == 0
    with Store(tmp_path / "traces.db") as store:
        assert states(store) == {"whole": "ended", "finished": "ended"}


def test_watching_costs_the_app_a_few_microseconds(tmp_path):
    watcher = LocalExporter(tmp_path / "traces.db").companion()
    span = TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_span("one")
    began = time.perf_counter()
    for _ in range(10_000):
        watcher.on_start(span)
        watcher.on_end(span)
    assert (time.perf_counter() - began) / 10_000 < 50e-6
    watcher.shutdown()
