"""The ways to a PostgreSQL that an app may take, all asked the same things: which texts lie next to a vector."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("psycopg", reason="not applicable: psycopg is tested in another environment")
pytest.importorskip("asyncpg", reason="not applicable: asyncpg is tested in another environment")
pytest.importorskip("sqlalchemy", reason="not applicable: sqlalchemy is tested in another environment")
pytest.importorskip("pgvector", reason="not applicable: pgvector is tested in another environment")

import asyncpg
import numpy as np
import pgvector.asyncpg
import pgvector.psycopg
import psycopg
from pgvector.sqlalchemy import Vector
from sqlalchemy import BigInteger, String, create_engine, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.integrations.conformance.clients import settled

NEAREST = "SELECT id, body, place <=> %s AS distance FROM notes WHERE lang = %s ORDER BY distance LIMIT %s"
INSERT = "INSERT INTO notes (body, lang, place) VALUES (%s, %s, %s)"
WRONG = "SELECT id FROM notes ORDER BY place <=> %s LIMIT 1"
PLAIN = "SELECT count(*) FROM notes WHERE id < 1000 AND body <> ''"


class Base(DeclarativeBase):
    """The tables of the tests."""


class Note(Base):
    """A text with its place among others."""

    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    body: Mapped[str] = mapped_column(String)
    lang: Mapped[str] = mapped_column(String)
    place: Mapped[Any] = mapped_column(Vector(3))


def numbered(statement: str) -> str:
    """The statement with its parameters written as asyncpg has them."""
    for number in range(1, statement.count("%s") + 1):
        statement = statement.replace("%s", f"${number}", 1)
    return statement


class Psycopg:
    """psycopg's own connection, of either colour."""

    asynchronous = False

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.connection: Any = None

    async def open(self) -> None:
        kind: Any = psycopg.AsyncConnection if self.asynchronous else psycopg.Connection
        self.connection = await settled(kind.connect(self.uri, autocommit=True))
        if self.asynchronous:
            await pgvector.psycopg.register_vector_async(self.connection)
        else:
            pgvector.psycopg.register_vector(self.connection)

    async def close(self) -> None:
        await settled(self.connection.close())

    async def _rows(self, statement: str, *values: Any) -> Any:
        cursor = await settled(self.connection.execute(statement, values))
        return await settled(cursor.fetchall()) if cursor.description else cursor.rowcount

    async def nearest(self, vector: list[float], limit: int) -> Any:
        return await self._rows(NEAREST, np.array(vector), "en", limit)

    async def insert(self, body: str, vector: list[float]) -> Any:
        return await self._rows(INSERT, body, "no", np.array(vector))

    async def wrong(self) -> Any:
        return await self._rows(WRONG, np.array([1.0, 2.0]))

    async def plain(self) -> Any:
        return await self._rows(PLAIN)


class AsyncPsycopg(Psycopg):
    """As above, asynchronous."""

    asynchronous = True


class Asyncpg(Psycopg):
    """asyncpg's connection."""

    async def open(self) -> None:
        self.connection = await asyncpg.connect(self.uri)
        await pgvector.asyncpg.register_vector(self.connection)

    async def _rows(self, statement: str, *values: Any) -> Any:
        return await self.connection.fetch(numbered(statement), *values)


class Sqlalchemy(Psycopg):
    """SQLAlchemy over psycopg."""

    async def open(self) -> None:
        self.engine: Any = create_engine(self.uri.replace("postgresql://", "postgresql+psycopg://"))
        self.connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        await settled(self.connection.close())
        await settled(self.engine.dispose())

    async def _said(self, statement: Any, values: Any = None) -> Any:
        result = await settled(self.connection.execute(statement, values))
        return result.all() if result.returns_rows else result.rowcount

    async def nearest(self, vector: list[float], limit: int) -> Any:
        distance = Note.place.cosine_distance(vector)
        asked = select(Note.id, Note.body, distance.label("distance")).where(Note.lang == "en")
        return await self._said(asked.order_by(distance).limit(limit))

    async def insert(self, body: str, vector: list[float]) -> Any:
        values = {"body": body, "lang": "no", "place": str(vector)}
        return await self._said(text("INSERT INTO notes (body, lang, place) VALUES (:body, :lang, :place)"), values)

    async def wrong(self) -> Any:
        return await self._said(text(WRONG.replace("%s", ":place")), {"place": "[1,2]"})

    async def plain(self) -> Any:
        return await self._said(text(PLAIN))


class AsyncSqlalchemy(Sqlalchemy):
    """As above, asynchronous."""

    driver = "psycopg"

    async def open(self) -> None:
        self.engine = create_async_engine(self.uri.replace("postgresql://", f"postgresql+{self.driver}://"))
        connection = await self.engine.connect()
        self.connection = await connection.execution_options(isolation_level="AUTOCOMMIT")


class SqlalchemyOverAsyncpg(AsyncSqlalchemy):
    """As above, over asyncpg."""

    driver = "asyncpg"


DRIVERS = (Psycopg, AsyncPsycopg, Asyncpg, Sqlalchemy, AsyncSqlalchemy, SqlalchemyOverAsyncpg)
