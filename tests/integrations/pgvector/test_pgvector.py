"""A statement about vectors is one span, whichever driver it goes through, and no other statement is."""

import asyncio

import pytest

pytest.importorskip("psycopg", reason="not applicable: psycopg is tested in another environment")
pytest.importorskip("asyncpg", reason="not applicable: asyncpg is tested in another environment")
pytest.importorskip("sqlalchemy", reason="not applicable: sqlalchemy is tested in another environment")
pytest.importorskip("pgvector", reason="not applicable: pgvector is tested in another environment")

import asyncpg
import numpy as np
import pgvector.asyncpg
import psycopg
from psycopg import sql
from sqlalchemy.orm import Session

from llmtrace import retrieval
from llmtrace.integrations.pgvector import begin
from llmtrace.integrations.stores import Site
from llmtrace.testing.captured import capture, decoded
from tests.integrations.pgvector.drivers import DRIVERS, Asyncpg, AsyncPsycopg, Note, Psycopg, Sqlalchemy
from tests.integrations.spoken import only, said

every_driver = pytest.mark.parametrize("driver", DRIVERS)
TEXTS = ["the fjord", "the glacier", "the moor"]
VECTOR = [1.0, 0.0, 0.0]
NEXT = "ORDER BY place <=> '[1,2,3]'"


@every_driver
async def test_the_nearest_are_found_and_said(driver, connected):
    async with connected(driver) as way:
        without = await way.nearest(VECTOR, 2)
        with capture() as captured:
            assert await way.nearest(VECTOR, 2) == without
            name, found = only(captured)
    assert name == "retrieval notes"
    documents = found.pop("gen_ai.retrieval.documents")
    assert [(one["id"], one["content"]) for one in documents] == [("1", TEXTS[0]), ("2", TEXTS[1])]
    assert [one["score"] for one in documents] == pytest.approx([0, 0.2929], abs=1e-3)
    statement = found.pop("db.query.text")
    assert statement.startswith("SELECT ")
    assert found.pop("server.address")
    assert found == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "notes",
        "gen_ai.retrieval.top_k": 2,
        "gen_ai.embeddings.dimension.count": 3,
        "llmtrace.retrieval.distance": "cosine",
        "llmtrace.document_count": 2,
        "db.system.name": "postgresql",
        "db.namespace": "postgres",
        "db.collection.name": "notes",
        "db.operation.name": "SELECT",
        "db.response.returned_rows": 2,
    }


@every_driver
async def test_a_write_of_a_vector_is_said(driver, connected):
    async with connected(driver) as way:
        with capture() as captured:
            await way.insert("the delta", VECTOR)
            name, found = only(captured)
    assert name == "INSERT notes"
    assert found["llmtrace.vector_count"] == 1
    assert found["gen_ai.embeddings.dimension.count"] == 3
    assert found["llmtrace.store.text_length"] == len("the delta") + len("no")
    assert "gen_ai.operation.name" not in found


@every_driver
async def test_no_other_statement_is_a_span(driver, connected):
    async with connected(driver) as way:
        with capture() as captured:
            await way.plain()
            assert captured.spans == []


@every_driver
async def test_an_error_is_the_drivers_own(driver, connected):
    async def wrong(way):
        with pytest.raises(Exception, match="different vector dimensions") as raised:
            await way.wrong()
        return type(raised.value), raised.value.args

    async with connected(driver) as way:
        without = await wrong(way)
        with capture() as captured:
            assert await wrong(way) == without
            name, found = only(captured)
    assert (name, found["db.response.status_code"]) == ("retrieval notes", "22000")


@every_driver
async def test_inside_a_retrieval_it_is_a_request_to_a_database(driver, connected):
    async with connected(driver) as way:
        with capture() as captured:
            with retrieval("search"):
                await way.nearest(VECTOR, 1)
            inner = captured.one("SELECT notes")
            (outer,) = captured.roots
    assert outer.name == "retrieval search"
    found = decoded(inner)
    assert found["db.response.returned_rows"] == 1
    assert not [key for key in found if key.startswith("gen_ai.") and "dimension" not in key]


@every_driver
async def test_without_capture_no_statement_parameter_or_row_is_recorded(driver, connected):
    async with connected(driver) as way:
        with capture(capture="none") as captured:
            await way.nearest(VECTOR, 3)
            await way.insert("canary", VECTOR)
            held = said(captured)
    assert not [text for text in (*TEXTS, "canary", "SELECT id", "body", '"en"') if text in held]


