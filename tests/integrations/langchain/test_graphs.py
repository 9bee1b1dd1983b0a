"""A graph's trace is its nodes, what they call, and its sub-graphs, however it is run and whatever becomes of it."""

import asyncio
import gc
import operator
from textwrap import dedent
from typing import Annotated, TypedDict

import pytest

import llmtrace
from llmtrace.engine.runs import Household, Run
from tests.integrations.langchain.trees import drawn, outside

pytest.importorskip("langgraph", reason="not applicable: langgraph is tested in another environment")

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt


class State(TypedDict):
    said: Annotated[list[str], operator.add]


async def invoked(graph, given, config=None):
    graph.invoke(given, config)


async def ainvoked(graph, given, config=None):
    await graph.ainvoke(given, config)


async def streamed(graph, given, config=None):
    for _ in graph.stream(given, config, stream_mode=["updates", "messages"]):
        outside()


async def astreamed(graph, given, config=None):
    async for _ in graph.astream(given, config, stream_mode=["updates", "messages"]):
        outside()


async def events(graph, given, config=None):
    async for _ in graph.astream_events(given, config, version="v2"):
        outside()


async def batched(graph, given, config=None):
    graph.batch([given], config)


async def abatched(graph, given, config=None):
    await graph.abatch([given], config)


every_way = pytest.mark.parametrize("way", [invoked, ainvoked, streamed, astreamed, events, batched, abatched])


@pytest.fixture
def graph(model, client):
    """A node with the app's own step and its own client, two branches at once, a sub-graph, and conditions between."""

    def prepare(_):
        with llmtrace.step("look around"):
            asked = [{"role": "user", "content": "Hi"}]
            client.chat.completions.create(model="gpt-5-mini", messages=asked)
        return {"said": ["prepared"]}

    def branches(_):
        return [Send("ask", {"said": []}), Send("ask", {"said": []})]

    def ask(_):
        return {"said": [model.invoke("Hi").text]}

    async def aask(_):
        return {"said": [(await model.ainvoke("Hi")).text]}

    inner = StateGraph(State)
    inner.add_node("polish", lambda _: {"said": ["polished"]})
    inner.add_edge(START, "polish")
    outer = StateGraph(State)
    outer.add_node("prepare", prepare)
    outer.add_node("ask", RunnableLambda(ask, aask))
    outer.add_node("finish", inner.compile())
    outer.add_edge(START, "prepare")
    outer.add_conditional_edges("prepare", branches, ["ask"])
    outer.add_edge("ask", "finish")
    return outer.compile(name="editor")


@every_way
async def test_a_graph_is_a_workflow_of_its_nodes(way, graph, tracing):
    await way(graph, {"said": []})
    outside()
    assert drawn(tracing) == dedent("""\
        invoke_workflow editor
          prepare
            look around
              chat gpt-5-mini +usage
          ask
            chat gpt-5-mini
              chat gpt-5-mini +usage
          ask
            chat gpt-5-mini
              chat gpt-5-mini +usage
          finish
            polish""")


def compiled(node, **options):
    """A graph of one node, with that name."""
    made = StateGraph(State)
    made.add_node("work", node)
    made.add_edge(START, "work")
    return made.compile(**options)


async def test_a_graph_that_got_no_name_has_none(tracing):
    compiled(lambda _: {"said": ["done"]}).invoke({"said": []})
    tracing.handle.flush()
    (root,) = [span for span in tracing.live.ended if span.parent is None]
    assert root.name == "invoke_workflow"
    assert "gen_ai.workflow.name" not in root.attributes


@every_way
async def test_a_named_graph_that_a_node_calls_is_a_chain_below_it(way, tracing):
    inner = compiled(lambda _: {"said": ["done"]}, name="research")
    outer = compiled(lambda state: {"said": inner.invoke(state)["said"]}, name="outer")
    await way(outer, {"said": []})
    outside()
    assert drawn(tracing) == dedent("""\
        invoke_workflow outer
          work
            research (chain)
              work""")


@every_way
async def test_a_node_that_fails_fails_the_graph_and_what_the_app_gets_is_the_same_error(way, tracing):
    error = LookupError("the app's own")

    def fails(_):
        raise error

    with pytest.raises(LookupError) as caught:
        await way(compiled(fails, name="outer"), {"said": []})
    outside()
    assert caught.value is error
    assert drawn(tracing) == "invoke_workflow outer failed\n  work failed"


