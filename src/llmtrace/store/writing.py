"""Turns spans into rows and writes them; all work that needs no lock is done before the transaction begins."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llmtrace.store.content import INLINE, Pile, Reference, digest, encode
from llmtrace.store.rows import Attributes, Origin, Score, SpanRow

_INSERT_SPAN = """
    INSERT INTO spans (
        id, writer,
        trace_id, span_id, parent_id, name, kind, started, ended, status, status_message, operation, provider, model,
        conversation_id, user_id, error_type, input_tokens, output_tokens, cached_tokens, cost, currency, tags,
        attributes, events, links, origin
    ) VALUES (
        :id, :writer, :trace_id, :span_id, :parent_id, CAST(:name AS TEXT), :kind, :started, :ended, :status,
        CAST(:status_message AS TEXT), CAST(:operation AS TEXT), CAST(:provider AS TEXT), CAST(:model AS TEXT),
        CAST(:conversation_id AS TEXT), CAST(:user_id AS TEXT), CAST(:error_type AS TEXT), :input_tokens,
        :output_tokens, :cached_tokens, :cost, CAST(:currency AS TEXT), CAST(:tags AS TEXT),
        CAST(:attributes AS TEXT), CAST(:events AS TEXT), CAST(:links AS TEXT), :origin
    ) ON CONFLICT (span_id, trace_id) DO NOTHING
"""
# An app that runs since before an upgrade writes rows that are not counted.
_LAST = "SELECT max(last, (SELECT ifnull(max(id), 0) FROM spans)) FROM counter"
_REMOVE_FORMER = """
    DELETE FROM spans
    WHERE span_id = :span_id AND trace_id = :trace_id
        AND CASE WHEN :ended IS NULL THEN ended IS NULL AND :replace ELSE ended IS NULL OR :replace END
"""
_INSERT_TRACE = """
    INSERT INTO traces (trace_id, started) VALUES (:trace_id, :started)
    ON CONFLICT (trace_id) DO UPDATE SET started = excluded.started WHERE excluded.started < started
"""


_INSERT_SCORE = """
    INSERT INTO scores (trace_id, span_id, name, user, value, label, comment, at)
    VALUES (?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, CAST(? AS TEXT), CAST(? AS TEXT), ?)
    ON CONFLICT (trace_id, span_id, name, user) DO UPDATE
    SET value = excluded.value, label = excluded.label, comment = excluded.comment, at = excluded.at
    WHERE excluded.at >= scores.at
"""

FORGOTTEN = 86_400 * 10**9
"""Nanoseconds after which a process that was not heard of is forgotten."""


@dataclass(slots=True)
class Batch:
    """Spans as rows: the parameters of each one's statement and what it leaves to the content tables."""

    spans: list[tuple[dict[str, Any], dict[str, Reference]]] = field(default_factory=list)
    origins: dict[bytes, bytes] = field(default_factory=dict)
    pile: Pile = field(default_factory=Pile)


def prepare(spans: Sequence[SpanRow]) -> Batch:
    """Makes rows of spans."""
    batch = Batch()
    for span in spans:
        kept: Attributes = {}
        held: dict[str, Reference] = {}
        for key, value in span.attributes.items():
            if isinstance(value, str) and len(value) > INLINE:
                held[key] = batch.pile.put(value)
            else:
                kept[key] = value
        origin = _origin(span.origin)
        key_of_origin = digest(origin)
        batch.origins[key_of_origin] = origin
        batch.spans.append((_parameters(span, kept, key_of_origin), held))
    return batch


def write(db: sqlite3.Connection, batch: Batch, *, writer: bytes | None = None, replace: bool = True) -> int:
    """Writes a batch, inside a transaction of the caller's, and says how many spans of it are there now.

    `writer` is the process that has the batch's open spans open. Without `replace` what is there stays, save an open
    span that has ended since.
    """
    db.executemany("INSERT OR IGNORE INTO origins VALUES (?, CAST(? AS TEXT))", batch.origins.items())
    db.executemany("INSERT OR IGNORE INTO content VALUES (?, CAST(? AS TEXT))", batch.pile.bodies.items())
    db.executemany(
        "INSERT OR IGNORE INTO nodes VALUES (?, ?, ?)", ((key, *node) for key, node in batch.pile.nodes.items())
    )
    before = last = int(db.execute(_LAST).fetchone()[0])
    for parameters, held in batch.spans:
        row = {**parameters, "id": last + 1, "writer": writer, "replace": replace}
        db.execute(_INSERT_TRACE, row)
        db.execute(_REMOVE_FORMER, row)
        if db.execute(_INSERT_SPAN, row).rowcount == 1:
            last += 1
            rows = ((last, _text(key), part.hash, part.joint) for key, part in held.items())
            db.executemany("INSERT INTO held VALUES (?, CAST(? AS TEXT), ?, ?)", rows)
    db.execute("UPDATE counter SET last = ?", (last,))
    return last - before


