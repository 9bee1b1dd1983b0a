"""Writes spans as a Parquet file, for data frames: a column for each field, and JSON where a field has no one shape."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import islice
from typing import IO, Any

from llmtrace.cli.output import fail
from llmtrace.semconv.values import text
from llmtrace.store import Score, SpanRow

ROWS = 5_000
"""Spans in one row group: what is held in memory at once."""

_TEXTS = (
    *("trace_id", "span_id", "parent_id", "name", "kind", "status", "status_message", "operation", "provider"),
    *("model", "conversation_id", "user_id", "error_type", "currency"),
)
_TIMES = ("started", "ended")
_COUNTS = ("input_tokens", "output_tokens", "cached_tokens")


def write(spans: Iterable[tuple[SpanRow, Sequence[Score]]], out: IO[bytes]) -> int:
    """Writes the spans, each with its scores; says how many."""
    arrow, parquet = _library()
    schema = _schema(arrow)
    count, waiting = 0, iter(spans)
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        while rows := [_row(span, scores) for span, scores in islice(waiting, ROWS)]:
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count


def _library() -> tuple[Any, Any]:
    """pyarrow, which is an extra; by name, since not every release of it has types."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        fail(f"Parquet needs pyarrow ({error}): pip install 'llmtrace[parquet]'")


def _schema(arrow: Any) -> Any:
    moment = arrow.timestamp("ns", tz="UTC")
    return arrow.schema(
        [
            *((name, arrow.string()) for name in _TEXTS),
            *((name, moment) for name in _TIMES),
            *((name, arrow.int64()) for name in _COUNTS),
            ("cost", arrow.float64()),
            ("tags", arrow.list_(arrow.string())),
            *((name, arrow.string()) for name in ("attributes", "events", "links", "resource", "scores")),
            ("scope", arrow.string()),
            ("scope_version", arrow.string()),
        ]
    )


def _row(span: SpanRow, scores: Sequence[Score]) -> dict[str, Any]:
    texts = {name: getattr(span, name) for name in _TEXTS}
    texts |= {"scope": span.origin.scope, "scope_version": span.origin.scope_version}
    return {
        **{name: None if value is None else text(value) for name, value in texts.items()},
        **{name: getattr(span, name) for name in (*_TIMES, *_COUNTS, "cost")},
        "tags": [text(tag) for tag in span.tags],
        "attributes": json.dumps(span.attributes),
        "events": json.dumps([asdict(event) for event in span.events]),
        "links": json.dumps([asdict(link) for link in span.links]),
        "resource": json.dumps(span.origin.resource),
        "scores": json.dumps([asdict(score) for score in scores]),
    }
