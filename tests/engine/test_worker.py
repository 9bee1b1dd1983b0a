"""The hand-over: in order, bounded, nothing lost, whoever puts and whoever drains."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from llmtrace.engine import worker as module
from llmtrace.engine.worker import Worker

PATIENCE = 10.0


class Job:
    """A job that says what became of it."""

    def __init__(self, log: list[Job], size: int = 1, run: Callable[[], None] = lambda: None) -> None:
        self.log = log
        self.pid = os.getpid()
        self.size = size
        self.run = run
        self.reason: str | None = None
        self.thread: threading.Thread | None = None

    def settle(self) -> None:
        self.thread = threading.current_thread()
        self.log.append(self)
        self.run()

    def shed(self, reason: str) -> None:
        self.reason = reason


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(max_bytes=1000)
    yield made
    assert made.stop(PATIENCE)


def until(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.005)


def held(worker: Worker) -> threading.Event:
    """Keeps the worker busy until the event is set."""
    begun, release = threading.Event(), threading.Event()

    def busy() -> None:
        begun.set()
        release.wait(PATIENCE)

    worker.put(Job([], run=busy))
    assert begun.wait(PATIENCE)
    return release


def test_jobs_are_settled_in_order_on_a_thread_of_its_own(worker: Worker) -> None:
    log: list[Job] = []
    jobs = [Job(log) for _ in range(100)]
    for job in jobs:
        worker.put(job)
    until(lambda: len(log) == 100)
    assert log == jobs
    assert {job.thread.name for job in log if job.thread} == {"llmtrace-worker"}


def test_no_thread_is_started_before_there_is_work() -> None:
    before = set(threading.enumerate())
    worker = Worker(1000)
    assert worker.drain(PATIENCE)
    assert worker.stop(PATIENCE)
    assert set(threading.enumerate()) <= before


def test_beyond_its_bytes_a_job_is_shed_and_settled_at_once_and_none_is_lost(worker: Worker) -> None:
    log: list[Job] = []
    release = held(worker)
    jobs = [Job(log, size=400) for _ in range(4)]
    for job in jobs:
        worker.put(job)
    assert log == jobs[2:]
    assert [job.reason for job in jobs] == [None, None, "queue full", "queue full"]
    assert {job.thread for job in log} == {threading.current_thread()}
    assert worker.shed == 2
    release.set()
    assert worker.drain(PATIENCE)
    assert sorted(map(id, log)) == sorted(map(id, jobs))


def test_room_that_was_taken_is_free_again_afterwards(worker: Worker) -> None:
    log: list[Job] = []
    for _ in range(5):
        worker.put(Job(log, size=1000))
        assert worker.drain(PATIENCE)
    assert [job.reason for job in log] == [None] * 5


def test_so_many_jobs_may_wait_however_small(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CALLS", 3)
    log: list[Job] = []
    release = held(worker)
    jobs = [Job(log, size=0) for _ in range(5)]
    for job in jobs:
        worker.put(job)
    release.set()
    assert worker.drain(PATIENCE)
    assert [job.reason for job in jobs] == [None, None, None, "queue full", "queue full"]
    assert len(log) == 5


def test_without_a_thread_a_job_is_settled_where_it_is_put() -> None:
    log: list[Job] = []
    worker = Worker(1000, threaded=False)
    job = Job(log, size=5000)
    worker.put(job)
    assert log == [job]
    assert (job.thread, job.reason) == (threading.current_thread(), None)


def test_a_drain_settles_what_waits_on_the_thread_that_drains(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK", PATIENCE)
    log: list[Job] = []
    jobs = [Job(log) for _ in range(10)]
    for job in jobs:
        worker.put(job)
    assert worker.drain(PATIENCE)
    assert log == jobs
    assert {job.thread for job in log} == {threading.current_thread()}
    monkeypatch.setattr(module, "TICK", 0)


def test_a_drain_waits_for_the_job_that_is_being_settled(worker: Worker) -> None:
    release = held(worker)
    log: list[Job] = []
    worker.put(Job(log))
    threading.Timer(0.05, release.set).start()
    assert worker.drain(PATIENCE)
    assert len(log) == 1


def test_a_drain_gives_up_when_its_time_is_out(worker: Worker) -> None:
    release = held(worker)
    began = time.monotonic()
    assert not worker.drain(0.05)
    assert not worker.drain(0)
    assert not worker.drain(-1)
    assert time.monotonic() - began < 1
    release.set()


def test_a_drain_stops_between_jobs_when_its_time_is_out_and_the_rest_comes_later(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TICK", 0.3)
    log: list[Job] = []
    for _ in range(5):
        worker.put(Job(log, run=lambda: time.sleep(0.03)))
    assert not worker.drain(0.05)
    assert 0 < len(log) < 5
    until(lambda: len(log) == 5)


def test_several_threads_may_drain_at_once(worker: Worker) -> None:
    log: list[Job] = []
    results: list[bool] = []

    def drain() -> None:
        results.append(worker.drain(PATIENCE))

    for _ in range(200):
        worker.put(Job(log, run=lambda: time.sleep(0.0005)))
    threads = [threading.Thread(target=drain) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 6
    assert len(log) == len(set(log)) == 200


def test_a_job_that_drains_does_not_wait_for_itself(worker: Worker) -> None:
    log: list[Job] = []
    drained: list[bool] = []
    for _ in range(3):
        worker.put(Job(log, run=lambda: drained.append(worker.drain(PATIENCE))))
    began = time.monotonic()
    assert worker.drain(PATIENCE)
    assert drained == [True] * 3
    assert time.monotonic() - began < PATIENCE / 2


def test_nothing_is_lost_under_many_threads() -> None:
    log: list[Job] = []
    worker = Worker(max_bytes=2000)
    put, size = 1000, 10

    def busy() -> None:
        for _ in range(put):
            worker.put(Job(log, size=size))

    threads = [threading.Thread(target=busy) for _ in range(8)]
    before = threading.active_count()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert threading.active_count() <= before + 1
    assert worker.drain(PATIENCE)
    assert len(log) == len(set(log)) == 8 * put
    assert sum(job.reason is not None for job in log) == worker.shed
    worker.put(Job(log, size=2000))
    assert worker.stop(PATIENCE)
    assert log[-1].reason is None, "what waited was counted right: an empty hand-over has all its room"


@pytest.mark.usefixtures("lenient")
@pytest.mark.allows_log("the settling of a call was kept from your app")
def test_a_job_that_raises_kills_neither_the_thread_nor_the_next_job(worker: Worker) -> None:
    log: list[Job] = []
    for _ in range(3):
        worker.put(Job(log, run=lambda: 1 / 0))  # type: ignore[arg-type, return-value]
    worker.put(Job(log))
    until(lambda: len(log) == 4)
    worker.put(Job(log))
    until(lambda: len(log) == 5)
    assert len({job.thread for job in log}) == 1
    assert worker.guard.faults == 3


def test_a_job_may_be_put_by_a_finaliser_during_a_collection(worker: Worker) -> None:
    log: list[Job] = []

    class Dropped:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            worker.put(Job(log))

    for _ in range(50):
        Dropped()
        worker.put(Job(log, run=lambda: gc.collect(0) and None))
    gc.collect()
    assert worker.drain(PATIENCE)
    until(lambda: len(log) == 100)


def test_a_finaliser_that_runs_on_the_draining_thread_finds_no_lock_in_its_way(worker: Worker) -> None:
    log: list[Job] = []
    worker.put(Job(log, run=lambda: worker.put(Job(log, run=lambda: worker.put(Job(log))))))
    assert worker.drain(PATIENCE)
    assert len(log) == 3


def test_after_its_end_a_job_is_settled_where_it_is_put_and_no_thread_stays() -> None:
    log: list[Job] = []
    worker = Worker(1000)
    worker.put(Job(log))
    until(lambda: len(log) == 1)
    thread = log[0].thread
    assert thread is not None
    assert worker.stop(PATIENCE)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    worker.put(Job(log))
    assert log[1].thread is threading.current_thread()


def test_a_stop_settles_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK", 0.2)
    log: list[Job] = []
    worker = Worker(1000)
    for _ in range(20):
        worker.put(Job(log))
    assert worker.stop(PATIENCE)
    assert len(log) == 20


def test_a_stop_during_a_long_job_says_that_it_was_not_done() -> None:
    worker = Worker(1000)
    release = held(worker)
    assert not worker.stop(0.02)
    release.set()


def test_what_the_parent_had_waiting_is_not_the_childs(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK", PATIENCE)
    parents: list[Job] = []
    worker.put(Job(parents, size=900))
    worker.pid += 1  # what a child sees that was forked by code that runs no hook of Python's
    childs: list[Job] = []
    worker.put(Job(childs, size=900))
    assert worker.drain(PATIENCE)
    assert (len(parents), len(childs)) == (0, 1)
    assert childs[0].reason is None, "the parent's bytes are not counted in the child"
    worker.pid += 1
    assert worker.drain(0.1)


def test_what_began_before_a_fork_is_the_parents_to_end(worker: Worker) -> None:
    log: list[Job] = []
    begun = Job(log)
    begun.pid -= 1
    worker.put(begun)
    assert worker.drain(PATIENCE)
    assert log == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="not applicable: this system does not fork")
def test_a_forked_child_drains_its_own_while_the_parents_worker_was_busy() -> None:
    code = """
        import os, threading, time
        from llmtrace.engine.worker import Worker
        class Job:
            size = 1
            def __init__(self, name, run=lambda: None): self.name, self.run, self.pid = name, run, os.getpid()
            def shed(self, reason): os.write(1, b"shed ")
            def settle(self):
                self.run()
                os.write(1, f"{self.name} ".encode())
        worker = Worker(1000)
        begun, release = threading.Event(), threading.Event()
        worker.put(Job("slow", lambda: (begun.set(), release.wait(10))))
        assert begun.wait(10)
        worker.put(Job("waiting"))
        pid = os.fork()
        if pid == 0:
            worker.put(Job("child"))
            assert worker.drain(5)
            worker.put(Job("thread"))
            time.sleep(0.2)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        release.set()
        assert worker.drain(5)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["child", "thread", "slow", "waiting"]


def test_where_no_thread_can_be_had_a_drain_does_the_work_and_a_later_call_tries_again(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[Job] = []
    with monkeypatch.context() as scarce:

        def refuse(self: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        scarce.setattr(threading.Thread, "start", refuse)
        worker.put(Job(log))
        worker.put(Job(log))
    assert log == []
    assert worker.drain(PATIENCE)
    assert len(log) == 2
    worker.put(Job(log))
    until(lambda: len(log) == 3)
    assert log[2].thread is not threading.current_thread()
