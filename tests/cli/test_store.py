"""The commands about the store itself, and what they refuse."""

import json
import os
import re
import stat
import sys
import time
from hashlib import sha256

import pytest
from typer.testing import CliRunner

from llmtrace.cli import app
from llmtrace.store import Filter, Score, Store
from tests.store.rows import span, trace_id

BODY = b"\x89PNG" * 100
BLOB = sha256(BODY).hexdigest()


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "traces.db") as store:
        yield store


@pytest.fixture
def filled(store):
    now = time.time_ns()
    image = json.dumps([{"uri": f"llmtrace-blob:sha256:{BLOB}?bytes=400", "text": "x" * 300}])
    store.put_blob(BLOB, BODY, "image/png")
    store.write([span(1, started=now - 10**15, conversation_id="old", attributes={"m": image, "nan": float("nan")})])
    store.write([span(2, started=now, user_id="ann", tags=("ä", "b"), cost=0.5), span(2, started=now, ended=None)])
    store.add_score(Score(trace_id=trace_id(2), name="helpful", value=1.0, at=5))
    store.close()
    return store


def run(*arguments, **options):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False, **options)


def everything(path):
    with Store(path) as store:
        traces = [trace.trace_id for trace in store.traces(Filter())]
        return repr([(store.spans(trace), store.scores(trace)) for trace in traces]), store.blob(BLOB)


def test_the_path_is_printed_whether_it_is_there_or_not(tmp_path):
    assert run("store", "path").stdout == f"{tmp_path / 'traces.db'}\n"
    assert run("store", "path", "--store", "/x y").stdout == "/x y\n"


def test_statistics_are_what_the_bare_command_says(filled):
    assert run("store").stdout == run("store", "stats").stdout
    assert run("store", "--store", str(filled.path)).stdout == run("store").stdout
    assert "goes behind stats" in run("store", "--store", "/x", "stats").stderr


@pytest.mark.parametrize(
    ("options", "left"),
    [(["--max-age", "5d"], 1), (["--max-age", "5w"], 2), (["--max-size", "1GiB"], 2), (["--max-size", "1B"], 0)],
)
def test_pruning_by_age_or_size(filled, options, left):
    shown = run("store", "prune", *options)
    assert shown.exit_code == 0
    assert f"{2 - left} trace" in shown.stderr
    assert len(filled.traces(Filter())) == left


def test_pruning_wants_to_know_what_may_stay(filled):
    shown = run("store", "prune")
    assert (shown.exit_code, "--max-age 30d" in shown.stderr) == (2, True)
    assert run("store", "prune", "--max-size", "much").exit_code == 2


def test_a_vacuum_makes_the_file_small(store):
    for number in range(40):
        store.write([span(number, attributes={"big": os.urandom(50_000).hex()})])
    with store._connection.writing() as db:
        db.execute("DELETE FROM traces WHERE trace_id <> ?", (bytes.fromhex(trace_id(1)),))
        db.execute("DELETE FROM content")
    store.close()
    before = store.path.stat().st_size
    assert re.search(r"MB before, 0\.[12] MB now", run("store", "vacuum").stderr)
    assert store.path.stat().st_size < before / 10


@pytest.mark.parametrize("through", ["files", "pipes"])
def test_an_export_comes_back_exactly_in_another_store(filled, tmp_path, through):
    other, file = tmp_path / "other.db", tmp_path / "out.jsonl"
    if through == "files":
        assert run("store", "export", str(file)).stdout == ""
        shown = run("store", "import", str(file), "--store", str(other))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    else:
        shown = run("store", "import", "--store", str(other), input=run("store", "export").stdout)
    assert (shown.exit_code, shown.stderr) == (0, "3 spans, 1 score, 1 blob imported; 0 were there already.\n")
    assert everything(other) == everything(filled.path)


def test_what_is_imported_again_changes_nothing(filled, tmp_path):
    file = tmp_path / "out.jsonl"
    run("store", "export", str(file))
    file.write_text(file.read_text().replace('"ann"', '"eve"') + "\n\n")
    before = everything(filled.path)
    for _ in range(2):
        assert run("store", "import", str(file)).stderr.startswith("0 spans, 1 score, 1 blob imported; 3 were there")
    assert everything(filled.path) == before


