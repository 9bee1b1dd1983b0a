"""Several processes, forks and sudden deaths share one store, and nothing that was written is lost."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from llmtrace.store import Filter, Store
from tests.store.rows import span, trace_id

PRELUDE = """
import os, signal, sys, threading, time
from pathlib import Path
from llmtrace.store import Filter, SpanRow, Store

def spans(writer, batch, count=20):
    return [
        SpanRow(
            trace_id=f"{writer:016x}{batch:016x}", span_id=f"{writer:04x}{batch:08x}{number:04x}", name="span",
            started=time.time_ns(), ended=time.time_ns(), attributes={"text": f"{batch} " * 400, "writer": writer},
        )
        for number in range(count)
    ]

store = Store(Path(sys.argv[1]))
"""


@pytest.fixture
def start(tmp_path):
    """Starts Python processes that have a store, and ends those that a failed test left running."""
    started = []

    def one(path, script, *arguments):
        source = textwrap.dedent(PRELUDE) + textwrap.dedent(script)
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", source, str(path), *map(str, arguments)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True))
        return started[-1]

    yield one
    for process in started:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def finished(process):
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out


def intact(path):
    db = sqlite3.connect(path)
    try:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        db.close()


def test_processes_that_create_the_store_at_once_all_write_to_it_while_another_reads(tmp_path, start):
    path = tmp_path / "new" / "traces.db"
    script = """
        for batch in range(25):
            store.write(spans(int(sys.argv[2]), batch))
        store.close()
    """
    writers = [start(path, script, number) for number in range(4)]
    seen = [0]
    with Store(path) as reader:
        while any(writer.poll() is None for writer in writers):
            seen.append(reader.stats().spans)
            for trace in reader.traces(Filter(), 3):
                assert trace.span_count == 20, "a batch is seen whole or not at all"
        for writer in writers:
            finished(writer)
        assert reader.stats().spans == 4 * 25 * 20
    assert seen == sorted(seen)
    assert intact(path)


def test_a_fork_in_the_middle_of_writing_harms_neither_side(tmp_path, start):
    path = tmp_path / "traces.db"
    script = """
        done = threading.Event()

        def write():
            for batch in range(40):
                store.write(spans(0, batch))
            done.set()

        thread = threading.Thread(target=write)
        thread.start()
        children = []
        for child in range(1, 9):
            time.sleep(0.01)
            pid = os.fork()
            if pid == 0:
                for batch in range(5):
                    store.write(spans(child, batch))
                assert store.stats().spans >= 100
                os._exit(0)
            children.append(pid)
        thread.join()
        assert done.is_set()
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        print(codes, store.stats().spans)
        store.close()
    """
    assert finished(start(path, script)).split("]") == [f"{[0] * 8}"[:-1], f" {40 * 20 + 8 * 5 * 20}\n"]
    assert intact(path)


def test_a_process_killed_in_the_middle_of_writing_leaves_all_it_had_written(tmp_path, start):
    path = tmp_path / "traces.db"
    script = """
        for batch in range(10_000):
            store.write(spans(1, batch))
            print(batch, flush=True)
    """
    process = start(path, script)
    told = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    rest = process.communicate(timeout=60)[0]
    written = int((rest.split() or told)[-1])
    with Store(path) as store:
        assert store.stats().spans in (20 * (written + 1), 20 * (written + 2))
        for trace in store.traces(Filter(), 30):
            spans = store.spans(trace.trace_id)
            assert len(spans) == 20
            assert {len(row.attributes["text"]) for row in spans} == {len(f"{int(trace.trace_id[16:], 16)} " * 400)}
        store.write([span()])
    assert intact(path)


def test_writers_a_fork_a_reader_and_a_sudden_death_at_once(tmp_path, start):
    path = tmp_path / "traces.db"
    writing = """
        writer = int(sys.argv[2])
        child = os.fork() if writer == 1 else None
        writer = 10 if child == 0 else writer
        for batch in range(60):
            opened = spans(writer, batch, 1)
            opened[0].ended = None
            store.hold_open(f"writer {writer}".encode(), opened)
            store.write(spans(writer, batch))
        if child == 0:
            store.close()
            os._exit(0)
        assert child is None or os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        store.close()
    """
    dying = """
        for batch in range(10_000):
            store.write(spans(3, batch))
            print(batch, flush=True)
    """
    reading = """
        seen = [0]
        while seen[-1] < 3 * 60 * 20:
            seen.append(store.stats().spans)
            for trace in store.traces(Filter(), 3):
                ended = [row for row in store.spans(trace.trace_id) if row.ended]
                assert len(ended) in (0, 20), len(ended)
        print(len(seen))
    """
    victim = start(path, dying)
    told = [victim.stdout.readline() for _ in range(3)]
    writers, reader = [start(path, writing, number) for number in (1, 2)], start(path, reading)
    told += [victim.stdout.readline() for _ in range(5)]
    victim.send_signal(signal.SIGKILL)
    written = int((victim.stdout.read().split() or told)[-1]) + 1  # `communicate` would miss what was read ahead
    for process in (*writers, reader):
        finished(process)
    with Store(path) as store:
        counts = dict.fromkeys((1, 2, 3, 10), 0)
        for trace in store.traces(Filter()):
            rows = store.spans(trace.trace_id)
            assert all(row.ended for row in rows)
            counts[int(trace.trace_id[:16], 16)] += len(rows)
    assert (counts[1], counts[2], counts[10]) == (1200, 1200, 1200)
    assert counts[3] in (20 * written, 20 * (written + 1))
    assert intact(path)


def test_a_fork_waits_only_so_long_and_then_the_child_leaves_the_connection_alone(tmp_path, start):
    path = tmp_path / "traces.db"
    script = """
        from llmtrace.store import connection
        connection.FORK_PATIENCE = 0.05
        store.write(spans(0, 0))
        inside, leave = threading.Event(), threading.Event()

        def hold():
            with store._connection.writing():
                inside.set()
                leave.wait(30)

        thread = threading.Thread(target=hold)
        thread.start()
        inside.wait()
        pid = os.fork()
        if pid == 0:
            print(len(connection._abandoned), store.stats().spans, flush=True)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        leave.set()
        thread.join()
        store.write(spans(0, 1))
        print(code, store.stats().spans)
        store.close()
    """
    assert finished(start(path, script)).splitlines() == ["1 20", "0 40"]


def test_threads_share_a_store(tmp_path):
    with Store(tmp_path / "traces.db") as store:
        threads = [
            threading.Thread(target=lambda trace=trace: [store.write([span(trace)]) for _ in range(50)])
            for trace in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len(store.spans(trace_id(trace))) for trace in range(4)] == [50] * 4


def test_a_writer_waits_for_another_and_gives_up_after_the_time_it_was_given(tmp_path):
    path = tmp_path / "traces.db"
    with Store(path) as patient, Store(path, busy_timeout=0.1) as hasty:
        patient.write([span()])
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            hasty.write([span()])
        assert time.monotonic() - began < 5
        timer = threading.Timer(0.2, patient.write, [[span()]])
        timer.start()
        time.sleep(0.4)
        blocker.execute("ROLLBACK")
        blocker.close()
        timer.join()
        assert patient.stats().spans == 2