def be_seen(db: sqlite3.Connection, writer: bytes) -> None:
    """Notes that a process is alive: the spans it has open are running."""
    db.execute(
        "INSERT INTO writers VALUES (?, ?, ?) ON CONFLICT (token) DO UPDATE SET seen = excluded.seen",
        (writer, os.getpid(), time.time_ns()),
    )


def leave(db: sqlite3.Connection, writer: bytes, spans: Sequence[tuple[str, str]]) -> None:
    """Notes that nobody will finish these spans (trace and span id)."""
    ids = [(bytes.fromhex(trace), bytes.fromhex(span), writer) for trace, span in spans]
    db.executemany("UPDATE spans SET writer = NULL WHERE trace_id = ? AND span_id = ? AND writer = ?", ids)


def go(db: sqlite3.Connection, writer: bytes) -> None:
    """Notes that a process has ended, and forgets those that did so without a word long ago."""
    db.execute("DELETE FROM writers WHERE token = ? OR seen < ?", (writer, time.time_ns() - FORGOTTEN))


def add_score(db: sqlite3.Connection, score: Score) -> None:
    """Writes a score; the same one again changes nothing, a later one by the same user replaces the former."""
    values = (score.name, score.user or "", score.label, score.comment)
    name, user, label, comment = map(_text, values)
    place = bytes.fromhex(score.trace_id), bytes.fromhex(score.span_id or "")
    db.execute(_INSERT_SCORE, (*place, name, user, score.value, label, comment, score.at))


def put_blob(db: sqlite3.Connection, sha256: str, body: bytes, mime_type: str) -> None:
    """Writes a blob, or notes that one was put again: pruning goes by that time."""
    db.execute(
        "INSERT INTO blobs VALUES (?, ?, ?, ?) ON CONFLICT (sha256) DO UPDATE SET put = excluded.put",
        (bytes.fromhex(sha256), time.time_ns(), mime_type, body),
    )


def _parameters(span: SpanRow, attributes: Attributes, origin: bytes) -> dict[str, Any]:
    return {
        "trace_id": bytes.fromhex(span.trace_id),
        "span_id": bytes.fromhex(span.span_id),
        "parent_id": bytes.fromhex(span.parent_id) if span.parent_id else None,
        "name": _text(span.name),
        "kind": span.kind,
        "started": span.started,
        "ended": span.ended,
        "status": span.status,
        "status_message": _text(span.status_message),
        "operation": _text(span.operation),
        "provider": _text(span.provider),
        "model": _text(span.model),
        "conversation_id": _text(span.conversation_id),
        "user_id": _text(span.user_id),
        "error_type": _text(span.error_type),
        "input_tokens": span.input_tokens,
        "output_tokens": span.output_tokens,
        "cached_tokens": span.cached_tokens,
        "cost": span.cost,
        "currency": _text(span.currency),
        "tags": _json(list(span.tags)) if span.tags else None,
        "attributes": _json(attributes),
        "events": _json([[it.name, it.time, it.attributes] for it in span.events]) if span.events else None,
        "links": _json([[it.trace_id, it.span_id, it.attributes] for it in span.links]) if span.links else None,
        "origin": origin,
    }


def _origin(origin: Origin) -> bytes:
    return _json([origin.resource, origin.scope, origin.scope_version])


def _json(value: Any) -> bytes:
    return encode(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _text(value: str | None) -> bytes | None:
    """Text as a parameter: SQLite's own binding refuses lone surrogates, so it is handed over as bytes to be cast."""
    return None if value is None else encode(value)
