"""Pydantic AI, traced: an agent that uses a tool, and a stream. Without a key it talks to a model server of its own."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack

import openai
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

import llmtrace
from llmtrace.testing import ModelServer

TRACED = {"invoke_agent": 2, "chat": 6, "execute_tool": 1, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""


def weather(city: str) -> str:
    """Says how the weather is in a city."""
    return f"It rains in {city}."


async def talk(client: openai.AsyncOpenAI) -> None:
    """A question that takes a tool, and one whose answer is streamed, in one conversation."""
    model = OpenAIChatModel("gpt-5-mini", provider=OpenAIProvider(openai_client=client))
    agent = Agent(model, name="guide", tools=[weather], instructions="Answer in one sentence.")
    with llmtrace.conversation("pydantic-ai-example", user="ada"), llmtrace.workflow("example"):
        print((await agent.run("What is the weather in Oslo?")).output)
        async with agent.run_stream("Name a bear.") as answer:
            async for text in answer.stream_text(delta=True):
                print(text, end="")
        print()


async def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="pydantic-ai-example")
    with ExitStack() as stack:
        if os.environ.get("OPENAI_API_KEY"):
            client = openai.AsyncOpenAI()
        else:
            url = stack.enter_context(ModelServer()).openai_url
            client = openai.AsyncOpenAI(base_url=url, api_key="none-needed")
        async with client:
            await talk(client)
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    asyncio.run(main())
