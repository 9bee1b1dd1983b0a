"""LangGraph, traced: two nodes, one of which asks a model. Without a key it talks to a model server of its own."""

from __future__ import annotations

import operator
import os
from contextlib import ExitStack
from typing import Annotated, TypedDict

from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

import llmtrace
from llmtrace.testing import ModelServer

TRACED = {"invoke_workflow": 2, "chat": 4}
"""What ends up in the store: operations, and how many of each at least."""


class Talk(TypedDict):
    """What the nodes hand on."""

    said: Annotated[list[str], operator.add]


def talk(model: ChatOpenAI) -> None:
    """The graph, run and streamed in one thread."""

    def tidy(state: Talk) -> Talk:
        with llmtrace.step("trim"):
            return {"said": [state["said"][-1].strip()]}

    def answer(state: Talk) -> Talk:
        return {"said": [str(model.invoke(state["said"][-1]).content)]}

    graph = StateGraph(Talk)
    graph.add_sequence([tidy, answer])
    graph.add_edge(START, "tidy")
    app = graph.compile(name="example", checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "langgraph-example"}}
    print(app.invoke({"said": [" Name a bear. "]}, thread)["said"][-1])
    for chunk in app.stream({"said": [" Name a river. "]}, thread):
        print(chunk)


def main() -> None:
    """Traces the graph and says where the trace is."""
    llmtrace.init(service_name="langgraph-example", integrations=["langgraph", "langchain", "openai"])
    with ExitStack() as stack:
        if os.environ.get("OPENAI_API_KEY"):
            model = ChatOpenAI(model="gpt-5-mini")
        else:
            url = stack.enter_context(ModelServer()).openai_url
            model = ChatOpenAI(model="gpt-5-mini", base_url=url, api_key="none-needed")
        talk(model)
        model.root_client.close()
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
