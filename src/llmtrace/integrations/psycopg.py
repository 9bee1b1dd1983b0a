"""psycopg 3's cursors, sync and async: the statements of pgvector among what they execute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmtrace.facts.operation import Begin, Integration, Start
from llmtrace.integrations import pgvector
from llmtrace.integrations.stores import DOCUMENTS_MOST, Site, unread

_TUPLES = 2
"""libpq's status of an answer that has rows."""

_OPEN = 0
"""libpq's status of a connection that can be asked where it leads."""


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


_READ: dict[int, Callable[[bytes], Any]] = {
    **dict.fromkeys((20, 21, 23), int),
    **dict.fromkeys((700, 701, 1700), float),
    **dict.fromkeys((18, 19, 25, 114, 1042, 1043, 2950, 3802), _text),
}
"""The type of a column (whole number, real number, text) → how its text form is read. The others are not recorded."""


def _execute(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start | None:
    parameters = args[2] if len(args) > 2 else kwargs.get("params")  # noqa: PLR2004 - execute(self, query, params)
    return _begin(args, kwargs, parameters, None)


def _executemany(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Start | None:
    first, count = pgvector.batch_of(args[2] if len(args) > 2 else kwargs.get("params_seq"))  # noqa: PLR2004 - as above
    return _begin(args, kwargs, first, count)


def _begin(args: tuple[Any, ...], kwargs: Mapping[str, Any], parameters: Any, batch: int | None) -> Start | None:
    text = _spelled(args[1] if len(args) > 1 else kwargs.get("query"))
    if text is None or pgvector.read_statement(text) is None:
        return None
    namespace, site = _site(args[0].connection.pgconn)
    return pgvector.begin(text, parameters, namespace, site, batch)


def _spelled(query: Any) -> str | None:
    """A statement's text; of one that is composed of parts, what they say, with its values left out."""
    if isinstance(query, str):
        return query
    if isinstance(query, bytes):
        return _text(query)
    part = getattr(query, "_obj", None)
    if isinstance(part, list):
        return "".join(_spelled(each) or "%s" for each in part)
    if isinstance(part, tuple):
        return ".".join(f'"{name}"' for name in part)
    return part if isinstance(part, str) and type(query).__name__ == "SQL" else None


def _site(connection: Any) -> tuple[str | None, Site]:
    """The database's name, and where it is: a host, or the folder of a socket."""
    if connection.status != _OPEN:
        return None, Site()
    host, port = _text(connection.host), _text(connection.port)
    socket = host.startswith("/")
    return _text(connection.db), Site(address=host or None, port=int(port) if port.isdecimal() and not socket else None)


def _answer(cursor: Any) -> dict[str, Any] | None:
    """What the server answered. It lies in the cursor whole; to look at it takes nothing from what the app will fetch.

    A cursor of the server's has no rows yet, and a pipeline no answer.
    """
    result = cursor.pgresult
    if result is None:
        return None
    count = result.ntuples if result.status == _TUPLES else None
    columns = [at for at in range(result.nfields) if result.fformat(at) == 0 and result.ftype(at) in _READ]
    names = [_text(result.fname(at) or b"") for at in columns]
    cells = [[_cell(result, row, at) for at in columns] for row in range(min(count or 0, DOCUMENTS_MOST))]
    return pgvector.rows(names, cells, count, _text(result.command_status or b""))


def _cell(result: Any, row: int, at: int) -> Any:
    raw = result.get_value(row, at)
    return None if raw is None else pgvector.shown(_READ[result.ftype(at)](raw))


_EXECUTE = Begin(_execute, pgvector.failed, _answer)
_EXECUTEMANY = Begin(_executemany, pgvector.failed, unread)

_SERVER_CURSORS = (
    "psycopg.server_cursor:ServerCursor.execute",
    "psycopg.server_cursor:AsyncServerCursor.execute",
    "psycopg._server_cursor:ServerCursor.execute",
    "psycopg._server_cursor_async:AsyncServerCursor.execute",
)
"""Where they are up to 3.2, and from 3.3 on."""

INTEGRATION = Integration(
    "psycopg",
    requires="psycopg>=3.2",
    points={
        "psycopg.cursor:Cursor.execute": _EXECUTE,
        "psycopg.cursor:Cursor.executemany": _EXECUTEMANY,
        "psycopg.cursor_async:AsyncCursor.execute": _EXECUTE,
        "psycopg.cursor_async:AsyncCursor.executemany": _EXECUTEMANY,
        **dict.fromkeys(_SERVER_CURSORS, _EXECUTE),
    },
    optional=frozenset(_SERVER_CURSORS),
    captures=(
        "pgvector's queries with vector size, distance, limit and the rows returned, also through SQLAlchemy",
        "statements that write vectors",
    ),
    verified=("a server of its own, sync and async, and through SQLAlchemy",),
)