@every_driver
async def test_no_number_of_a_vector_and_no_parameter_is_ever_recorded(driver, connected):
    async with connected(driver) as way:
        with capture() as captured:
            await way.nearest([0.123456, 0.0, 1.0], 1)
            await way.insert("canary", [0.123456, 0.0, 1.0])
            held = said(captured)
    assert "123456" not in held
    assert "canary" not in held


@pytest.mark.parametrize("kind", [pgvector.Vector, pgvector.HalfVector, pgvector.SparseVector])
def test_each_of_pgvectors_own_types_is_a_vector(kind):
    vector = kind(VECTOR)
    start = begin("INSERT INTO notes (place) VALUES (%s)", (vector,), "db", Site())
    assert (start.request["dimension_count"], start.request["vector_count"]) == (3, 1)


async def test_what_stands_in_a_statement_itself_is_not_recorded(connected):
    async with connected(Psycopg) as way:
        with capture() as captured:
            way.connection.execute(
                "SELECT id FROM notes WHERE lang = 'canary' ORDER BY place <-> '[0.123,0,1]' LIMIT 7"
            )
            _, found = only(captured)
    assert found["db.query.text"] == "SELECT id FROM notes WHERE lang = '?' ORDER BY place <-> '?' LIMIT 7"
    assert (found["gen_ai.retrieval.top_k"], found["llmtrace.retrieval.distance"]) == (7, "l2")


async def test_several_at_once_are_a_batch(connected):
    rows = [(body, "no", np.array(VECTOR)) for body in ("a", "b", "c")]
    statement = "INSERT INTO notes (body, lang, place) VALUES (%s, %s, %s)"
    async with connected(Psycopg) as one, connected(Asyncpg) as other, connected(AsyncPsycopg) as third:
        with capture() as captured:
            one.connection.cursor().executemany(statement, rows)
            await third.connection.cursor().executemany(statement, rows)
            await other.connection.executemany("INSERT INTO notes (body, lang, place) VALUES ($1, $2, $3)", rows)
            spans = captured.spans
    for span in spans:
        found = decoded(span)
        assert span.name == "BATCH INSERT notes"
        assert (found["db.operation.batch.size"], found["llmtrace.store.item_count"]) == (3, 3)
    assert len(spans) == 3


async def test_rows_that_can_be_taken_but_once_are_left_to_the_driver(connected):
    async with connected(Psycopg) as way:
        with capture():
            rows = ((body, np.array(VECTOR)) for body in ("a", "b"))
            cursor = way.connection.cursor()
            cursor.executemany("INSERT INTO notes (body, place) VALUES (%s, %s::vector)", rows)
            assert cursor.rowcount == 2


async def test_a_cursor_gives_all_its_rows(connected):
    async with connected(Psycopg) as way:
        with capture() as captured:
            cursor = way.connection.execute(f"SELECT id, body FROM notes {NEXT} LIMIT 3")
            assert [cursor.fetchone(), *cursor.fetchmany(1), *cursor] == [(3, TEXTS[2]), (2, TEXTS[1]), (1, TEXTS[0])]
            _, found = only(captured)
    assert found["llmtrace.document_count"] == 3


async def test_a_cursor_of_the_servers_is_opened_and_no_more(connected):
    async with connected(Psycopg) as one, connected(Asyncpg) as other, connected(AsyncPsycopg) as third:
        with capture() as captured:
            async with third.connection.transaction(), third.connection.cursor("named") as cursor:
                await cursor.execute(f"SELECT id FROM notes {NEXT} LIMIT 3")
                assert len(await cursor.fetchall()) == 3
            with one.connection.transaction(), one.connection.cursor("named") as cursor:
                cursor.execute(f"SELECT id FROM notes {NEXT} LIMIT 3")
                assert len(cursor.fetchall()) == 3
            async with other.connection.transaction():
                taken = [row["id"] async for row in other.connection.cursor(f"SELECT id FROM notes {NEXT} LIMIT 3")]
                cursor = await other.connection.cursor(f"SELECT id FROM notes {NEXT} LIMIT 3")
                assert len(await cursor.fetch(5)) == len(taken) == 3
            spans = captured.spans
    assert [span.name for span in spans] == ["retrieval notes"] * 4
    assert not any("llmtrace.document_count" in span.attributes for span in spans)


