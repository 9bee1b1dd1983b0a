"""However an app leaves a stream of a model, a chain or a graph, each of its spans ends exactly once, and says how."""

import asyncio
import operator
from contextlib import aclosing, closing, suppress
from typing import Annotated, TypedDict

import pytest
from opentelemetry import trace

from tests.integrations.conformance.clients import collected, each, settled
from tests.integrations.langchain.trees import outside

pytest.importorskip("langgraph", reason="not applicable: langgraph is tested in another environment")
pytest.importorskip("langchain_openai", reason="not applicable: langchain_openai is tested in another environment")

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph

sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


class State(TypedDict):
    said: Annotated[list[str], operator.add]


def a_model(model):
    return model, "Hi"


def a_chain(model):
    return (RunnableLambda(lambda text: text) | model | StrOutputParser()).with_config(run_name="chain"), "Hi"


def a_graph(model):
    def ask(_):
        return {"said": [str(model.invoke("Hi").content)]}

    async def aask(_):
        return {"said": [str((await model.ainvoke("Hi")).content)]}

    made = StateGraph(State)
    made.add_node("ask", RunnableLambda(ask, aask))
    made.add_edge(START, "ask")
    return made.compile(name="graph"), {"said": []}


every_stream = pytest.mark.parametrize("made", [a_model, a_chain, a_graph])


def opened(made, model, *, asynchronous):
    runnable, given = made(model)
    options = {"stream_mode": "messages"} if made is a_graph else {}
    return (runnable.astream if asynchronous else runnable.stream)(given, **options)


async def step(stream):
    """The next chunk; nothing of the stream's is current then."""
    chunk = await anext(stream) if hasattr(stream, "__anext__") else next(stream)
    outside()
    return chunk


async def exhausted(stream):
    """Reads to the end."""
    async for _ in each(stream):
        outside()


async def left(stream):
    """Reads one chunk and closes."""
    await step(stream)
    await settled(stream.aclose() if hasattr(stream, "aclose") else stream.close())


async def raising(stream):
    """Raises after one chunk, in a block that closes the stream."""
    await step(stream)
    with suppress(LookupError):
        if hasattr(stream, "aclose"):
            async with aclosing(stream):
                raise LookupError("the app's own")
        with closing(stream):
            raise LookupError("the app's own")


async def thrown(stream):
    """Throws into it."""
    await step(stream)
    with suppress(LookupError):
        error = LookupError("the app's own")
        await settled(stream.athrow(error) if hasattr(stream, "athrow") else stream.throw(error))


ENDINGS = {exhausted: None, left: "abandoned", raising: "abandoned", thrown: None}


def root(tracing):
    """The outermost span; all that began have ended, once."""
    tracing.handle.flush()
    assert tracing.live.begun == len(tracing.live.ended)
    (found,) = [span for span in tracing.live.ended if span.parent is None]
    return found


@sync_and_async
@pytest.mark.parametrize("ending", ENDINGS)
@every_stream
async def test_a_stream_ends_once_and_says_how(made, ending, asynchronous, model, tracing):
    await ending(opened(made, model, asynchronous=asynchronous))
    outside()
    await collected()  # LangChain lets go of the client's stream, and does not close it
    span = root(tracing)
    # What is thrown into an async chain stays in LangChain's outermost generator, which then drops the chain's own.
    dropped = (made, ending, asynchronous) == (a_chain, thrown, True)
    assert span.attributes.get("llmtrace.outcome") == ("abandoned" if dropped else ENDINGS[ending])
    assert span.status.is_unset == (ending is not thrown or dropped)


@sync_and_async
@every_stream
async def test_a_stream_that_is_never_asked_for_a_chunk_is_no_call(made, asynchronous, model, tracing):
    stream = opened(made, model, asynchronous=asynchronous)
    del stream
    await collected()
    tracing.handle.flush()
    assert tracing.live.begun == 0


@sync_and_async
@pytest.mark.parametrize("reads", [1, 2])
@every_stream
async def test_a_stream_that_is_let_go_of_ends_when_it_is_collected(made, reads, asynchronous, model, tracing):
    async def read():
        stream = opened(made, model, asynchronous=asynchronous)
        for _ in range(reads):
            await step(stream)

    await read()
    for _ in range(20):  # what a graph has under way in other tasks and threads comes to its end
        await collected()
        await asyncio.sleep(0.01)
    outside()
    assert root(tracing).attributes["llmtrace.outcome"] == "abandoned"


@every_stream
async def test_a_stream_whose_task_is_cancelled_ends_as_cancelled(made, server, model, tracing):
    server.delay = 0.2
    reading = asyncio.Event()

    async def read():
        stream = opened(made, model, asynchronous=True)
        async with aclosing(stream):
            await step(stream)
            reading.set()
            await exhausted(stream)

    task = asyncio.create_task(read())
    await asyncio.wait_for(reading.wait(), 5)
    await asyncio.sleep(0.05)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    outside()
    assert root(tracing).attributes["llmtrace.outcome"] == "cancelled"
    assert not trace.get_current_span().is_recording()


@pytest.mark.parametrize("kind", ["tool", "retriever", "model"])
async def test_a_part_that_is_cancelled_ends_though_langchain_does_not_end_it(kind, tracing):
    @tool
    async def slow(question: str) -> str:
        """Takes its time."""
        await asyncio.sleep(10)
        return question

    class Slow(BaseRetriever):
        def _get_relevant_documents(self, query, *, run_manager):
            raise NotImplementedError

        async def _aget_relevant_documents(self, query, *, run_manager):
            await asyncio.sleep(10)

    class Thinking(GenericFakeChatModel):
        async def _agenerate(self, *_, **__):
            await asyncio.sleep(10)

    asked = {
        "tool": lambda: slow.ainvoke({"question": "Hi"}),
        "retriever": lambda: Slow().ainvoke("Hi"),
        "model": lambda: Thinking(messages=iter(())).ainvoke("Hi"),
    }
    task = asyncio.ensure_future(asked[kind]())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    outside()
    assert root(tracing).attributes["llmtrace.outcome"] == "cancelled"
