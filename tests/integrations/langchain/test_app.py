"""A small real app on LangGraph, whole: its trace is the golden one, its usage the provider's, its content switched."""

import asyncio
from textwrap import dedent

import pytest

from llmtrace.testing import Answer, ToolUse
from tests.integrations.agents import ANSWER, ERROR, NOTE, QUESTION, SECRET, Scripted
from tests.integrations.langchain.trees import drawn, outside

for library in ("langchain", "langchain_openai", "langchain_qdrant"):
    pytest.importorskip(library, reason=f"not applicable: {library} is tested in another environment")

from tests.integrations.langchain.app import helpdesk  # noqa: E402 - it imports them

TREE = dedent("""\
    invoke_workflow helpdesk
      plan
        draft
          chat gpt-5-mini +usage
      answer
        invoke_agent assistant
          model
            chat gpt-5-mini
              chat gpt-5-mini +usage
          tools
            execute_tool search
              retrieval
                query_points notes
          model
            chat gpt-5-mini
              chat gpt-5-mini +usage
          tools
            execute_tool wind failed
          model
            chat gpt-5-mini
              chat gpt-5-mini +usage""")


@pytest.fixture
def server():
    with Scripted() as running:
        yield running


def script(server, times=1):
    """What is said in the app's order: first the plan, then the agent's three turns."""
    server._queue.clear()
    for _ in range(times):
        server.reply(
            "First search.",
            Answer(tool_calls=(ToolUse("search", {"query": "bears"}),)),
            Answer(tool_calls=(ToolUse("wind", {"place": "den"}),)),
            ANSWER,
        )


@pytest.fixture
def app(model, client, tracing):
    made = helpdesk(model, client)
    tracing.handle.flush()
    tracing.live.ended.clear()
    tracing.live.begun = 0
    return made


def asked(thread):
    return {"messages": [{"role": "user", "content": QUESTION}]}, {"configurable": {"thread_id": thread}}


async def invoked(app, thread):
    return app.invoke(*asked(thread))["messages"][-1].text


async def ainvoked(app, thread):
    return (await app.ainvoke(*asked(thread)))["messages"][-1].text


async def streamed(app, thread):
    for _ in app.stream(*asked(thread), stream_mode="messages", subgraphs=True):
        outside()
    return app.get_state(asked(thread)[1]).values["messages"][-1].text


async def astreamed(app, thread):
    async for _ in app.astream(*asked(thread), stream_mode="messages", subgraphs=True):
        outside()
    return app.get_state(asked(thread)[1]).values["messages"][-1].text


@pytest.mark.parametrize("way", [invoked, ainvoked, streamed, astreamed])
async def test_the_apps_trace_is_the_golden_one_and_its_usage_the_providers(way, app, server, tracing):
    script(server)
    assert await way(app, "t-1") == ANSWER
    outside()
    tracing.handle.flush()
    spans = list(tracing.live.ended)
    assert drawn(tracing) == TREE
    billed = [span.attributes for span in spans if "gen_ai.usage.input_tokens" in span.attributes]
    counted = (
        sum(said["gen_ai.usage.input_tokens"] for said in billed),
        sum(said["gen_ai.usage.output_tokens"] for said in billed),
    )
    assert counted == server.used
    assert {span.attributes["gen_ai.conversation.id"] for span in spans} == {"t-1"}
    everything = "\n".join(span.to_json() for span in spans)
    assert NOTE in everything
    assert ERROR in everything
    assert SECRET not in everything


async def test_two_conversations_at_once_stay_apart(app, server, tracing):
    server._queue.clear()
    server.reply(*["An answer."] * 4)
    await asyncio.gather(ainvoked(app, "left"), ainvoked(app, "right"))
    outside()
    tracing.handle.flush()
    traces = {
        name: {span.context.trace_id for span in tracing.live.ended if _conversation(span) == name}
        for name in ("left", "right")
    }
    assert [len(found) for found in traces.values()] == [1, 1]
    assert traces["left"] != traces["right"]
    assert {_conversation(span) for span in tracing.live.ended} == {"left", "right"}


def _conversation(span):
    return span.attributes.get("gen_ai.conversation.id")


async def test_the_facts_of_the_parts_are_on_their_spans(app, server, tracing):
    script(server)
    await ainvoked(app, "t-1")
    tracing.handle.flush()
    by_name = {}
    for span in sorted(tracing.live.ended, key=lambda span: span.start_time):
        by_name.setdefault(span.name, span.attributes)
    names = ("invoke_agent assistant", "execute_tool search", "execute_tool wind")
    agent, search, wind = (by_name[name] for name in names)
    assert agent["gen_ai.agent.name"] == "assistant"
    assert search["gen_ai.tool.call.arguments"] == '{"query":"bears"}'
    assert NOTE in search["gen_ai.tool.call.result"]
    assert search["gen_ai.agent.name"] == "assistant"
    assert search["gen_ai.tool.call.id"]
    assert wind["error.type"] == "tool_error"
    found = by_name["retrieval"]
    assert found["gen_ai.retrieval.query.text"] == "bears"
    assert found["llmtrace.document_count"] == 1
    assert NOTE in found["gen_ai.retrieval.documents"]
