"""Strands, traced: an agent that uses a tool, and a stream. Without a key it talks to a model server of its own."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack

from strands import Agent, tool
from strands.models.openai import OpenAIModel

import llmtrace
from llmtrace.testing import ModelServer

TRACED = {"invoke_agent": 2, "chat": 6, "execute_tool": 1, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""


@tool
def weather(city: str) -> str:
    """Says how the weather is in a city."""
    return f"It rains in {city}."


async def talk(agent: Agent) -> None:
    """A question that takes a tool, and one whose answer is streamed, in one conversation."""
    with llmtrace.conversation("strands-agents-example", user="ada"), llmtrace.workflow("example"):
        print(await agent.invoke_async("What is the weather in Oslo?"))
        async for event in agent.stream_async("Name a bear."):
            print(event.get("data", ""), end="")
        print()


def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="strands-agents-example")
    with ExitStack() as stack:
        if os.environ.get("OPENAI_API_KEY"):
            reached = {}
        else:
            reached = {"base_url": stack.enter_context(ModelServer()).openai_url, "api_key": "none-needed"}
        model = OpenAIModel(client_args=reached, model_id="gpt-5-mini")
        asyncio.run(talk(Agent(model=model, name="guide", tools=[weather], callback_handler=None)))
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
