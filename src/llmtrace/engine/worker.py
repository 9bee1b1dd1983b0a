"""The bounded hand-over: calls that finished wait here until one background thread has described them."""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections import deque
from queue import SimpleQueue
from typing import Protocol

from llmtrace.engine.guard import Guard

TICK = 0.02
"""Seconds the worker lets calls gather before it works them off: one wake-up then serves many calls."""

PAUSE = 0.001
"""Seconds the worker works at a stretch. To let others in after every call would cost more than a small call does."""

MAX_CALLS = 10_000


class Job(Protocol):
    """A finished call, waiting to be described."""

    pid: int
    """The process it began in."""

    size: int
    """Bytes of content it holds."""

    def settle(self) -> None:
        """Describe the call and end its span."""

    def shed(self, reason: str) -> None:
        """Let go of the content, keeping the facts that cost no content to know."""


class Worker:
    """Settles jobs on a thread of its own, in order, holding at most `max_bytes` of their content.

    `put` takes no lock and is safe from a finaliser or a signal handler. When the hand-over is full the job sheds its
    content and is settled at once on the caller's thread, so that no call is lost. Without `threaded` it always is,
    and so is what comes after `stop`.
    """

    def __init__(self, max_bytes: int, *, threaded: bool = True) -> None:
        self.max_bytes = max_bytes
        self.threaded = threaded
        self.shed = 0
        self.guard = Guard("the settling of a call", tolerance=None)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Starts afresh, also in a forked child: what the parent had waiting is the parent's to settle."""
        self.pid = os.getpid()
        self._jobs: deque[Job] = deque()
        self._bytes = 0
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._awake = False
        self._busy = threading.Lock()
        self._settling: int | None = None
        self._thread: threading.Thread | None = None
        self._unstarted = deque([True])

    def put(self, job: Job) -> None:
        """Hands a finished call over."""
        if os.getpid() != self.pid:
            self.begin_anew()
        if job.pid != self.pid:
            return  # it began before a fork, and its span is the parent's to end
        if not self.threaded:
            self._settle(job)
            return
        if self._bytes + job.size > self.max_bytes or len(self._jobs) >= MAX_CALLS:
            self.shed += 1
            with self.guard:
                job.shed("queue full")
            self._settle(job)
            return
        # Other threads may be in these lines too: the count can be off by a job until the hand-over is next empty.
        self._bytes += job.size
        self._jobs.append(job)
        if not self._awake:
            self._awake = self._thread is not None or self._start()
            if self._awake:
                self._wake.put(True)

    def _start(self) -> bool:
        """Starts the thread; False where none can be had: then the next call tries again, and a drain does the work."""
        try:
            self._unstarted.pop()
        except IndexError:  # another thread is at it
            return True
        thread = threading.Thread(target=self._serve, args=(self._wake,), name="llmtrace-worker", daemon=True)
        try:
            contextvars.Context().run(thread.start)  # it works for all, not for whoever happens to be first
        except RuntimeError:  # the system has no more, or the interpreter is going down
            self._unstarted.append(True)
            return False
        self._thread = thread
        return True

    def _serve(self, wake: SimpleQueue[bool]) -> None:
        while wake.get():
            time.sleep(TICK)
            self._awake = False
            with self._busy:
                self._work_off()

    def _work_off(self, deadline: float = float("inf")) -> bool:
        """Settles what waits; False if time ran out. Jobs are taken under `_busy` only: who holds it misses none."""
        self._settling = threading.get_ident()
        try:
            pause = time.monotonic() + PAUSE
            while self._jobs:
                now = time.monotonic()
                if now > deadline:
                    return False
                if now > pause:
                    time.sleep(0)  # lets a thread that waits for the interpreter lock have it
                    pause = now + PAUSE
                job = self._jobs.popleft()
                self._bytes -= job.size
                self._settle(job)
            self._bytes = 0
            return True
        finally:
            self._settling = None

    def _settle(self, job: Job) -> None:
        with self.guard:
            job.settle()

    def drain(self, timeout: float) -> bool:
        """Settles all that was handed over before, on the calling thread if need be. False if time ran out first."""
        if os.getpid() != self.pid:
            self.begin_anew()
        if self._settling == threading.get_ident():  # a span processor that flushes at every span's end
            return True
        deadline = time.monotonic() + timeout
        if not self._busy.acquire(timeout=max(timeout, 0)):
            return False
        try:
            return self._work_off(deadline)
        finally:
            self._busy.release()

    def stop(self, timeout: float) -> bool:
        """Drains, and ends the thread."""
        self.threaded = False
        self._wake.put(False)
        return self.drain(timeout)
