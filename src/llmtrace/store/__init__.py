"""The local database: one SQLite file that any number of processes write spans to and read them from."""

from llmtrace.store.database import Store
from llmtrace.store.rows import (
    Attributes,
    Blob,
    EventRow,
    Filter,
    Forgotten,
    Found,
    LinkRow,
    Origin,
    Score,
    SpanRow,
    Stats,
    TraceSummary,
    Value,
)
from llmtrace.store.schema import StoreError

__all__ = [
    "Attributes",
    "Blob",
    "EventRow",
    "Filter",
    "Forgotten",
    "Found",
    "LinkRow",
    "Origin",
    "Score",
    "SpanRow",
    "Stats",
    "Store",
    "StoreError",
    "TraceSummary",
    "Value",
]
