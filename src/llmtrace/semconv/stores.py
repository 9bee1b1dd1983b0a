"""Says what is known of a call to a store, in the conventions' words for databases; also how its span is called."""

from __future__ import annotations

from functools import lru_cache

from llmtrace.facts.operation import Start
from llmtrace.facts.records import Json, Store, StoreCall
from llmtrace.semconv import names
from llmtrace.semconv.names import Pairs


def operation_name(store: Store) -> str:
    """What was asked; of several at once, that they were."""
    return _operation_name(store.operation, store.batch_size)


@lru_cache(maxsize=256)
def _operation_name(operation: str, batch_size: int | None) -> str:
    return operation if batch_size in (None, 1) else f"BATCH {operation}"


def span_name(start: Start, store: Store) -> str:
    """The operation and what it is aimed at."""
    place = start.address if start.address is None or start.port is None else f"{start.address}:{start.port}"
    aim = store.collection or store.namespace or place
    return f"{operation_name(store)} {aim}" if aim else operation_name(store)


def asked(store: Store | None) -> Pairs:
    """What is known of a store from the start."""
    if store is not None:
        yield names.DB_SYSTEM, store.system
        yield names.DB_NAMESPACE, store.namespace
        yield names.DB_COLLECTION, store.collection
        yield names.DB_OPERATION, operation_name(store)


def store(asked_of: Store | None) -> Pairs:
    """All of a store that is known in the end."""
    yield from asked(asked_of)
    if asked_of is not None:
        yield names.DB_BATCH_SIZE, None if asked_of.batch_size == 1 else asked_of.batch_size
        yield names.DB_QUERY_TEXT, asked_of.statement
        yield names.DB_STATUS, asked_of.status


def call(record: StoreCall) -> Pairs:
    """What a request to a store sent and got."""
    yield from store(record.store)
    yield names.RETRIEVAL_FILTER, said(record.filter)
    yield names.ITEM_COUNT, record.item_count
    yield names.TEXT_LENGTH, record.text_length
    yield names.VECTOR_COUNT, record.vector_count
    yield names.DIMENSION_COUNT, record.dimension_count
    yield names.DB_RETURNED_ROWS, record.returned_count


def said(given: Json) -> Json:
    """A filter without what it leaves open: a client's models have every condition there is, and most are null."""
    if isinstance(given, dict):
        return {name: said(value) for name, value in given.items() if value is not None}
    return [said(value) for value in given] if isinstance(given, list) else given
