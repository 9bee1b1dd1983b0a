"""The database's tables, as a list of migrations: the number of those applied is the file's `user_version`."""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 1819045236
"""`llmt` in ASCII: how a file is known to be ours."""

_FIRST = (
    "CREATE TABLE traces (trace_id BLOB PRIMARY KEY, started INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX traces_started ON traces (started)",
    "CREATE TABLE origins (hash BLOB PRIMARY KEY, body TEXT NOT NULL)",
    """CREATE TABLE spans (
        id INTEGER PRIMARY KEY,
        trace_id BLOB NOT NULL REFERENCES traces ON DELETE CASCADE,
        span_id BLOB NOT NULL,
        parent_id BLOB,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        started INTEGER NOT NULL,
        ended INTEGER,
        status TEXT NOT NULL,
        status_message TEXT,
        operation TEXT,
        provider TEXT,
        model TEXT,
        conversation_id TEXT,
        user_id TEXT,
        error_type TEXT,
        input_tokens INTEGER,
        output_tokens INTEGER,
        cached_tokens INTEGER,
        cost REAL,
        currency TEXT,
        tags TEXT,
        attributes TEXT NOT NULL,
        events TEXT,
        links TEXT,
        origin BLOB NOT NULL,
        UNIQUE (span_id, trace_id)
    )""",
    "CREATE INDEX spans_trace ON spans (trace_id, status)",
    "CREATE INDEX spans_open ON spans (trace_id) WHERE ended IS NULL",
    "CREATE INDEX spans_failed ON spans (trace_id) WHERE status = 'error'",
    "CREATE INDEX spans_model ON spans (model, trace_id) WHERE model IS NOT NULL",
    "CREATE INDEX spans_conversation ON spans (conversation_id, trace_id) WHERE conversation_id IS NOT NULL",
    "CREATE INDEX spans_user ON spans (user_id, trace_id) WHERE user_id IS NOT NULL",
    # What a span's row leaves out: `joint` is NULL for one body in `content`, else `hash` is the last node of a list.
    """CREATE TABLE held (
        span INTEGER NOT NULL REFERENCES spans ON DELETE CASCADE,
        key TEXT NOT NULL,
        hash BLOB NOT NULL,
        joint TEXT,
        PRIMARY KEY (span, key)
    ) WITHOUT ROWID""",
    "CREATE TABLE content (hash BLOB PRIMARY KEY, body TEXT NOT NULL)",
    "CREATE TABLE nodes (hash BLOB PRIMARY KEY, before BLOB, item BLOB NOT NULL) WITHOUT ROWID",
    "CREATE INDEX nodes_before ON nodes (before) WHERE before IS NOT NULL",
    "CREATE TABLE blobs (sha256 BLOB PRIMARY KEY, put INTEGER NOT NULL, mime_type TEXT NOT NULL, body BLOB NOT NULL)",
    "PRAGMA application_id = 1819045236",
    "PRAGMA user_version = 1",
)

_SECOND = (
    # Which process has a span open, and when each such process was last heard of.
    "ALTER TABLE spans ADD COLUMN writer BLOB",
    "CREATE TABLE writers (token BLOB PRIMARY KEY, pid INTEGER NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID",
    # The number of the row written last: SQLite gives a deleted last row's number again, and followers would miss it.
    "CREATE TABLE counter (last INTEGER NOT NULL)",
    "INSERT INTO counter SELECT ifnull(max(id), 0) FROM spans",
    # No reference to `traces`: a score may come before its trace, or belong to one that is stored elsewhere.
    """CREATE TABLE scores (
        trace_id BLOB NOT NULL,
        span_id BLOB NOT NULL,
        name TEXT NOT NULL,
        user TEXT NOT NULL,
        value REAL,
        label TEXT,
        comment TEXT,
        at INTEGER NOT NULL,
        PRIMARY KEY (trace_id, span_id, name, user)
    ) WITHOUT ROWID""",
    "DROP INDEX spans_trace",
    "CREATE INDEX spans_trace ON spans (trace_id, status, ended)",
    "CREATE INDEX spans_cost ON spans (trace_id, cost) WHERE cost IS NOT NULL",
    "CREATE INDEX spans_tags ON spans (tags, trace_id) WHERE tags IS NOT NULL",
    "PRAGMA user_version = 2",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND)
"""What takes a file from version n to n+1, at index n; each ends by setting it. A released one never changes."""


class StoreError(Exception):
    """The file is there but can't serve as the store; the message says why and what to do."""


def prepare(db: sqlite3.Connection) -> None:
    """Brings a file to the newest schema, or refuses it: another program's, or one from a newer llmtrace."""
    if _version(db) == len(MIGRATIONS):
        return
    # Only an empty file takes these two, and neither can be set inside a transaction.
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN IMMEDIATE")
    with db:
        # Read again under the lock: another process may have been faster.
        for migration in MIGRATIONS[_version(db) :]:
            for statement in migration:
                db.execute(statement)


def _version(db: sqlite3.Connection) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and (version or tables):
        raise StoreError("it is another program's SQLite database; choose another path")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"a newer llmtrace wrote it (schema {version}, this one knows up to {len(MIGRATIONS)}); "
            "upgrade llmtrace, or choose another path"
        )
    return version
