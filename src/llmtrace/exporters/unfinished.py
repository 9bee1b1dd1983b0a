"""Tells the local store which spans are open, so that a call under way is seen, and one that a crash cut off too."""

from __future__ import annotations

import contextvars
import os
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

PATIENCE = 0.3
"""Seconds that a span must be open before it is written: most end sooner, and cost nothing here."""

HEARTBEAT = 2.0
"""Seconds between two signs of life while spans are open."""

GOODBYE = 1.0
"""Seconds that an app's end may wait for the last word."""

MOST = 10_000
"""How many open spans are watched; what is begun beyond is seen when it has ended."""


class Book(Protocol):
    """Where open spans are noted. It never raises."""

    def hold_open(self, writer: bytes, spans: Sequence[ReadableSpan], given_up: Sequence[tuple[int, int]]) -> bool:
        """Notes that a process is alive, what it has open and what it dropped; False: that is to be said again."""

    def let_go(self, writer: bytes) -> None:
        """Notes that this process ends."""


class Watched:
    """One open span, held so weakly that one which the app drops without ending it is not kept for ever."""

    __slots__ = ("began", "key", "span", "written")

    def __init__(self, span: Span) -> None:
        context = span.get_span_context()
        self.key = (context.trace_id, context.span_id)
        self.span = weakref.ref(span)
        self.began = time.monotonic()
        self.written = False


class OpenSpans(SpanProcessor):
    """Watches spans from their start to their end.

    On the app's thread that is an entry in a dict, without a lock. A thread of its own, which sleeps while nothing is
    open, writes what has been open for a while.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._on = True
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Starts afresh, also in a forked child: what the parent has open is the parent's to end."""
        self._pid = os.getpid()
        self._writer = os.urandom(16)
        self._open: dict[tuple[int, int], Watched] = {}
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._awake = False
        self._beat = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="llmtrace-open-spans", daemon=True)
        with suppress(RuntimeError):  # the system has no more threads, or the interpreter is going down
            contextvars.Context().run(self._thread.start)  # it works for all, not for whoever is first after a fork

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        """Watches the span, if it is one that will be exported."""
        if os.getpid() != self._pid:
            self._begin_anew()
        if not self._on or len(self._open) >= MOST or not span.get_span_context().trace_flags.sampled:
            return
        watched = Watched(span)
        self._open[watched.key] = watched
        if not self._awake:
            self._awake = True
            self._wake.put(True)

    def on_end(self, span: ReadableSpan) -> None:
        """Leaves the span to the exporter, whose row replaces the one that was written here."""
        context = span.get_span_context()
        if context is not None:
            self._open.pop((context.trace_id, context.span_id), None)

    def shutdown(self) -> None:
        """Ends: what is open now was interrupted, unless it ends after all.

        Its thread says so to the store, for which a store that is busy may make it wait; silence says it as well.
        """
        self._on = False
        self._ending.set()
        self._wake.put(False)
        if self._thread.is_alive():
            self._thread.join(GOODBYE)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        """Nothing to wait for: what is open is not finished."""
        return True

    def _serve(self) -> None:
        wake, ending = self._wake, self._ending
        while wake.get() and not ending.is_set():
            self._awake = False  # before the look at what is open: a span that begins from here on wakes it again
            while self._open and not ending.wait(PATIENCE):
                self.look()
        if self._beat:
            self._book.let_go(self._writer)

    def look(self) -> None:
        """Writes what has been open long enough, and that this process is alive."""
        now = time.monotonic()
        held = [(item, item.span()) for item in self._open.copy().values() if now - item.began >= PATIENCE]
        lost = [item for item, span in held if span is None]
        fresh = [(item, span) for item, span in held if span is not None and not item.written]
        given_up = [item.key for item in lost if item.written]
        overdue = held and now - self._beat >= HEARTBEAT
        if fresh or given_up or overdue:
            if not self._book.hold_open(self._writer, [span for _, span in fresh], given_up):
                return
            self._beat = now
        for item, _ in fresh:
            item.written = True
        for item in lost:
            self._open.pop(item.key, None)
