"""Which statements are about vectors, and what is told of them by their text and parameters, without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.facts.operation import Evidence, Received
from llmtrace.integrations import pgvector
from llmtrace.integrations.pgvector import begin, read_statement, rows
from llmtrace.integrations.stores import Site

VECTOR = "[1,2,3]"
SITE = Site(address="host", port=5432)


def begun(statement, parameters=(), batch=None):
    return begin(statement, parameters, "db", SITE, batch)


@pytest.mark.parametrize(
    ("operator", "distance"),
    [("<->", "l2"), ("<=>", "cosine"), ("<#>", "inner_product"), ("<+>", "l1"), ("<~>", "hamming"), ("<%>", "jaccard")],
)
def test_each_operator_has_its_distance(operator, distance):
    start = begun(f"SELECT id FROM notes ORDER BY embedding {operator} %s", (VECTOR,))
    assert start.request["distance"] == distance
    assert (start.operation.name, start.target) == ("retrieval", "notes")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "SELECT id FROM notes WHERE a < 3 AND b > 2 AND c <> 4",
        "SELECT id FROM notes WHERE body = '<=>'",
        "INSERT INTO notes (body) VALUES ('x')",
        "UPDATE notes SET body = 'x'",
        "DELETE FROM notes",
        "SELECT name FROM places ORDER BY spot <-> point(1, 2)",
        "CREATE TABLE notes (embedding vector(3))",
        "",
    ],
)
def test_what_is_not_about_vectors_passes(statement):
    assert begun(statement, ("text", 5, None)) is None


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("SELECT id FROM notes ORDER BY v <=> %s", "notes"),
        ('SELECT id FROM "My Notes" ORDER BY v <=> %s', "My Notes"),
        ('SELECT id FROM app."notes" n ORDER BY v <=> %s', "app.notes"),
        ("WITH near AS (SELECT id, v <=> %s AS d FROM notes) SELECT * FROM near", "notes"),
        ("SELECT EXTRACT(year FROM made) FROM notes ORDER BY v <=> %s", "notes"),
        ("SELECT id FROM (SELECT id FROM notes ORDER BY v <=> %s) AS inner_one", "notes"),
        ("SELECT 'said from here' FROM ONLY notes ORDER BY v <=> %s", "notes"),
        ("/* by hand */ SELECT id FROM notes ORDER BY v <=> %s", "notes"),
        ("SELECT v <=> %s", None),
    ],
)
def test_the_table_is_the_one_that_is_searched(statement, table):
    assert begun(statement, (VECTOR,)).store.collection == table


@pytest.mark.parametrize(
    ("limit", "parameters", "top_k"),
    [
        ("LIMIT 4", (VECTOR,), 4),
        ("LIMIT %s", (VECTOR, 5), 5),
        ("LIMIT %(most)s", {"v": VECTOR, "most": 6}, 6),
        ("LIMIT $2", (VECTOR, 7), 7),
        ("LIMIT $2::INTEGER", (VECTOR, 8), 8),
        ("LIMIT $9", (VECTOR, 8), None),
        ("LIMIT ALL", (VECTOR,), None),
        ("", (VECTOR,), None),
    ],
)
def test_top_k_is_the_limit_wherever_that_stands(limit, parameters, top_k):
    start = begun(f"SELECT id FROM notes ORDER BY v <=> %s {limit}", parameters)
    assert start.operation.read(Evidence(start, start.request)).top_k == top_k


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("INSERT INTO notes (v) VALUES (%s)", ("[1, -2.5, 3e-2]",)),
        ("INSERT INTO notes (v) VALUES (%s)", ("{1:0.5,3:2}/3",)),
        ("INSERT INTO notes (v) VALUES (%s::vector)", ([1, 2, 3],)),
        ("INSERT INTO notes (v) VALUES (CAST(%s AS halfvec))", ([1, 2, 3],)),
        ("UPDATE notes SET v = %(v)s", {"v": VECTOR}),
    ],
)
def test_a_write_is_known_by_the_vector_that_it_writes(statement, parameters):
    start = begun(statement, parameters)
    assert (start.operation.name, start.target) == ("store", "notes")
    assert (start.request["dimension_count"], start.request["vector_count"]) == (3, 1)


def test_a_list_of_numbers_alone_is_no_vector():
    assert begun("INSERT INTO notes (sizes) VALUES (%s)", ([1, 2, 3],)) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("SELECT '[1,2]' <=> v FROM n", "SELECT '?' <=> v FROM n"),
        ("SELECT E'it\\'s' <=> v FROM n", "SELECT '?' <=> v FROM n"),
        ("SELECT $$a'b$$ <=> v FROM n", "SELECT '?' <=> v FROM n"),
        ("SELECT 'it''s' <=> v FROM n", "SELECT '?' <=> v FROM n"),
        ("SELECT ARRAY[1.5, 2]::vector <=> v FROM n", "SELECT ARRAY[?]::vector <=> v FROM n"),
        ("SELECT $1 <=> v FROM n LIMIT 2", "SELECT $1 <=> v FROM n LIMIT 2"),
    ],
)
def test_what_stands_in_the_statement_is_left_out_of_it(text, kept):
    assert read_statement(text).text == kept


def test_the_score_is_the_column_that_the_distance_has():
    start = begun("SELECT id, price, 1 - (v <=> $1) AS near, body FROM notes", (VECTOR,))
    kept = rows(["id", "price", "near", "body"], [[7, 9.5, 0.25, "text"]], 1, "")
    record = start.operation.read(Evidence(start, start.request, Received(body=kept)))
    (found,) = record.documents
    assert (found.id, found.score, found.text, found.metadata) == ("7", 0.25, "text", {"price": 9.5})


def test_columns_of_mapped_tables_are_known_by_how_they_end():
    start = begun("SELECT 1 FROM notes ORDER BY v <=> $1", (VECTOR,))
    kept = rows(["notes_id", "notes_document", "notes_lang"], [["a", "text", "en"]], 1, "SELECT 1")
    (found,) = start.operation.read(Evidence(start, start.request, Received(body=kept))).documents
    assert (found.id, found.text, found.metadata) == ("a", "text", {"notes_lang": "en"})


def test_a_statement_too_long_is_not_remembered():
    pgvector._remembered.cache_clear()
    assert read_statement("SELECT 1 <=> 2 -- " + "x" * 50_000) is not None
    assert read_statement("SELECT 1 <=> 2") is not None
    assert pgvector._remembered.cache_info().currsize == 1


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=6,
)
SPELLED = (
    "SELECT",
    "INSERT INTO",
    "FROM",
    "LIMIT",
    "%s",
    "$1",
    "<=>",
    "<->",
    "'",
    '"',
    "$$",
    "[1,2]",
    "::vector",
    "AS",
)
words = st.lists(st.sampled_from(SPELLED) | st.text(max_size=4), max_size=12)


@given(words, values, st.none() | st.integers(0, 5))
def test_any_statement_is_read(statement, parameters, batch):
    start = begun(" ".join(statement), parameters, batch)
    if start is not None:
        assert start.operation.read(Evidence(start, start.request, Received(body=parameters))).store is start.store


@given(values, values, values)
def test_any_answer_is_read(columns, cells, request):
    start = begun("SELECT id FROM notes ORDER BY v <=> %s", (VECTOR,))
    start.operation.read(Evidence(start, request, Received(body={"columns": columns, "rows": cells, "count": columns})))
