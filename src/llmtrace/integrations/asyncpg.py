"""asyncpg's connections, pools, prepared statements and cursors: the statements of pgvector among what they execute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from llmtrace.facts.operation import Begin, Integration, Start
from llmtrace.integrations import pgvector
from llmtrace.integrations.stores import DOCUMENTS_MOST, Site, unread

_SHOWN = (str, int, float, UUID)

Arguments = Mapping[str, Any]


def _of_connection(args: tuple[Any, ...], kwargs: Arguments) -> Start | None:
    """`_execute(query, args, …)`, through which `fetch` and its kin go."""
    query = args[1] if len(args) > 1 else kwargs["query"]
    return _begin(args[0], query, args[2] if len(args) > 2 else kwargs.get("args"))  # noqa: PLR2004 - as said


def _of_script(args: tuple[Any, ...], kwargs: Arguments) -> Start | None:
    """`execute(query, *args)`, of a connection or of one that a pool lent."""
    query = args[1] if len(args) > 1 else kwargs.get("query")
    return _begin(getattr(args[0], "_con", args[0]), query, args[2:])


def _of_many(args: tuple[Any, ...], kwargs: Arguments) -> Start | None:
    """`_executemany(query, args, …)`."""
    query = args[1] if len(args) > 1 else kwargs["query"]
    first, count = pgvector.batch_of(args[2] if len(args) > 2 else kwargs.get("args"))  # noqa: PLR2004 - as said
    return _begin(args[0], query, first, count)


def _of_prepared(args: tuple[Any, ...], _: Arguments) -> Start | None:
    """`__bind_execute(args, limit, timeout)` of a prepared statement."""
    return _begin(args[0]._connection, args[0]._query, args[1])


def _of_prepared_many(args: tuple[Any, ...], kwargs: Arguments) -> Start | None:
    """`executemany(args)` of a prepared statement."""
    first, count = pgvector.batch_of(args[1] if len(args) > 1 else kwargs.get("args"))
    return _begin(args[0]._connection, args[0]._query, first, count)


def _of_cursor(args: tuple[Any, ...], _: Arguments) -> Start | None:
    """What opens a cursor: what the app will fetch of it is not known."""
    return _begin(args[0]._connection, args[0]._query, args[0]._args)


def _begin(connection: Any, query: Any, parameters: Any, batch: int | None = None) -> Start | None:
    if not isinstance(query, str) or pgvector.read_statement(query) is None:
        return None
    address = connection._addr
    site = Site(address=address[0], port=address[1]) if isinstance(address, tuple) else Site(address=address)
    return pgvector.begin(query, parameters, connection._params.database, site, batch)


def _answer(result: Any) -> dict[str, Any] | None:
    """The records, which never change; with their status where that was asked for; or the status alone."""
    if isinstance(result, str):
        return pgvector.rows((), [], None, result)
    records, status = (result[0], result[1]) if isinstance(result, tuple) else (result, b"")
    if not isinstance(records, list):
        return None
    columns = list(records[0].keys()) if records else []
    cells = [_cells(record) for record in records[:DOCUMENTS_MOST]]
    spoken = status.decode(errors="replace") if isinstance(status, bytes) else ""
    return pgvector.rows(columns, cells, len(records) or (None if spoken else 0), spoken)


def _cells(record: Sequence[Any]) -> list[Any]:
    return [pgvector.shown(value) if isinstance(value, _SHOWN) else None for value in record]


def _call(start: Callable[[tuple[Any, ...], Arguments], Start | None], result: Callable[[Any], Any]) -> Begin:
    return Begin(start, pgvector.failed, result)


_PREPARED = "asyncpg.prepared_stmt:PreparedStatement"

INTEGRATION = Integration(
    "asyncpg",
    requires="asyncpg>=0.30",
    points={
        "asyncpg.connection:Connection._execute": _call(_of_connection, _answer),
        "asyncpg.connection:Connection._executemany": _call(_of_many, unread),
        "asyncpg.connection:Connection.execute": _call(_of_script, _answer),
        "asyncpg.pool:PoolConnectionProxy.execute": _call(_of_script, _answer),
        f"{_PREPARED}._PreparedStatement__bind_execute": _call(_of_prepared, _answer),
        f"{_PREPARED}.executemany": _call(_of_prepared_many, unread),
        "asyncpg.cursor:BaseCursor._bind": _call(_of_cursor, unread),
        "asyncpg.cursor:BaseCursor._bind_exec": _call(_of_cursor, unread),
    },
    captures=(
        "pgvector's queries with vector size, distance, limit and the rows returned, also through SQLAlchemy",
        "statements that write vectors",
    ),
    verified=("a server of its own, and through SQLAlchemy",),
)