def test_an_import_never_puts_an_open_span_in_the_place_of_one_that_runs(store, tmp_path):
    store.hold_open(b"me", [span(1, ended=None)])
    run("store", "export", str(tmp_path / "out"))
    run("store", "import", str(tmp_path / "out"))
    assert [row.running for row in store.spans(trace_id(1))] == [True]


def test_an_export_can_be_filtered(filled):
    lines = [json.loads(line) for line in run("store", "export", "--user", "ann").stdout.splitlines()]
    assert [line["record"] for line in lines] == ["span", "span", "score"]
    assert run("store", "export", "--user", "nobody").stdout == ""


def test_a_broken_line_is_named_and_those_before_it_are_kept(filled, tmp_path):
    lines = run("store", "export").stdout.splitlines()
    file = tmp_path / "broken.jsonl"
    for number, wrong in ((1, b"{"), (2, b"\xff\xfe"), (3, b'{"record": "span", "trace_id": 5}')):
        good = [line.encode() for line in lines[: number - 1]]
        file.write_bytes(b"\n".join([*good, wrong, b"never reached"]))
        other = tmp_path / f"other-{number}.db"
        shown = run("store", "import", str(file), "--store", str(other))
        assert shown.exit_code == 1
        assert f"{file}, line {number}: it" in shown.stderr or f"{file}, line {number}: `" in shown.stderr
        if number > 1:
            with Store(other) as kept:
                assert kept.stats().spans == number - 1


def test_parquet_has_a_column_for_each_field(filled, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "spans.parquet"
    shown = run("store", "export", "--format", "parquet", str(file))
    assert (shown.exit_code, shown.stderr) == (0, "3 spans exported.\n")
    table = parquet.read_table(file)
    assert [str(table.schema.field(name).type) for name in ("started", "ended")] == ["timestamp[ns, tz=UTC]"] * 2
    assert table.column("ended").null_count == 1
    rows = table.drop_columns(["started", "ended"]).to_pylist()
    assert [row["trace_id"] for row in rows] == [trace_id(1), trace_id(2), trace_id(2)]
    assert (rows[1]["user_id"], rows[1]["tags"], rows[1]["cost"]) == ("ann", ["ä", "b"], 0.5)
    assert json.loads(rows[0]["attributes"])["m"].startswith('[{"uri"')


def test_parquet_takes_text_that_is_no_unicode(store, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    store.write([span(1, name="a\ud800", user_id="\udfff", tags=("\ud800",), attributes={"\ud800": "\ud800"})])
    run("store", "export", "--format", "parquet", str(tmp_path / "out"))
    (row,) = parquet.read_table(tmp_path / "out", columns=["name", "tags"]).to_pylist()
    assert (row["name"], row["tags"]) == ("a\ufffd", ["\ufffd"])


def test_parquet_without_pyarrow_says_what_to_install(filled, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    shown = run("store", "export", "--format", "parquet", str(tmp_path / "out"))
    assert shown.exit_code == 1
    assert "pip install 'llmtrace[parquet]'" in shown.stderr
    assert list(tmp_path.glob("*out*")) == []


def test_files_that_cannot_be_written_or_read_are_named(filled, tmp_path):
    for arguments in (["export", "/nowhere/out"], ["import", "/nowhere/in"], ["import", str(tmp_path)]):
        shown = run("store", *arguments)
        assert shown.exit_code == 1
        assert arguments[-1] in shown.stderr


def test_without_a_store_nothing_is_made(tmp_path):
    for arguments in (["export"], ["vacuum"], ["prune", "--max-age", "1d"], ["stats"]):
        shown = run("store", *arguments)
        assert (shown.exit_code, shown.stdout) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_writing_leaves_the_former_file(filled, tmp_path, monkeypatch):
    file = tmp_path / "out"
    file.write_text("former")
    filled.path.write_bytes(b"no database " * 100)
    assert run("store", "export", str(file)).exit_code == 1
    assert file.read_text() == "former"
