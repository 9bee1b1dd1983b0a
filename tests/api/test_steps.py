"""Steps as decorators and as blocks: every kind, every form, over every kind of function."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import json
import pickle
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry import trace

import llmtrace
from llmtrace.testing import Captured, capture
from llmtrace.testing.captured import decoded


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture(integrations=["-openai", "-anthropic"]) as block:
        yield block


@llmtrace.step
def double(n: int, *, by: int = 2) -> int:
    """Doubles."""
    return n * by


@llmtrace.step("renamed")
async def triple(n: int) -> int:
    await asyncio.sleep(0)
    return 3 * n


@llmtrace.tool
def weather(city: str) -> dict[str, Any]:
    """Says how the weather is."""
    return {"city": city, "rain": True}


class Desk:
    @llmtrace.step
    def method(self, n: int) -> int:
        return n

    @staticmethod
    @llmtrace.step
    def static_inside(n: int) -> int:
        return n

    @llmtrace.step
    @staticmethod
    def static_outside(n: int) -> int:
        return n

    @classmethod
    @llmtrace.step
    def class_inside(cls, n: int) -> int:
        return n

    @llmtrace.step
    @classmethod
    def class_outside(cls, n: int) -> int:
        return n


@llmtrace.step
class Callme:
    def __call__(self, n: int) -> int:
        return n + 1


def add(a: int, b: int) -> int:
    return a + b


ADD_ONE = llmtrace.step(functools.partial(add, 1))


def test_a_function_gives_its_own_result_and_its_span_the_arguments(captured: Captured) -> None:
    assert double(4) == 8
    attributes = decoded(captured.one("double"))
    assert attributes["llmtrace.input"] == {"n": 4, "by": 2}
    assert attributes["llmtrace.output"] == 8
    assert attributes["llmtrace.step.path"] == "double"
    assert "llmtrace.step.kind" not in attributes


def test_it_stays_what_it_was() -> None:
    assert str(inspect.signature(double)) == "(n: 'int', *, by: 'int' = 2) -> 'int'"
    assert double.__doc__ == "Doubles."
    assert inspect.iscoroutinefunction(triple)
    assert pickle.loads(pickle.dumps(double)) is double
    assert copy.deepcopy(double) is double
    assert isinstance(ADD_ONE, functools.partial)
    assert pickle.loads(pickle.dumps(ADD_ONE))(2) == 3
    assert copy.deepcopy(ADD_ONE)(2) == 3


async def test_a_coroutine_function_is_awaited_as_before(captured: Captured) -> None:
    assert await triple(2) == 6
    assert decoded(captured.one("renamed"))["llmtrace.output"] == 6


def test_methods_of_every_kind_are_steps(captured: Captured) -> None:
    desk = Desk()
    called = [
        desk.method(1),
        Desk.static_inside(2),
        desk.static_outside(3),
        Desk.class_inside(4),
        desk.class_outside(5),
    ]
    assert called == [1, 2, 3, 4, 5]
    assert [decoded(span)["llmtrace.input"] for span in captured.spans] == [{"n": n} for n in called]


def test_partials_and_callable_objects_are_steps(captured: Captured) -> None:
    assert ADD_ONE(2) == 3
    assert Callme()(2) == 3
    assert [span.name for span in captured.spans] == ["add", "Callme"]
    assert decoded(captured.spans[0])["llmtrace.input"] == {"b": 2}


def test_what_can_not_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match=r"@step marks functions.*not a int"):
        llmtrace.step(3)
    with pytest.raises(TypeError, match=r"the class Empty needs a __call__"):

        @llmtrace.step
        class Empty: ...


def test_a_block_is_a_step_with_what_was_said_inside(captured: Captured) -> None:
    with llmtrace.step("rank", metadata={"shard": 3}) as here:
        here.input({"docs": 2})
        llmtrace.current().output("first")
        llmtrace.current().metadata(good=True)
    attributes = decoded(captured.one("rank"))
    assert attributes["llmtrace.input"] == {"docs": 2}
    assert attributes["llmtrace.output"] == "first"
    assert attributes["llmtrace.metadata.shard"] == 3
    assert attributes["llmtrace.metadata.good"] is True


async def test_a_block_left_by_an_exception_failed(captured: Captured) -> None:
    with pytest.raises(ValueError, match="no"):
        async with llmtrace.workflow("flow"):
            raise ValueError("no")
    span = captured.one("invoke_workflow flow")
    assert not span.status.is_ok
    assert span.attributes["error.type"] == "ValueError"


def test_names_and_places_tell_the_step(captured: Captured) -> None:
    @llmtrace.workflow
    def flow() -> None:
        double(1)
        for n in range(2):
            with llmtrace.step("loop"):
                double(n)

    flow()
    places = [
        (decoded(s)["llmtrace.step.path"], decoded(s)["llmtrace.step.index"], decoded(s)["llmtrace.step.iteration"])
        for s in captured.spans
    ]
    assert places == [
        ("flow", 0, 0),
        ("flow/double", 0, 0),
        ("flow/loop", 1, 0),
        ("flow/loop/double", 0, 0),
        ("flow/loop", 2, 1),
        ("flow/loop/double", 0, 0),
    ]


def test_a_tool_has_arguments_result_and_description(captured: Captured) -> None:
    weather("Oslo")
    attributes = decoded(captured.one("execute_tool weather"))
    assert attributes["gen_ai.tool.call.arguments"] == {"city": "Oslo"}
    assert attributes["gen_ai.tool.call.result"] == {"city": "Oslo", "rain": True}
    assert attributes["gen_ai.tool.description"] == "Says how the weather is."


@pytest.mark.parametrize(
    ("marks", "recorded"),
    [
        ({"inputs": False}, None),
        ({"inputs": "a"}, {"a": 1}),
        ({"inputs": ["b"]}, {"b": 2}),
        ({"inputs": {"a": "first"}}, {"first": 1}),
        ({"inputs": lambda a, b: {"sum": a + b}}, {"sum": 3}),
    ],
)
def test_arguments_are_chosen_renamed_left_out_or_mapped(
    captured: Captured, marks: dict[str, Any], recorded: Any
) -> None:
    assert llmtrace.step(**marks)(add)(1, b=2) == 3
    assert decoded(captured.one("add")).get("llmtrace.input") == recorded


def test_a_result_is_left_out_or_mapped(captured: Captured) -> None:
    assert llmtrace.step(output=False)(add)(1, 2) == 3
    assert llmtrace.step(output=lambda total: {"total": total})(add)(1, 2) == 3
    assert [decoded(span).get("llmtrace.output") for span in captured.spans] == [None, {"total": 3}]


def test_a_step_can_keep_its_content_to_itself(captured: Captured) -> None:
    with llmtrace.step("secretive", capture="none") as here:
        here.input("canary")
        double(1)
    assert "llmtrace.input" not in captured.one("secretive").attributes
    assert decoded(captured.one("double"))["llmtrace.output"] == 2


def test_a_wrong_capture_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match=r"'some'; it must be 'full' or 'none'"):
        llmtrace.step("x", capture="some")


# -- generators


@llmtrace.step
def counting(n: int) -> Iterator[int]:
    """Counts, echoes what is sent, and returns a word."""
    sent = None
    for i in range(n):
        sent = yield sent if sent is not None else i
        double(i)
    return "done"


@llmtrace.step
async def acounting(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await asyncio.sleep(0)
        yield i
        double(i)


def test_a_generator_is_lazy_and_its_children_nest(captured: Captured) -> None:
    assert inspect.isgeneratorfunction(counting)
    generator = counting(2)
    assert captured.spans == []
    before = trace.get_current_span()
    assert next(generator) == 0
    assert trace.get_current_span() is before
    assert generator.send(7) == 7
    with pytest.raises(StopIteration) as done:
        next(generator)
    assert done.value.value == "done"
    outer = captured.one("counting")
    assert len(captured.children(outer)) == 2
    assert decoded(outer)["llmtrace.output"] == [0, 7]


def test_a_generator_closed_early_ends_its_span(captured: Captured) -> None:
    generator = counting(5)
    next(generator)
    generator.close()
    assert captured.one("counting").attributes["llmtrace.outcome"] == "abandoned"


async def test_an_async_generator_ends_its_span_however_it_ends(captured: Captured) -> None:
    assert inspect.isasyncgenfunction(acounting)
    assert [n async for n in acounting(3)] == [0, 1, 2]
    generator = acounting(3)
    await generator.__anext__()
    await generator.aclose()
    whole, closed = captured.all("acounting")
    assert decoded(whole)["llmtrace.output"] == [0, 1, 2]
    assert len(captured.children(whole)) == 3
    assert closed.attributes["llmtrace.outcome"] == "abandoned"


# -- a model that no integration knows


@llmtrace.llm(model="gpt-4o-mini", provider="openai")
def ask(messages: list[dict[str, str]]) -> str:
    here = llmtrace.current()
    here.parameters(temperature=0.5, max_tokens=10)
    here.usage(input_tokens=100, output_tokens=10, cache_read=40)
    here.response(id="r-1", model="gpt-4o-mini-2024-07-18")
    here.finish("stop")
    here.tools(["search"])
    return "Yes."


def test_a_model_called_by_hand_has_what_an_automatic_one_has(captured: Captured) -> None:
    assert ask([{"role": "user", "content": "Is it?"}]) == "Yes."
    span = captured.one("chat gpt-4o-mini")
    attributes = decoded(span)
    assert span.kind.name == "CLIENT"
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.provider.name"] == "openai"
    assert attributes["gen_ai.request.temperature"] == 0.5
    assert attributes["gen_ai.usage.input_tokens"] == 100
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 40
    assert attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert attributes["gen_ai.input.messages"] == [{"role": "user", "parts": [{"type": "text", "content": "Is it?"}]}]
    assert attributes["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "Yes."}]
    assert attributes["gen_ai.tool.definitions"] == [{"type": "function", "name": "search"}]
    assert attributes["llmtrace.cost.total"] == pytest.approx(60 * 0.15e-6 + 40 * 0.075e-6 + 10 * 0.6e-6)


def test_a_streamed_model_called_by_hand_has_a_time_to_first_chunk(captured: Captured) -> None:
    @llmtrace.llm(model="m")
    def stream(prompt: str) -> Iterator[str]:
        yield "Hel"
        yield "lo"

    assert "".join(stream("Hi")) == "Hello"
    attributes = decoded(captured.one("chat m"))
    assert attributes["gen_ai.output.messages"][0]["parts"] == [{"type": "text", "content": "Hello"}]
    assert attributes["gen_ai.response.time_to_first_chunk"] > 0


@pytest.mark.allows_log("a Step has no usage")
def test_what_a_step_has_no_field_for_is_named_in_the_log(captured: Captured) -> None:
    with llmtrace.step("s") as here:
        here.usage(input_tokens=1)
    assert captured.one("s")


def test_outside_of_any_step_nothing_happens() -> None:
    llmtrace.current().output("nowhere")
    assert llmtrace.current().handle is None
    with llmtrace.step("untraced") as here:
        here.usage(input_tokens=1)
    assert double(2) == 4


def test_switched_off_the_function_itself_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMTRACE_DISABLED", "1")
    assert llmtrace.step(add) is add
    assert llmtrace.tool("t")(add) is add


def test_retrievals_embeddings_and_reranks_read_their_own(captured: Captured) -> None:
    @llmtrace.retrieval
    def search(query: str, k: int = 2) -> list[Any]:
        return [({"id": 7, "text": "seven"}, 0.5), "eight"]

    @llmtrace.embedding(model="e-1")
    def embed(texts: list[str]) -> list[list[float]]:
        return [[0.0, 1.0, 2.0] for _ in texts]

    @llmtrace.rerank(model="r-1")
    def order(query: str, documents: list[str]) -> list[Any]:
        return [(documents[1], 0.9)]

    search("q")
    embed(["a", "b"])
    order("q", ["x", "y"])
    found, embedded, ordered = [decoded(span) for span in captured.spans]
    assert found["gen_ai.retrieval.query.text"] == "q"
    assert found["gen_ai.retrieval.top_k"] == 2
    assert [d.get("score") for d in found["gen_ai.retrieval.documents"]] == [0.5, None]
    assert embedded["gen_ai.embeddings.dimension.count"] == 3
    assert embedded["llmtrace.vector_count"] == 2
    assert json.dumps(ordered["gen_ai.retrieval.documents"])
    assert ordered["gen_ai.request.model"] == "r-1"