@every_way
async def test_to_wait_for_an_answer_is_no_error(way, tracing):
    def asks(_):
        return {"said": [interrupt("go on?")]}

    graph = compiled(asks, name="outer", checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t-1"}}
    await way(graph, {"said": []}, config)
    outside()
    assert drawn(tracing) == "invoke_workflow outer\n  work"
    await way(graph, Command(resume="yes"), config)
    assert graph.get_state(config).values == {"said": ["yes"]}
    assert drawn(tracing) == "invoke_workflow outer\n  work"


async def test_the_thread_is_the_conversation_of_all_that_happens_in_it(graph, tracing):
    told = [{"configurable": {"thread_id": name}} for name in ("left", "right")]
    await asyncio.gather(*(graph.ainvoke({"said": []}, one) for one in told))
    outside()
    tracing.handle.flush()
    found = {name: set() for name in ("left", "right")}
    for span in tracing.live.ended:
        found[span.attributes["gen_ai.conversation.id"]].add(span.context.trace_id)
    assert [len(traces) for traces in found.values()] == [1, 1]
    assert len(tracing.live.ended) == 2 * 12


async def test_what_the_app_said_of_the_conversation_wins_over_the_thread(tracing):
    graph = compiled(lambda _: {"said": ["done"]})
    with llmtrace.conversation("ours"):
        graph.invoke({"said": []}, {"configurable": {"thread_id": "theirs"}})
    tracing.handle.flush()
    assert {span.attributes["gen_ai.conversation.id"] for span in tracing.live.ended} == {"ours"}


async def test_tasks_of_the_functional_api_are_steps(tracing):
    @task
    def double(number):
        return 2 * number

    @entrypoint()
    def sums(numbers):
        return sum(each.result() for each in [double(number) for number in numbers])

    assert sums.invoke([1, 2]) == 6
    outside()
    assert drawn(tracing) == "invoke_workflow\n  sums\n    double\n    double"


def test_what_the_app_does_between_two_chunks_is_not_the_graphs(tracing):
    graph = compiled(lambda _: {"said": ["done"]}, name="inner")
    with llmtrace.workflow("mine"):
        for _ in graph.stream({"said": []}, stream_mode=["values", "updates"]):
            with llmtrace.step("between"):
                pass
    outside()
    assert sorted(drawn(tracing).splitlines()) == [
        "    work",
        *["  between"] * 3,
        "  invoke_workflow inner",
        "invoke_workflow mine",
    ]


def test_a_thousand_streams_that_are_left_leave_nothing_behind(tracing):
    model = GenericFakeChatModel(messages=iter([AIMessage("one two three")] * 1000))
    chain = (RunnableLambda(lambda text: text) | model).with_config(run_name="left")
    for _ in range(1000):
        next(chain.stream("Hi"))
    outside()
    tracing.handle.flush()
    assert tracing.live.begun == len(tracing.live.ended) == 2000
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) in (Run, Household)]


def test_a_node_that_goes_elsewhere_is_no_error(tracing):
    def leaves(_):
        return Command(goto=END, update={"said": ["left"]})

    assert compiled(leaves, name="outer").invoke({"said": []}) == {"said": ["left"]}
    assert drawn(tracing) == "invoke_workflow outer\n  work"


@pytest.mark.parametrize("way", [ainvoked, astreamed, events])
async def test_where_a_task_cannot_be_given_a_context_as_on_python_310_nodes_keep_their_place(
    way, tracing, monkeypatch
):
    monkeypatch.setattr("langgraph._internal._runnable.ASYNCIO_ACCEPTS_CONTEXT", False)
    monkeypatch.setattr("langchain_core.runnables.utils.asyncio_accepts_context", lambda: False)

    async def works(_):
        with llmtrace.step("mine"):
            return {"said": [await RunnableLambda(lambda text: text, name="inner").ainvoke("Hi")]}

    await way(compiled(works, name="outer"), {"said": []})
    outside()
    assert drawn(tracing).splitlines()[:3] == ["invoke_workflow outer", "  work", "    mine"]


async def test_a_stream_whose_every_chunk_is_asked_for_in_another_thread_is_one_trace(graph, tracing):
    stream = graph.stream({"said": []})
    nothing = object()
    while await asyncio.to_thread(lambda: (next(stream, nothing), outside())[0]) is not nothing:
        outside()
    assert drawn(tracing).splitlines()[0] == "invoke_workflow editor"


async def test_a_stream_whose_every_chunk_is_asked_for_in_another_task_is_one_trace(graph, tracing):
    stream = graph.astream({"said": []})
    nothing = object()
    while await asyncio.create_task(_next(stream, nothing)) is not nothing:
        outside()
    assert drawn(tracing).splitlines()[0] == "invoke_workflow editor"


async def _next(stream, nothing):
    return await anext(stream, nothing)


async def test_a_chain_that_outlives_the_node_that_started_it_is_a_linked_trace(tracing):
    later = asyncio.Event()

    async def afterwards():
        await later.wait()
        await RunnableLambda(lambda text: text).with_config(run_name="later", callbacks=[]).ainvoke("Hi")

    tasks = []

    async def starts(_):
        tasks.append(asyncio.create_task(afterwards()))
        return {"said": ["started"]}

    await compiled(starts, name="outer").ainvoke({"said": []})
    later.set()
    await asyncio.gather(*tasks)
    outside()
    tracing.handle.flush()
    spans = {span.name: span for span in tracing.live.ended}
    found = next(span for name, span in spans.items() if "later" in name)
    assert found.parent is None
    assert [link.context.span_id for link in found.links] == [spans["work"].context.span_id]
