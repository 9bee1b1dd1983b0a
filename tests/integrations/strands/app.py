"""A small app on Strands: an agent with two tools over a scripted model, driven in each way that there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import llmtrace
from tests.integrations import agents

strands = pytest.importorskip("strands", reason="not applicable: strands is tested in another environment")

from strands.models.openai import OpenAIModel  # noqa: E402 - after the skip

NOTES = agents.Notes()


def guide(server: agents.Scripted, **options: Any) -> Any:
    """An agent that searches notes, fails at one tool and answers."""

    @strands.tool
    def search(query: str) -> str:
        """Searches the notes."""
        return NOTES.search(query)

    @strands.tool
    def wind(place: str) -> str:
        """Says how the wind blows."""
        raise LookupError(agents.ERROR)

    model = OpenAIModel(client_args={"base_url": server.openai_url, "api_key": "none-needed"}, model_id=agents.MODEL)
    said = {"name": "guide", "system_prompt": agents.SYSTEM, "callback_handler": None, **options}
    return strands.Agent(model=model, tools=[search, wind], **said)


async def whole(agent: Any) -> str:
    """Waits for the answer."""
    return str(await agent.invoke_async(agents.QUESTION))


async def streamed(agent: Any) -> str:
    """Takes the answer as it comes."""
    events = [event async for event in agent.stream_async(agents.QUESTION)]
    return str(events[-1]["result"])


DRIVES: dict[str, Callable[[Any], Awaitable[str]]] = {"invoke_async": whole, "stream_async": streamed}


async def converse(name: str, drive: Callable[[Any], Awaitable[str]]) -> tuple[int, int]:
    """One conversation; gives the tokens that the model counted."""
    with agents.Scripted() as server, llmtrace.conversation(name), llmtrace.workflow("support"):
        assert (await drive(guide(server))).strip() == agents.ANSWER
        return server.used


def converse_sync(name: str) -> tuple[int, int]:
    """The same by calling the agent, which has a loop and a thread of its own for that."""
    with agents.Scripted() as server, llmtrace.conversation(name), llmtrace.workflow("support"):
        assert str(guide(server)(agents.QUESTION)).strip() == agents.ANSWER
        return server.used
