"""Which traces there are: one fixed statement, whose conditions are all parameters."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from llmtrace.store.content import encode
from llmtrace.store.rows import Filter, TraceSummary

# An inner SELECT that knows nothing of the trace runs once, from its index, and not at all where its filter is absent.
# Where an index is named, SQLite would go through all spans by trace, for the sake of GROUP BY.
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
            SELECT trace_id FROM spans INDEXED BY spans_failed WHERE status = 'error'))
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
        AND (:since IS NULL OR trace_id IN (
            SELECT trace_id FROM spans WHERE id > :since))
        AND (:tags IS NULL OR trace_id IN (
            SELECT trace_id FROM json_each(:tags) AS asked
            JOIN spans INDEXED BY spans_tags ON tags IS NOT NULL
            JOIN json_each(tags) AS own ON own.value = asked.value
            GROUP BY trace_id HAVING count(DISTINCT asked.key) = json_array_length(:tags)))
        AND (:pairs IS NULL OR trace_id IN (
            SELECT trace_id FROM json_each(:pairs) AS asked
            JOIN spans NOT INDEXED ON instr(attributes, json_extract(asked.value, '$[2]'))
                OR instr(attributes, json_extract(asked.value, '$[3]'))
            JOIN json_each(iif(json_valid(attributes), attributes, '{}')) AS own
                ON own.key = json_extract(asked.value, '$[0]')
                AND json_extract(asked.value, '$[1]')
                    = iif(own.type IN ('true', 'false'), own.type, CAST(own.value AS TEXT))
            GROUP BY trace_id HAVING count(DISTINCT asked.key) = json_array_length(:pairs)))
        AND (:min_duration IS NULL OR :min_duration <= (
            SELECT max(ifnull(ended, :now)) FROM spans WHERE spans.trace_id = traces.trace_id) - started)
        -- First those whose spans add up to enough, then exactly: of nested spans with a cost only the inmost counts.
        AND (:min_cost IS NULL OR (
            trace_id IN (
                SELECT trace_id FROM spans WHERE cost IS NOT NULL GROUP BY trace_id HAVING sum(cost) >= :min_cost)
            AND :min_cost <= (
                WITH RECURSIVE around (id) AS (
                    SELECT parent_id FROM spans
                    WHERE trace_id = traces.trace_id AND (cost IS NOT NULL OR input_tokens IS NOT NULL)
                    UNION
                    SELECT parent_id FROM around JOIN spans ON trace_id = traces.trace_id AND span_id = around.id
                )
                SELECT sum(cost) FROM spans WHERE trace_id = traces.trace_id AND cost IS NOT NULL
                    AND span_id NOT IN (SELECT id FROM around WHERE id IS NOT NULL))))
    ORDER BY started DESC
    LIMIT :limit
"""


def traces(db: sqlite3.Connection, wanted: Filter, limit: int | None, since: int | None = None) -> list[TraceSummary]:
    """The newest traces that a filter lets through; `since` asks for those with a row beyond that number."""
    parameters = {**conditions(wanted), "since": since, "limit": -1 if limit is None else limit}
    return [TraceSummary(row[0].hex(), *row[1:]) for row in db.execute(_TRACES, parameters)]


def conditions(wanted: Filter) -> dict[str, Any]:
    """The parameters that stand for a filter."""
    return {
        "conversation": _bytes(wanted.conversation),
        "user": _bytes(wanted.user),
        "model": _bytes(wanted.model),
        "errors": wanted.errors,
        "pattern": _pattern(wanted.text),
        "quoted": _pattern(wanted.text and json.dumps(wanted.text, ensure_ascii=False)[1:-1]),
        "tags": _listed(wanted.tags),
        "pairs": _listed([_sought(*pair) for pair in wanted.attributes]),
        "min_cost": wanted.min_cost,
        "min_duration": wanted.min_duration and int(wanted.min_duration * 1e9),
        "now": time.time_ns(),
    }


def _sought(key: str, value: str) -> tuple[str, str, str, str]:
    """The pair, and how it stands in a span's JSON as text and as a number or a truth: to look for that is quick."""
    quoted = json.dumps(key, ensure_ascii=False)
    return key, value, f"{quoted}:{json.dumps(value, ensure_ascii=False)}", f"{quoted}:{value}"


def _listed(values: Sequence[Any]) -> str | None:
    return json.dumps(values) if values else None


def _pattern(text: str | None) -> bytes | None:
    if text is None:
        return None
    literal = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return encode(f"%{literal}%")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else encode(text)
