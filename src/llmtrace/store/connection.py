"""One SQLite connection for the threads of one process, closed before a fork and opened again on both sides of it.

SQLite forbids a connection to cross a fork, even only to close it in the child: its locks belong to the parent, but the
library in the child believes that it holds them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from llmtrace.store.content import decode
from llmtrace.store.schema import prepare

FORK_PATIENCE = 1.0
"""Seconds that a fork waits for a transaction of another thread to end."""

_every: weakref.WeakSet[Connection] = weakref.WeakSet()
_every_lock = threading.Lock()
_abandoned: list[sqlite3.Connection] = []
"""Connections that crossed a fork because a transaction outlasted it: kept, since collecting one would close it."""


class Connection:
    """The way to one database file, opened when first needed."""

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._forking = False
        with _every_lock:
            _every.add(self)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of the database."""
        with self._alone() as db:
            db.execute("BEGIN")
            with db:
                yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is committed at the block's end, or rolled back when the block raises."""
        with self._alone() as db:
            db.execute("BEGIN IMMEDIATE")
            with db:
                yield db

    @contextmanager
    def plain(self) -> Iterator[sqlite3.Connection]:
        """No transaction, for what SQLite does not do inside one."""
        with self._alone() as db:
            yield db

    def close(self) -> None:
        """Lets go of the file; the next use opens it again."""
        with self._lock:
            self._shut()

    @contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._db is not None and self._file != _identity(self._path):
                self._shut()  # somebody moved or deleted the file: what were written now would be lost
            if self._db is None:
                self._db = _open(self._path, self._busy_timeout)
                self._file = _identity(self._path)
            yield self._db

    def _shut(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def before_fork(self) -> None:
        """Closes the connection and keeps everyone out until the fork has happened."""
        self._forking = self._lock.acquire(timeout=FORK_PATIENCE)
        if self._forking:
            self._shut()

    def after_fork_in_parent(self) -> None:
        """Lets the other threads in again."""
        if self._forking:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Starts anew: the thread that may have held the lock does not exist here."""
        if self._db is not None:
            _abandoned.append(self._db)
            self._db = None
        self._lock = threading.Lock()


def _open(path: Path, busy_timeout: float) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its side files the mode of the main one, which it would create readable for all.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
    with ExitStack() as undo:
        undo.callback(db.close)
        db.text_factory = decode
        prepare(db)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA synchronous = NORMAL")  # in WAL mode only a crash of the machine loses the last commits
        db.execute("PRAGMA journal_size_limit = 67108864")
        undo.pop_all()
    return db


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def _before_fork() -> None:
    _every_lock.acquire()
    for connection in _every:
        connection.before_fork()


def _after_fork_in_parent() -> None:
    for connection in _every:
        connection.after_fork_in_parent()
    _every_lock.release()


def _after_fork_in_child() -> None:
    for connection in _every:
        connection.after_fork_in_child()
    _every_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
