"""A store's answer to a retrieval is no second one, and what a store's client calls of itself is no second call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from llmtrace import retrieval, step
from llmtrace.engine.guard import Guard
from llmtrace.engine.run import calling
from llmtrace.facts.operation import Begin, Evidence, Operation, Start
from llmtrace.facts.records import Retrieval, Store, StoreCall
from llmtrace.testing.captured import Captured, capture


def _call(evidence: Evidence) -> StoreCall:
    return StoreCall(store=evidence.start.store)


def _retrieval(evidence: Evidence) -> Retrieval:
    return Retrieval(store=evidence.start.store)


CALL = Operation("store", _call, kind="internal")
RETRIEVAL = Operation("retrieval", _retrieval, inside=CALL)


def asking(system: str, inner: Any = None) -> Any:
    """A function that asks the store, and calls `inner` meanwhile."""
    start = Start(RETRIEVAL, target="land", store=Store(system, "search", "land"))

    def ask() -> str:
        return inner() if inner is not None else "found"

    return calling(Begin(lambda *_: start), Guard(f"asking {system}"), ask)


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture() as made:
        yield made


def test_alone_it_is_a_retrieval(captured: Captured) -> None:
    assert asking("qdrant")() == "found"
    span = captured.one()
    assert (span.name, span.kind) == ("retrieval land", SpanKind.CLIENT)


def test_inside_a_retrieval_it_is_a_request_to_a_database_by_name_kind_and_facts(captured: Captured) -> None:
    with retrieval("outer"):
        assert asking("qdrant")() == "found"
    assert captured.tree() == "retrieval outer\n  search land"
    span = captured.one("search land")
    assert span.kind is SpanKind.INTERNAL
    assert not [key for key in span.attributes or {} if key.startswith("gen_ai.")]


def test_however_deep_inside(captured: Captured) -> None:
    with retrieval("outer"), step("rewrite"):
        asking("qdrant")()
    assert captured.tree() == "retrieval outer\n  rewrite\n    search land"


def test_after_a_retrieval_it_is_one_again(captured: Captured) -> None:
    with step("both"):
        with retrieval("first"):
            pass
        asking("qdrant")()
    assert captured.tree() == "both\n  retrieval first\n  retrieval land"


def test_what_a_client_calls_of_its_own_store_is_part_of_the_call(captured: Captured) -> None:
    assert asking("qdrant", asking("qdrant"))() == "found"
    assert captured.tree() == "retrieval land"


def test_a_store_that_asks_another_store_is_its_caller(captured: Captured) -> None:
    assert asking("chroma", asking("postgresql"))() == "found"
    assert captured.tree() == "retrieval land\n  search land"


def test_what_an_app_does_between_two_calls_of_a_store_is_told(captured: Captured) -> None:
    def between() -> str:
        with step("embed"):
            return str(asking("chroma")())

    asking("chroma", between)()
    assert captured.tree() == "retrieval land\n  embed\n    search land"
