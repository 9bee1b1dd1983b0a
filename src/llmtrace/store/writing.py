"""Turns spans into rows and writes them; all work that needs no lock is done before the transaction begins."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llmtrace.store.content import INLINE, Pile, Reference, digest, encode
from llmtrace.store.rows import Attributes, Origin, SpanRow

_INSERT_SPAN = """
    INSERT INTO spans (
        trace_id, span_id, parent_id, name, kind, started, ended, status, status_message, operation, provider, model,
        conversation_id, user_id, error_type, input_tokens, output_tokens, cached_tokens, cost, currency, tags,
        attributes, events, links, origin
    ) VALUES (
        :trace_id, :span_id, :parent_id, CAST(:name AS TEXT), :kind, :started, :ended, :status,
        CAST(:status_message AS TEXT), CAST(:operation AS TEXT), CAST(:provider AS TEXT), CAST(:model AS TEXT),
        CAST(:conversation_id AS TEXT), CAST(:user_id AS TEXT), CAST(:error_type AS TEXT), :input_tokens,
        :output_tokens, :cached_tokens, :cost, CAST(:currency AS TEXT), CAST(:tags AS TEXT),
        CAST(:attributes AS TEXT), CAST(:events AS TEXT), CAST(:links AS TEXT), :origin
    ) ON CONFLICT (span_id, trace_id) DO NOTHING
"""
_REMOVE_FORMER = """
    DELETE FROM spans
    WHERE span_id = :span_id AND trace_id = :trace_id AND (ended IS NULL OR :ended IS NOT NULL)
"""
_INSERT_TRACE = """
    INSERT INTO traces (trace_id, started) VALUES (:trace_id, :started)
    ON CONFLICT (trace_id) DO UPDATE SET started = excluded.started WHERE excluded.started < started
"""


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


def write(db: sqlite3.Connection, batch: Batch) -> None:
    """Writes a batch, inside a transaction of the caller's."""
    db.executemany("INSERT OR IGNORE INTO origins VALUES (?, CAST(? AS TEXT))", batch.origins.items())
    db.executemany("INSERT OR IGNORE INTO content VALUES (?, CAST(? AS TEXT))", batch.pile.bodies.items())
    db.executemany(
        "INSERT OR IGNORE INTO nodes VALUES (?, ?, ?)", ((key, *node) for key, node in batch.pile.nodes.items())
    )
    for parameters, held in batch.spans:
        db.execute(_INSERT_TRACE, parameters)
        db.execute(_REMOVE_FORMER, parameters)
        added = db.execute(_INSERT_SPAN, parameters)
        if added.rowcount == 1:
            rows = ((added.lastrowid, _text(key), part.hash, part.joint) for key, part in held.items())
            db.executemany("INSERT INTO held VALUES (?, CAST(? AS TEXT), ?, ?)", rows)


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