async def test_a_pool_and_a_prepared_statement_are_traced(uri, connected):
    asked = "SELECT id, body FROM notes ORDER BY place <=> $1 LIMIT 2"
    async with connected(Asyncpg) as way:
        prepared = await way.connection.prepare(asked)
        with capture() as captured:
            assert len(await prepared.fetch(np.array(VECTOR))) == 2
            assert (await prepared.fetchrow(np.array(VECTOR)))["id"] == 1
            assert await prepared.fetchval(np.array(VECTOR)) == 1
            async with asyncpg.create_pool(uri, min_size=1, max_size=2, init=pgvector.asyncpg.register_vector) as pool:
                assert len(await pool.fetch(asked, np.array(VECTOR))) == 2
                assert await pool.execute("INSERT INTO notes (body, place) VALUES ('x', '[1,2,3]')") == "INSERT 0 1"
            spans = [(span.name, decoded(span)) for span in captured.spans]
    assert [name for name, _ in spans] == ["retrieval notes"] * 4 + ["INSERT notes"]
    assert [found.get("llmtrace.document_count") for _, found in spans] == [2, 1, 1, 2, None]
    assert spans[-1][1]["llmtrace.store.item_count"] == 1


async def test_a_composed_statement_is_read_without_its_values(connected):
    asked = sql.SQL("SELECT {} FROM {} WHERE body <> {} ORDER BY place <=> {} LIMIT 1").format(
        sql.Identifier("id"), sql.Identifier("notes"), sql.Literal("canary"), sql.Placeholder()
    )
    async with connected(Psycopg) as way:
        with capture() as captured:
            assert way.connection.execute(asked, [np.array(VECTOR)]).fetchall() == [(1,)]
            way.connection.execute(b"SELECT id FROM notes ORDER BY place <=> '[1,2,3]'")
            first, second = map(decoded, captured.spans)
    assert first["db.query.text"] == 'SELECT "id" FROM "notes" WHERE body <> %s ORDER BY place <=> %s LIMIT 1'
    assert first["db.collection.name"] == second["db.collection.name"] == "notes"


async def test_calls_at_the_same_time_are_told_apart(connected):
    async with connected(AsyncPsycopg) as one, connected(Asyncpg) as two, connected(AsyncPsycopg) as three:
        with capture() as captured:
            await asyncio.gather(*(way.nearest(VECTOR, limit) for limit, way in enumerate((one, two, three), 1)))
            found = [decoded(span) for span in captured.spans]
    assert sorted(one["gen_ai.retrieval.top_k"] for one in found) == [1, 2, 3]
    assert all(one["gen_ai.retrieval.top_k"] == one["llmtrace.document_count"] for one in found)


async def test_a_closed_connection_says_what_it_always_said(connected):
    async with connected(Psycopg) as way:
        way.connection.close()
        with capture() as captured:
            with pytest.raises(psycopg.OperationalError):
                way.connection.execute(f"SELECT id FROM notes {NEXT}")
            assert len(captured.spans) <= 1


async def test_a_pipeline_has_no_answer_yet(connected):
    async with connected(Psycopg) as way:
        with capture() as captured:
            with way.connection.pipeline():
                cursor = way.connection.execute(f"SELECT id FROM notes {NEXT}")
                assert len(cursor.fetchall()) == 3
            _, found = only(captured)
    assert found["db.collection.name"] == "notes"


async def test_sqlalchemys_mapped_objects_are_written_in_one_statement(connected):
    async with connected(Sqlalchemy) as way:
        with capture() as captured:
            with Session(way.engine) as session:
                session.add_all([Note(body=body, lang="no", place=VECTOR) for body in ("a", "b")])
                session.commit()
            name, found = only(captured)
    assert name == "INSERT notes"
    assert (found["llmtrace.store.item_count"], found["llmtrace.vector_count"]) == (2, 2)


@pytest.mark.parametrize("driver", [AsyncPsycopg, Asyncpg])
async def test_a_call_that_is_cancelled_ends_once_and_is_no_error(driver, connected):
    slow = "SELECT id, pg_sleep(5) FROM notes ORDER BY place <=> '[1,2,3]'"
    async with connected(driver) as way:
        with capture() as captured:
            task = asyncio.create_task(way.connection.execute(slow))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            name, found = only(captured)
            assert captured.spans[0].status.is_unset
    assert (name, found["llmtrace.outcome"]) == ("retrieval notes", "cancelled")
