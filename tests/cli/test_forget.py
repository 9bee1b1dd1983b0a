"""Forgetting leaves no byte of what a user or a conversation wrote, and everything of all others."""

import json
import subprocess
import sys
import time
from hashlib import sha256

import pytest
from typer.testing import CliRunner

from llmtrace.cli import app
from llmtrace.store import EventRow, Filter, Origin, Score, Store
from tests.store.rows import span, trace_id

CANARY = "canary-7f3a"
IMAGE = f"{CANARY} picture ".encode() * 30
NAME = sha256(IMAGE).hexdigest()
SHARED = "a system prompt that everybody has " * 20


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "traces.db") as store:
        yield store


def messages(*texts, image=None):
    made = [{"role": "user", "parts": [{"type": "text", "content": text}]} for text in (SHARED, *texts)]
    return json.dumps([*made, {"uri": f"llmtrace-blob:sha256:{image or NAME}?bytes={len(IMAGE)}"}])


def written(trace, who, secret, **fields):
    """A trace of two spans, the outer of which does not say whose it is but has the text as well."""
    content = {"m": messages(f"{secret} {trace} " * 40), "small": f"{secret} small", "big": f"{secret} " * 100}
    return [
        span(trace, name=f"{secret} outer", attributes={"input": f"{secret} " * 60}, origin=Origin({"host": secret})),
        span(
            trace,
            name="chat",
            status="error",
            status_message=f"{secret} failed",
            tags=(secret,),
            attributes=content,
            events=[EventRow(secret, 1, {"text": f"{secret} " * 50})],
            **who,
            **fields,
        ),
    ]


def fill(store, who, count=40):
    """Traces of somebody to forget among those of others; pages that were freed before hold the canary too."""
    store.put_blob(NAME, IMAGE, "image/png")
    other = sha256(b"theirs").hexdigest()
    store.put_blob(other, b"theirs", "image/png")
    for trace in range(1, count, 2):
        store.hold_open(b"app", [span(trace, span_id=f"{trace:016x}", ended=None, name=f"{CANARY} open", **who)])
        store.write([span(trace, span_id=f"{trace:016x}", name="closed", **who), *written(trace, who, CANARY)])
        theirs = written(trace + 1, {"user_id": "ben", "conversation_id": "c-2"}, "others'")
        theirs[1].attributes["m"] = messages(f"others' {trace}", image=other)
        store.write(theirs)
        store.add_score(Score(trace_id=trace_id(trace), name="x", comment=CANARY, user=CANARY, at=1))
    store.add_score(Score(trace_id=trace_id(2), name="x", comment="fine", user="ben", at=1))
    return other


def run(*arguments, **options):
    return CliRunner().invoke(app, ["forget", *arguments], catch_exceptions=False, **options)


def bytes_of(store):
    return b"".join(path.read_bytes() for path in store.path.parent.iterdir())


@pytest.mark.parametrize(
    ("who", "option"),
    [({"user_id": CANARY}, ["--user", CANARY]), ({"conversation_id": CANARY}, ["--conversation", CANARY])],
)
def test_not_a_byte_is_left_of_it_and_all_others_stay_whole(store, who, option):
    other = fill(store, who)
    theirs = [store.spans(trace_id(trace)) for trace in range(2, 41, 2)]
    assert CANARY.encode() in bytes_of(store)
    shown = run(*option, "--yes")
    assert (shown.exit_code, shown.stderr) == (0, "20 traces, 60 spans, 20 scores removed.\n")
    assert CANARY.encode() not in bytes_of(store)
    assert [store.spans(trace_id(trace)) for trace in range(2, 41, 2)] == theirs
    assert (store.blob(NAME), store.blob(other).body) == (None, b"theirs")
    assert [score.user for score in store.scores(trace_id(2))] == ["ben"]


def test_also_where_another_process_has_the_file_open_and_writes_on(store, tmp_path):
    fill(store, {"user_id": CANARY}, 400)
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom llmtrace.store import SpanRow, Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for n in range(10_000):\n"
        "    store.write([SpanRow(trace_id=f'{n:032x}', span_id=f'{n:016x}', name='on', started=n, ended=n)])\n"
        "    print(n, flush=True)\n"
        "    time.sleep(0.01)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(store.path)], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        shown = run("--user", CANARY, "--yes")
        assert shown.exit_code == 0, shown.stderr
        assert CANARY.encode() not in bytes_of(store)
        before = store.stats().spans
        process.stdout.readline()
        deadline = time.monotonic() + 20
        while store.stats().spans == before:
            assert time.monotonic() < deadline
    finally:
        process.kill()
        process.communicate()


def test_a_reader_that_stays_in_the_old_data_is_said_to_be_in_the_way(store, monkeypatch):
    fill(store, {"user_id": CANARY}, 4)
    monkeypatch.setitem(Store.__init__.__kwdefaults__, "busy_timeout", 0.1)
    with Store(store.path) as reader, reader._connection.reading() as db:
        db.execute("SELECT count(*) FROM spans").fetchone()
        shown = run("--user", CANARY, "--yes")
    assert shown.exit_code == 1
    assert "another process reads the store" in shown.stderr
    shown = run("--user", CANARY, "--yes")
    assert (shown.exit_code, "There is nothing of user" in shown.stderr) == (0, True)
    assert CANARY.encode() not in bytes_of(store)


def test_it_asks_first_and_says_who_else_had_a_part(store):
    store.write([span(1, user_id="ann"), span(1, user_id="ben"), span(2, user_id="ann"), span(3, user_id="ben")])
    shown = run("--user", "ann", input="n\n")
    assert shown.exit_code == 1
    assert "holds 2 traces, 3 spans (1 of the traces with others' spans too) of user ann" in shown.stderr
    assert run("--user", "ann", input="").exit_code == 1
    assert len(store.traces(Filter())) == 3
    assert run("--user", "ann", input="y\n").exit_code == 0
    assert [trace.trace_id for trace in store.traces(Filter())] == [trace_id(3)]


def test_somebody_must_be_named_and_only_one(store):
    store.write([span(1)])
    for arguments in ([], ["--user", "a", "--conversation", "b"]):
        shown = CliRunner().invoke(app, ["forget", *arguments])
        assert (shown.exit_code, "--user ID or --conversation ID" in shown.stderr) == (2, True)
    assert run("--user", "", "--yes").exit_code == 0
    assert len(store.traces(Filter())) == 1


def test_bytes_that_others_name_as_well_stay(store):
    store.put_blob(NAME, IMAGE, "image/png")
    store.write([span(1, user_id="ann", attributes={"m": messages("x")})])
    store.write([span(2, user_id="ben", attributes={"m": messages("y")})])
    run("--user", "ann", "--yes")
    assert store.blob(NAME) is not None
    run("--user", "ben", "--yes")
    assert store.blob(NAME) is None
