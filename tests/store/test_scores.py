"""What somebody thought of a call is kept once, and goes with its trace."""

import pytest

from llmtrace.store import Score, Store
from tests.store.rows import span, trace_id


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "traces.db") as store:
        yield store


def score(trace=1, **fields):
    return Score(**{"trace_id": trace_id(trace), "name": "helpful", "at": 5, **fields})


def test_scores_come_back_as_they_were_in_order_of_time(store):
    first = score(at=1, span_id="ab" * 8, value=0.5, label="ok\ud800", comment="why 'not'", user="ann")
    others = [score(at=2), score(at=3, user="ann"), score(at=4, name="tone"), score(at=6, span_id="cd" * 8)]
    for each in (*reversed(others), first, score(2)):
        store.add_score(each)
    assert store.scores(trace_id(1)) == [first, *others]
    assert store.scores(trace_id(9)) == []


def test_the_same_score_again_changes_nothing_and_a_later_one_replaces_it(store):
    for at, value in ((5, 1.0), (5, 1.0), (7, 0.0), (6, 1.0)):
        store.add_score(score(user="ann", at=at, value=value))
    assert store.scores(trace_id(1)) == [score(user="ann", at=7, value=0.0)]


def test_a_score_may_come_before_its_trace_and_goes_some_time_after_it(store):
    store.add_score(score(1))
    store.write([span(1)], [score(1, name="tone")])
    assert len(store.scores(trace_id(1))) == 2
    store.prune(max_bytes=1)
    assert store.scores(trace_id(1)) == []
