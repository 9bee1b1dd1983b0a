"""The benchmarks run, and compare like with like; what they measure is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.contest import (
    CONTROL,
    ENTRIES,
    OLDER,
    PEAK,
    PEERS,
    Contest,
    Entry,
    Plan,
    Seat,
    ratio,
    seated,
    surroundings,
)
from benchmarks.promises import SENT, SLICES
from benchmarks.receiver import Post, receiving
from tests.sources import REPOSITORY

SMALLEST = Plan(sittings=1, rounds=1, length=0.01)
OURS, BY_HAND = (next(entry for entry in ENTRIES if entry.name == name) for name in ("llmtrace", "by hand"))
DIFFERING = {"llmtrace.cost.source", "gen_ai.response.time_to_first_chunk"}
"""Attributes whose values are not to agree: only that they are there."""

ALONE = [measure for measure in SLICES if "concurrent" not in measure]


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(REPOSITORY)


def test_everything_is_measured_for_everybody():
    entries = [entry for entry in ENTRIES if not entry.peer and entry.name not in (CONTROL, OLDER)]
    values = Contest(SMALLEST, lambda what: None, entries).run()
    assert {*SLICES, *SENT, PEAK} <= set(values)
    names = [entry.name for entry in entries]
    assert all(set(values[measure]) == set(names) for measure in SLICES)
    table = report.table(values, names).splitlines()
    assert len(table) == 2 + len(values)
    assert len({line.count("|") for line in table}) == 1


def test_the_spans_by_hand_say_what_ours_say():
    with receiving() as post, seated([OURS, BY_HAND], post, SMALLEST) as seats:
        for measure in ALONE:
            ours, by_hand = (span(post, seat, measure) for seat in seats.values())
            assert ours["name"] == by_hand["name"]
            assert comparable(ours) == comparable(by_hand)


def span(post: Post, seat: Seat, measure: str) -> dict:
    seat.ask("slice", name=measure, count=1)
    return post.got(seat.address)["spans"][-1]


def comparable(span: dict) -> dict:
    """The attributes, lists of JSON decoded and costs to a millionth of a cent."""
    plain = {key: next(iter(value.values())) for key, value in span["attributes"].items()}
    return {key: None if key in DIFFERING else settled(value) for key, value in plain.items()}


def settled(value):
    if isinstance(value, float):
        return round(value, 8)
    return json.loads(value) if isinstance(value, str) and value[:1] == "[" else value


def installed(peer: Entry) -> Entry:
    if not peer.installed:
        pytest.skip(f"not applicable: make bench has not set up {peer.name} here")
    return peer


@pytest.mark.parametrize("peer", [entry for entry in ENTRIES if entry.peer], ids=lambda entry: entry.name)
def test_nobody_is_faster_because_it_does_nothing(peer):
    with receiving() as post, seated([installed(peer)], post, SMALLEST) as seats:
        seat = seats[peer.name]
        for measure in ("small chat call", "Responses call", "Anthropic call"):
            post.latest(seat.address)
            seat.ask("slice", name=measure, count=1)
            sent = post.latest(seat.address)
            assert "how many people live there?" in sent, measure
            assert "about two million people live there." in sent, measure
        assert post.got(seat.address)["bytes"]


def test_what_holds_the_clients_back_is_measured_against_an_app_with_the_same():
    (older,) = (entry for entry in ENTRIES if entry.name == OLDER)
    assert {entry.name for entry in ENTRIES if entry.python == older.python and entry.zero == OLDER} == {
        "OpenLIT",
        OLDER,
    }
    found = {"bare": [[10.0]], OLDER: [[20.0]], "by hand": [[12.0]], "OpenLIT": [[21.0]]}
    assert ratio(found, "OpenLIT").middle == 0.5


def test_a_measure_that_a_contestant_lacks_is_left_empty_with_a_reason():
    empty = report.table({"decorated empty function": {"by hand": [[1.0]]}}, ["by hand", "official GenAI"])
    assert "it has no decorator" in empty


def test_every_peer_is_locked():
    folders = {Path(entry.python).parent.parent.name for entry in ENTRIES if Path(entry.python).is_relative_to(PEERS)}
    locks = REPOSITORY / "locks" / "peers"
    assert folders == {lock.stem for lock in locks.glob("*.txt")} == {asked.stem for asked in locks.glob("*.in")}


def test_a_contestant_starts_from_compiled_modules(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in surroundings()
    assert Path(surroundings()["PYTHONPYCACHEPREFIX"]).is_relative_to(REPOSITORY / ".cache")


def test_a_contestant_may_sit_in_another_environment(tmp_path):
    elsewhere = tmp_path / "python"
    elsewhere.write_text(f'#!/bin/sh\necho used > {tmp_path}/used\nexec {sys.executable} "$@"\n')
    elsewhere.chmod(0o755)
    with receiving() as post, seated([Entry("peer", BY_HAND.module, str(elsewhere))], post, SMALLEST) as seats:
        assert seats["peer"].ask("started") > 0
    assert (tmp_path / "used").exists()


def test_a_contestant_that_fails_is_not_passed_over(capfd):
    with receiving() as post, seated([BY_HAND], post, SMALLEST) as seats, pytest.raises(RuntimeError, match="ended at"):
        seats["by hand"].ask("slice", name="no such measure", count=1)
    assert "no such measure" in capfd.readouterr().err


def test_a_ratio_is_of_what_was_added_to_the_bare_app():
    found = {"bare": [[10.0, 20.0]], "by hand": [[12.0, 22.0]], "llmtrace": [[11.0, 21.0]]}
    assert ratio(found, "llmtrace").middle == 0.5


def test_nothing_is_divided_by_a_reference_that_costs_nothing():
    assert ratio({"by hand": [[0.0]], "llmtrace": [[1.0]]}, "llmtrace") is None


def test_the_command_explains_itself():
    told = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], capture_output=True, text=True, check=True)
    assert "--quick" in told.stdout
