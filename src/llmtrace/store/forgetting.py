"""Removes all that a user or a conversation left, so that no byte of it stays in the file."""

from __future__ import annotations

import re
import sqlite3

from llmtrace.store.connection import Connection
from llmtrace.store.content import encode
from llmtrace.store.retention import SWEEP_CONTENT
from llmtrace.store.rows import Forgotten

BLOB_NAME = re.compile(r"llmtrace-blob:sha256:([0-9a-f]{64})")
"""How content names the bytes that were taken out of it."""

_CHOOSE = (
    "CREATE TEMP TABLE chosen (trace_id BLOB PRIMARY KEY) WITHOUT ROWID",
    """INSERT INTO chosen
        SELECT trace_id FROM spans WHERE conversation_id = CAST(:conversation AS TEXT)
        UNION
        SELECT trace_id FROM spans WHERE user_id = CAST(:user AS TEXT)""",
)
_COUNT = """
    SELECT
        (SELECT count(*) FROM chosen),
        (SELECT count(*) FROM chosen JOIN spans USING (trace_id)),
        (SELECT count(*) FROM scores WHERE trace_id IN (SELECT trace_id FROM chosen)
            OR (user = CAST(:user AS TEXT) AND user <> '')),
        (SELECT count(DISTINCT trace_id) FROM chosen JOIN spans USING (trace_id)
            WHERE user_id <> CAST(:user AS TEXT)
                OR (:user IS NULL AND conversation_id <> CAST(:conversation AS TEXT)))
"""
_NAMED_ANYWHERE = """
    SELECT attributes FROM spans WHERE instr(attributes, 'llmtrace-blob:')
    UNION ALL
    SELECT events FROM spans WHERE instr(events, 'llmtrace-blob:')
    UNION ALL
    SELECT body FROM content WHERE instr(body, 'llmtrace-blob:')
"""
_REMOVE = (
    "DELETE FROM scores WHERE trace_id IN (SELECT trace_id FROM chosen) OR (user = CAST(:user AS TEXT) AND user <> '')",
    "DELETE FROM traces WHERE trace_id IN (SELECT trace_id FROM chosen)",
    "DELETE FROM origins WHERE hash NOT IN (SELECT origin FROM spans)",
)


def census(connection: Connection, conversation: str | None, user: str | None) -> Forgotten:
    """What `forget` would remove."""
    with connection.writing() as db:  # for the temporary table
        counted = _chosen(db, conversation, user)
        db.execute("DROP TABLE chosen")
    return counted


def forget(connection: Connection, conversation: str | None, user: str | None) -> Forgotten:
    """Removes the traces in which some span is the user's or the conversation's, their content, blobs and scores."""
    with connection.writing() as db:
        db.execute("PRAGMA secure_delete = ON")
        counted = _chosen(db, conversation, user)
        before = _named(db, _NAMED_ANYWHERE)
        for statement in _REMOVE:
            db.execute(statement, _who(conversation, user))
        for statement in SWEEP_CONTENT:
            db.execute(statement)
        orphans = before - _named(db, _NAMED_ANYWHERE)
        db.executemany("DELETE FROM blobs WHERE sha256 = ?", [(bytes.fromhex(name),) for name in orphans])
        db.execute("DROP TABLE chosen")
    return counted


def rewrite(connection: Connection) -> bool:
    """Writes the file anew without what was deleted, and empties the log. False while somebody reads what is in it."""
    with connection.plain() as db:
        db.execute("VACUUM")
        busy = int(db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])  # waits as long as a writer would
    return not busy


def _chosen(db: sqlite3.Connection, conversation: str | None, user: str | None) -> Forgotten:
    for statement in _CHOOSE:
        db.execute(statement, _who(conversation, user))
    return Forgotten(*db.execute(_COUNT, _who(conversation, user)).fetchone())


def _who(conversation: str | None, user: str | None) -> dict[str, bytes | None]:
    given = {"conversation": conversation, "user": user}
    return {key: None if value is None else encode(value) for key, value in given.items()}


def _named(db: sqlite3.Connection, question: str) -> set[str]:
    return {name for (text,) in db.execute(question) for name in BLOB_NAME.findall(text)}
