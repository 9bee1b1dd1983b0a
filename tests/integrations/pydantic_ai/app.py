"""A small app on Pydantic AI: an agent with two tools over a scripted model, driven in each way that there is."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import openai
import pytest
from openai.resources.chat.completions import AsyncCompletions

import llmtrace
from tests.integrations import agents

pydantic_ai = pytest.importorskip("pydantic_ai", reason="not applicable: pydantic_ai is tested in another environment")

if "prompt_cache_retention" not in inspect.signature(AsyncCompletions.create).parameters:
    pytest.skip("not applicable: this openai is older than what its OpenAI model calls", allow_module_level=True)

from pydantic_ai.models.openai import OpenAIChatModel  # noqa: E402 - after the skip
from pydantic_ai.providers.openai import OpenAIProvider  # noqa: E402

NOTES = agents.Notes()


@contextlib.asynccontextmanager
async def guide() -> AsyncIterator[tuple[Any, agents.Scripted]]:
    """An agent that searches notes, fails at one tool and answers; and its model."""
    with agents.Scripted() as server:
        client = openai.AsyncOpenAI(base_url=server.openai_url, api_key="none-needed")
        model = OpenAIChatModel(agents.MODEL, provider=OpenAIProvider(openai_client=client))
        agent: Any = pydantic_ai.Agent(model, name="guide", instructions=agents.SYSTEM)

        @agent.tool_plain
        def search(query: str) -> str:
            """Searches the notes."""
            return NOTES.search(query)

        @agent.tool_plain
        async def wind(place: str) -> str:
            """Says how the wind blows."""
            await asyncio.sleep(0)
            raise pydantic_ai.ModelRetry(agents.ERROR)

        async with client:
            yield agent, server


async def whole(agent: Any) -> str:
    """Waits for the answer."""
    return str((await agent.run(agents.QUESTION)).output)


async def streamed(agent: Any) -> str:
    """Takes the answer as it comes."""
    async with agent.run_stream(agents.QUESTION) as result:
        return [text async for text in result.stream_text()][-1]


async def stepped(agent: Any) -> str:
    """Goes from node to node."""
    async with agent.iter(agents.QUESTION) as run:
        async for _ in run:
            pass
    return str(run.result.output)


DRIVES: dict[str, Callable[[Any], Awaitable[str]]] = {"run": whole, "run_stream": streamed, "iter": stepped}


async def converse(name: str, drive: Callable[[Any], Awaitable[str]]) -> tuple[int, int]:
    """One conversation; gives the tokens that the model counted."""
    async with guide() as (agent, server):
        with llmtrace.conversation(name), llmtrace.workflow("support"):
            assert await drive(agent) == agents.ANSWER
        return server.used


def converse_sync(name: str) -> tuple[int, int]:
    """The same by the library's function that does not wait, which uses the thread's loop."""
    loop, made = asyncio.new_event_loop(), guide()
    asyncio.set_event_loop(loop)
    agent, server = loop.run_until_complete(made.__aenter__())
    with llmtrace.conversation(name), llmtrace.workflow("support"):
        assert agent.run_sync(agents.QUESTION).output == agents.ANSWER
    loop.run_until_complete(made.__aexit__(None, None, None))
    asyncio.set_event_loop(None)
    loop.close()
    return server.used
