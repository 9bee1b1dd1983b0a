"""The bounded hand-over: calls that finished wait here until one background thread has described them."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from queue import SimpleQueue
from typing import Protocol

TICK = 0.02
"""Seconds the worker lets calls gather before it works them off: one wake-up then serves many calls."""

MAX_CALLS = 10_000


class Job(Protocol):
    """A finished call, waiting to be described."""

    size: int
    """Bytes of content it holds."""

    def settle(self) -> None:
        """Describe the call and end its span."""

    def shed(self, reason: str) -> None:
        """Let go of the content, keeping the facts that cost no content to know."""


class Worker:
    """Settles jobs on a thread of its own, in order, holding at most `max_bytes` of their content.

    `put` takes no lock and is safe from a finaliser or a signal handler. When the hand-over is full the job sheds its
    content and is settled at once on the caller's thread, so that no call is lost. Without `threaded` it always is.
    """

    def __init__(self, max_bytes: int, *, threaded: bool = True) -> None:
        self.max_bytes = max_bytes
        self.threaded = threaded
        self.shed = 0
        self._begin()

    def _begin(self) -> None:
        """Starts afresh, also in a forked child: what the parent had waiting is the parent's to settle."""
        self._pid = os.getpid()
        self._jobs: deque[Job] = deque()
        self._bytes = 0
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._awake = False
        self._busy = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, job: Job) -> None:
        """Hands a finished call over."""
        if os.getpid() != self._pid:
            self._begin()
        if not self.threaded:
            job.settle()
            return
        if self._bytes + job.size > self.max_bytes or len(self._jobs) >= MAX_CALLS:
            self.shed += 1
            job.shed("queue full")
            job.settle()
            return
        # Other threads may be in these lines too: the count can be off by a job for a moment, which a bound can bear.
        self._bytes += job.size
        self._jobs.append(job)
        if not self._awake:
            self._awake = True
            if self._thread is None:
                self._start()
            self._wake.put(True)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._serve, args=(self._wake,), name="llmtrace-worker", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is going down: whoever drains last does the work
            self._thread = None

    def _serve(self, wake: SimpleQueue[bool]) -> None:
        while wake.get():
            time.sleep(TICK)
            self._awake = False
            with self._busy:
                self._work_off()

    def _work_off(self, deadline: float = float("inf")) -> bool:
        """Settles what waits; False if time ran out. Jobs are taken under `_busy` only: who holds it misses none."""
        while self._jobs:
            if time.monotonic() > deadline:
                return False
            job = self._jobs.popleft()
            self._bytes -= job.size
            job.settle()
            time.sleep(0)  # lets a thread that waits for the interpreter lock have it between two jobs
        return True

    def drain(self, timeout: float) -> bool:
        """Settles all that was handed over before, on the calling thread if need be. False if time ran out first."""
        if os.getpid() != self._pid:
            self._begin()
        deadline = time.monotonic() + timeout
        if not self._busy.acquire(timeout=max(timeout, 0)):
            return False
        try:
            return self._work_off(deadline)
        finally:
            self._busy.release()

    def stop(self, timeout: float) -> bool:
        """Drains, and ends the thread."""
        drained = self.drain(timeout)
        if self._thread is not None:
            self._wake.put(False)
            self._thread = None
        return drained
