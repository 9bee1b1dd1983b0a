"""Keeps the store small: the oldest traces go, then the content that no span refers to any more."""

from __future__ import annotations

import time

from llmtrace.store.connection import Connection

ROOM = 10
"""How many percent of the traces go beyond what is necessary, so that the next time is not soon."""

_USED = """
    SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
_OLDEST = """
    SELECT started FROM traces ORDER BY started
    LIMIT 1 OFFSET max(1, (SELECT count(*) FROM traces) * :percent / 100)
"""
_REMOVE_SOME = """
    DELETE FROM traces WHERE trace_id IN (SELECT trace_id FROM traces WHERE started < :before LIMIT 1000)
"""
SWEEP_CONTENT = (
    """
    DELETE FROM nodes WHERE hash NOT IN (
        WITH RECURSIVE live (hash) AS (
            SELECT hash FROM held WHERE joint IS NOT NULL
            UNION
            SELECT before FROM live JOIN nodes USING (hash) WHERE before IS NOT NULL
        )
        SELECT hash FROM live)
    """,
    """
    DELETE FROM content WHERE hash NOT IN (
        SELECT hash FROM held WHERE joint IS NULL
        UNION ALL
        SELECT item FROM nodes)
    """,
)
"""What removes the content that no span refers to."""

_SWEEP = (
    *SWEEP_CONTENT,
    # A blob is put while a trace of it runs: one put before the oldest trace began belongs to none.
    "DELETE FROM scores WHERE trace_id NOT IN (SELECT trace_id FROM traces) AND at < :now - 86400000000000",
    "DELETE FROM blobs WHERE put < ifnull((SELECT min(started) FROM traces), :now)",
)


def prune(connection: Connection, before: int | None, max_bytes: int | None) -> int:
    """Removes traces that began before a time, then the oldest until the used pages fit; says how many went."""
    removed = 0 if before is None else _remove(connection, before)
    while max_bytes is not None:
        bound = _bound(connection, max_bytes)
        gone = 0 if bound is None else _remove(connection, bound)
        removed += gone
        if not gone:
            break
    if removed:
        _give_back(connection)
    return removed


def _bound(connection: Connection, max_bytes: int) -> int | None:
    """The time before which traces must go to make room, or None where there is enough."""
    with connection.reading() as db:
        used = int(db.execute(_USED).fetchone()[0])
        if used <= max_bytes:
            return None
        percent = min(100, 100 * (used - max_bytes) // used + ROOM)
        row = db.execute(_OLDEST, {"percent": percent}).fetchone()
        return int(row[0]) if row else time.time_ns()


def _remove(connection: Connection, before: int) -> int:
    """Works in short transactions, so that others can write; content that a crash leaves behind goes next time."""
    removed, gone = 0, 1
    while gone:
        with connection.writing() as db:
            gone = db.execute(_REMOVE_SOME, {"before": before}).rowcount
        removed += gone
    if removed:
        for statement in _SWEEP:
            with connection.writing() as db:
                db.execute(statement, {"now": time.time_ns()})
    return removed


def _give_back(connection: Connection) -> None:
    """Hands free pages back to the system, a few at a time so that other writers get their turn."""
    free = 1
    while free:
        with connection.plain() as db:
            db.execute("PRAGMA incremental_vacuum(1000)").fetchall()
            left = int(db.execute("PRAGMA freelist_count").fetchone()[0])
        free = left if left != free else 0
