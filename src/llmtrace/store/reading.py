"""What is read from the store once it is known which: a trace's spans and scores, an id's meaning, a blob, the size."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from llmtrace.store.content import join
from llmtrace.store.rows import Blob, EventRow, Found, LinkRow, Origin, Score, SpanRow, Stats
from llmtrace.store.schema import MIGRATIONS

SILENCE = 10 * 10**9
"""Nanoseconds after which a process that has spans open, and says so every few seconds, is held to be gone."""

SPAN_DIGITS = 16
"""How long a span's id is in hex; a trace's is twice as long."""

_SPANS = """
    SELECT
        id, hex(trace_id), hex(span_id), hex(parent_id), name, kind, started, ended, status, status_message, operation,
        provider, model, conversation_id, user_id, error_type, input_tokens, output_tokens, cached_tokens, cost,
        currency, EXISTS (SELECT 1 FROM writers WHERE token = writer AND seen > :alive), tags, attributes, events,
        links, body
    FROM spans JOIN origins ON hash = origin
    WHERE trace_id = :trace_id AND id > :after AND id <= :until
    ORDER BY started, id
    LIMIT :limit
"""
_COLUMNS = (
    *("name", "kind", "started", "ended", "status", "status_message", "operation", "provider", "model"),
    *("conversation_id", "user_id", "error_type", "input_tokens", "output_tokens", "cached_tokens", "cost", "currency"),
    "running",
)
"""The fields of a span's row that `_SPANS` gives as they are, in its order."""

_HELD = """
    SELECT key, joint, held.hash, body FROM held LEFT JOIN content ON joint IS NULL AND content.hash = held.hash
    WHERE span = :span
"""
_LIST = """
    WITH RECURSIVE walk (depth, item, before) AS (
        SELECT 0, item, before FROM nodes WHERE hash = :hash
        UNION ALL
        SELECT depth + 1, nodes.item, nodes.before FROM walk JOIN nodes ON nodes.hash = walk.before
    )
    SELECT body FROM walk JOIN content ON content.hash = item ORDER BY depth DESC
"""
_FIND = """
    SELECT hex(trace_id), NULL FROM traces WHERE trace_id BETWEEN :low AND :high
    UNION ALL
    SELECT hex(trace_id), hex(span_id) FROM spans WHERE span_id BETWEEN :low_span AND :high_span
    LIMIT :limit
"""
_SCORE = ("name", "value", "label", "comment", "at")
_SCORES = "SELECT span_id, user, name, value, label, comment, at FROM scores WHERE trace_id = ? ORDER BY at, name, user"
_STATS = """
    SELECT
        (SELECT count(*) FROM traces), (SELECT count(*) FROM spans),
        (SELECT min(started) FROM traces), (SELECT max(started) FROM traces)
"""


def spans(
    db: sqlite3.Connection,
    trace_id: str,
    *,
    content: bool,
    limit: int | None,
    written: tuple[int, int] | None = None,
) -> list[SpanRow]:
    """A trace's spans, each with all of its attributes or only with the small ones."""
    found = []
    after, until = written or (0, sys.maxsize)
    parameters = {
        "trace_id": bytes.fromhex(trace_id),
        "limit": -1 if limit is None else limit,
        "alive": time.time_ns() - SILENCE,
        "after": after,
        "until": until,
    }
    for number, *row in db.execute(_SPANS, parameters):
        span = _span(row)
        if content:
            span.attributes |= _content(db, number)
        found.append(span)
    return found


def scores(db: sqlite3.Connection, trace_id: str) -> list[Score]:
    """What was thought of a trace and its calls, in order of time."""
    return [
        Score(trace_id=trace_id, span_id=span.hex() or None, user=user or None, **dict(zip(_SCORE, rest, strict=True)))
        for span, user, *rest in db.execute(_SCORES, (bytes.fromhex(trace_id),))
    ]


def last(db: sqlite3.Connection) -> int:
    """The number of the row that was written last."""
    return int(db.execute("SELECT last FROM counter").fetchone()[0])


def find(db: sqlite3.Connection, prefix: str, limit: int) -> list[Found]:
    """What an id's first digits may mean."""
    try:
        low, high = bytes.fromhex(prefix.ljust(32, "0")), bytes.fromhex(prefix.ljust(32, "f"))
    except ValueError:
        return []
    # No span lies between the bounds of a prefix that is longer than its id.
    bounds = {
        "low": low,
        "high": high,
        "low_span": low[:8],
        "high_span": high[:8] if len(prefix) <= SPAN_DIGITS else b"",
    }
    return [
        Found(trace.lower(), span and span.lower()) for trace, span in db.execute(_FIND, {**bounds, "limit": limit})
    ]


def blob(db: sqlite3.Connection, sha256: str) -> Blob | None:
    """A blob, where it is there."""
    row = db.execute("SELECT mime_type, body FROM blobs WHERE sha256 = ?", (bytes.fromhex(sha256),)).fetchone()
    return row and Blob(*row)


def stats(db: sqlite3.Connection, path: Path) -> Stats:
    """How much the store holds."""
    files = [path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")]
    size = sum(file.stat().st_size for file in files if file.exists())
    trace_count, span_count, oldest, newest = db.execute(_STATS).fetchone()
    return Stats(path, len(MIGRATIONS), size, trace_count, span_count, oldest, newest)


def _span(row: list[Any]) -> SpanRow:
    trace_id, span_id, parent_id, *columns, running, tags, attributes, events, links, origin = row
    return SpanRow(
        trace_id=trace_id.lower(),
        span_id=span_id.lower(),
        parent_id=parent_id.lower() or None,
        **dict(zip(_COLUMNS, (*columns, bool(running)), strict=True)),
        tags=tuple(json.loads(tags or "[]")),
        attributes=json.loads(attributes),
        events=[EventRow(*event) for event in json.loads(events or "[]")],
        links=[LinkRow(*link) for link in json.loads(links or "[]")],
        origin=Origin(*json.loads(origin)),
    )


def _content(db: sqlite3.Connection, span: int) -> dict[str, str]:
    found = {}
    for key, joint, node, body in db.execute(_HELD, {"span": span}):
        found[key] = body
        if joint is not None:
            found[key] = join(joint, [part for (part,) in db.execute(_LIST, {"hash": node})])
    return found
