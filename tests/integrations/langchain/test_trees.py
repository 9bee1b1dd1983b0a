"""Whichever way LangChain is called, the trace reads like the app, and a model call is one usage-bearing inference."""

import asyncio
from textwrap import dedent

import pytest

import llmtrace
from llmtrace.testing import Fault
from tests.integrations.langchain.trees import drawn, outside

pytest.importorskip("langchain_openai", reason="not applicable: langchain_openai is tested in another environment")

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBranch, RunnableLambda, RunnableParallel, RunnablePassthrough, utils


@pytest.fixture
def chain(client, model):
    """A prompt that is filled in by the app's own functions, one of which asks a model through its client itself."""

    def background(question):
        with llmtrace.step("ask around"):
            asked = [{"role": "user", "content": question}]
            return client.chat.completions.create(model="gpt-5-mini", messages=asked).choices[0].message.content

    given = {"question": RunnablePassthrough(), "background": RunnableLambda(background)}
    return given | ChatPromptTemplate.from_template("{question} {background}") | model | StrOutputParser()


CHAIN = """\
    invoke_workflow
      background (chain)
        ask around
          chat gpt-5-mini +usage
      chat gpt-5-mini
        chat gpt-5-mini +usage"""


async def invoked(chain):
    chain.invoke("Hi")


async def ainvoked(chain):
    await chain.ainvoke("Hi")


async def streamed(chain):
    for _ in chain.stream("Hi"):
        outside()


async def astreamed(chain):
    async for _ in chain.astream("Hi"):
        outside()


async def events(chain):
    async for _ in chain.astream_events("Hi", version="v2"):
        outside()


async def log(chain):
    async for _ in chain.astream_log("Hi"):
        outside()


WAYS = [invoked, ainvoked, streamed, astreamed, events, log]


@pytest.mark.filterwarnings("ignore:astream_log:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*astream_log")
@pytest.mark.parametrize("way", WAYS)
async def test_a_chain_is_a_workflow_of_its_functions_and_models(way, chain, tracing):
    await way(chain)
    outside()
    assert drawn(tracing) == dedent(CHAIN)


@pytest.mark.parametrize("way", ["batch", "abatch"])
async def test_each_input_of_a_batch_is_a_trace_of_its_own(way, chain, tracing):
    await chain.abatch(["Hi", "Ho"]) if way == "abatch" else chain.batch(["Hi", "Ho"])
    outside()
    assert drawn(tracing) == dedent(f"{CHAIN}\n{CHAIN}")


@pytest.mark.parametrize("way", WAYS[:4])
async def test_a_batch_inside_of_a_chain_is_below_it(way, model, tracing):
    def each(question):
        return model.batch([question, question])

    async def aeach(question):
        return await model.abatch([question, question])

    await way(RunnableLambda(each, aeach).with_config(run_name="twice"))
    outside()
    assert drawn(tracing) == dedent("""\
        invoke_workflow twice
          chat gpt-5-mini
            chat gpt-5-mini +usage
          chat gpt-5-mini
            chat gpt-5-mini +usage""")


@pytest.mark.parametrize("way", WAYS[:4])
async def test_parallel_branches_are_siblings(way, model, tracing):
    left = (RunnableLambda(lambda text: text) | model).with_config(run_name="left")
    right = (RunnableLambda(lambda text: text) | model).with_config(run_name="right")
    await way(RunnableParallel(left=left, right=right).with_config(run_name="both"))
    outside()
    assert drawn(tracing, by_name=True) == dedent("""\
        invoke_workflow both
          left (chain)
            chat gpt-5-mini
              chat gpt-5-mini +usage
          right (chain)
            chat gpt-5-mini
              chat gpt-5-mini +usage""")


@pytest.mark.parametrize("way", WAYS[:4])
async def test_a_condition_is_no_step_and_neither_is_what_it_chooses_from(way, model, tracing):
    await way(RunnableBranch((lambda text: text == "Hi", model), RunnableLambda(lambda text: text)))
    outside()
    assert drawn(tracing) == dedent("""\
        invoke_workflow
          chat gpt-5-mini
            chat gpt-5-mini +usage""")


@pytest.mark.parametrize("way", WAYS[:4])
async def test_a_model_that_fails_is_followed_by_the_one_to_fall_back_to(way, server, model, tracing):
    server.fail("/chat/completions", Fault(500, "out of order"))
    await way(model.with_fallbacks([model]))
    outside()
    assert drawn(tracing) == dedent("""\
        invoke_workflow
          chat gpt-5-mini failed
            chat gpt-5-mini failed
          chat gpt-5-mini
            chat gpt-5-mini +usage""")


@pytest.mark.parametrize("way", WAYS[:4])
async def test_a_model_alone_is_an_inference_with_the_clients_below(way, model, tracing):
    await way(model)
    outside()
    assert drawn(tracing) == "chat gpt-5-mini\n  chat gpt-5-mini +usage"


@pytest.mark.filterwarnings("ignore:Unexpected type for token usage")
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_of_several_prompts_in_one_request_to_langchain_each_is_an_inference_and_counted_once(
    asynchronous, model, tracing
):
    asked = [[("user", "one")], [("user", "two")]]
    prompts = [ChatPromptTemplate.from_messages(one).format_messages() for one in asked]
    await model.agenerate(prompts) if asynchronous else model.generate(prompts)
    outside()
    found = drawn(tracing).splitlines()
    assert [line for line in found if not line.startswith(" ")] == ["chat gpt-5-mini"] * 2
    assert [line.strip() for line in found if line.startswith(" ")] == ["chat gpt-5-mini +usage"] * 2


async def test_two_conversations_at_once_are_two_traces_with_their_own_names(chain, tracing):
    told = [{"metadata": {"thread_id": name}} for name in ("left", "right")]
    await asyncio.gather(*(chain.ainvoke("Hi", one) for one in told))
    tracing.handle.flush()
    spans = {name: [] for name in ("left", "right")}
    for span in tracing.live.ended:
        spans[span.attributes["gen_ai.conversation.id"]].append(span)
    assert {name: len(found) for name, found in spans.items()} == {"left": 6, "right": 6}
    assert all(len({span.context.trace_id for span in found}) == 1 for found in spans.values())


@pytest.mark.parametrize("way", [ainvoked, astreamed, events])
async def test_where_a_task_cannot_be_given_a_context_as_on_python_310_the_tree_is_the_same(
    way, chain, tracing, monkeypatch
):
    monkeypatch.setattr(utils, "asyncio_accepts_context", lambda: False)
    await way(chain)
    outside()
    assert drawn(tracing) == dedent(CHAIN)
