"""The questions asked of the store: fixed statements, whose conditions are parameters, and the rows they give."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from llmtrace.store.content import encode, join
from llmtrace.store.rows import Blob, EventRow, Filter, Found, LinkRow, Origin, SpanRow, Stats, TraceSummary
from llmtrace.store.schema import MIGRATIONS

SPAN_DIGITS = 16
"""How long a span's id is in hex; a trace's is twice as long."""

# An inner SELECT that knows nothing of the trace runs once, from its index, and not at all where its filter is absent.
_TRACES = """
    SELECT
        trace_id,
        started,
        (SELECT max(ended) FROM spans WHERE spans.trace_id = traces.trace_id),
        (SELECT count(*) FROM spans WHERE spans.trace_id = traces.trace_id),
        (SELECT count(*) FROM spans WHERE spans.trace_id = traces.trace_id AND status = 'error')
    FROM traces
    WHERE (:conversation IS NULL OR trace_id IN (
            SELECT trace_id FROM spans WHERE conversation_id = CAST(:conversation AS TEXT)))
        AND (:user IS NULL OR trace_id IN (
            SELECT trace_id FROM spans WHERE user_id = CAST(:user AS TEXT)))
        AND (:model IS NULL OR trace_id IN (
            SELECT trace_id FROM spans WHERE model IS NOT NULL AND model GLOB CAST(:model AS TEXT)))
        AND (NOT :errors OR trace_id IN (
            SELECT trace_id FROM spans WHERE status = 'error'))
        AND (:pattern IS NULL OR trace_id IN (
            SELECT trace_id FROM spans
            WHERE name LIKE CAST(:pattern AS TEXT) ESCAPE '!' OR status_message LIKE CAST(:pattern AS TEXT) ESCAPE '!'
                OR attributes LIKE CAST(:quoted AS TEXT) ESCAPE '!' OR events LIKE CAST(:quoted AS TEXT) ESCAPE '!'
            UNION
            SELECT trace_id FROM spans JOIN held ON span = id JOIN content USING (hash)
            WHERE joint IS NULL AND body LIKE CAST(:pattern AS TEXT) ESCAPE '!'
            UNION
            SELECT trace_id FROM spans JOIN held ON span = id WHERE joint IS NOT NULL AND hash IN (
                WITH RECURSIVE hit (hash) AS (
                    SELECT hash FROM nodes WHERE item IN (
                        SELECT hash FROM content WHERE body LIKE CAST(:quoted AS TEXT) ESCAPE '!')
                    UNION
                    SELECT nodes.hash FROM hit JOIN nodes ON before = hit.hash
                )
                SELECT hash FROM hit)))
    ORDER BY started DESC
    LIMIT :limit
"""
_SPANS = """
    SELECT
        id, hex(trace_id), hex(span_id), hex(parent_id), name, kind, started, ended, status, status_message, operation,
        provider, model, conversation_id, user_id, error_type, input_tokens, output_tokens, cached_tokens, cost,
        currency, tags, attributes, events, links, body
    FROM spans JOIN origins ON hash = origin
    WHERE trace_id = :trace_id
    ORDER BY started, id
    LIMIT :limit
"""
_COLUMNS = (
    *("name", "kind", "started", "ended", "status", "status_message", "operation", "provider", "model"),
    *("conversation_id", "user_id", "error_type", "input_tokens", "output_tokens", "cached_tokens", "cost", "currency"),
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
_STATS = """
    SELECT
        (SELECT count(*) FROM traces), (SELECT count(*) FROM spans),
        (SELECT min(started) FROM traces), (SELECT max(started) FROM traces)
"""


def traces(db: sqlite3.Connection, wanted: Filter, limit: int) -> list[TraceSummary]:
    """The newest traces that a filter lets through."""
    parameters = {
        "conversation": _bytes(wanted.conversation),
        "user": _bytes(wanted.user),
        "model": _bytes(wanted.model),
        "errors": wanted.errors,
        "pattern": _pattern(wanted.text),
        "quoted": _pattern(wanted.text and json.dumps(wanted.text, ensure_ascii=False)[1:-1]),
        "limit": limit,
    }
    return [TraceSummary(row[0].hex(), *row[1:]) for row in db.execute(_TRACES, parameters)]


def spans(db: sqlite3.Connection, trace_id: str, *, content: bool, limit: int | None) -> list[SpanRow]:
    """A trace's spans, each with all of its attributes or only with the small ones."""
    found = []
    parameters = {"trace_id": bytes.fromhex(trace_id), "limit": -1 if limit is None else limit}
    for number, *row in db.execute(_SPANS, parameters):
        span = _span(row)
        if content:
            span.attributes |= _content(db, number)
        found.append(span)
    return found


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
    trace_id, span_id, parent_id, *columns, tags, attributes, events, links, origin = row
    return SpanRow(
        trace_id=trace_id.lower(),
        span_id=span_id.lower(),
        parent_id=parent_id.lower() or None,
        **dict(zip(_COLUMNS, columns, strict=True)),
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


def _pattern(text: str | None) -> bytes | None:
    if text is None:
        return None
    literal = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return encode(f"%{literal}%")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else encode(text)
