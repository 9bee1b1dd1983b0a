"""Runs the help desk through two conversations, traced, and shows what was traced: `python -m demo [--live]`."""

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

import anthropic
import openai
from rich.console import Console

import llmtrace
from demo.app import AnthropicDesk, OpenAIDesk
from demo.tools import Notes
from llmtrace.testing import RATE_LIMITED, ModelServer

console = Console(highlight=False)


class Clients(NamedTuple):
    """Who to talk to; None for whom there is no key."""

    openai: openai.OpenAI | None
    anthropic: anthropic.AsyncAnthropic | None


@contextmanager
def local() -> Iterator[Clients]:
    """Clients of a model server in this process. Its answers are simple, and one of them is an error."""
    with ModelServer(delay=0.01) as server:
        server.fail("/chat/completions", RATE_LIMITED)
        yield Clients(
            openai.OpenAI(
                api_key="local",
                base_url=server.openai_url,
                max_retries=0,
                http_client=openai.DefaultHttpxClient(trust_env=False),
            ),
            anthropic.AsyncAnthropic(
                api_key="local",
                base_url=server.anthropic_url,
                http_client=anthropic.DefaultAsyncHttpxClient(trust_env=False),
            ),
        )


@contextmanager
def live() -> Iterator[Clients]:
    """Clients of the providers whose key is in the environment."""
    yield Clients(
        openai.OpenAI(max_retries=0) if os.environ.get("OPENAI_API_KEY") else None,
        anthropic.AsyncAnthropic() if os.environ.get("ANTHROPIC_API_KEY") else None,
    )


def say(text: str) -> None:
    """Shows a piece of an answer as it comes."""
    console.print(text, end="", markup=False, soft_wrap=True)


def hear(customer: str, question: str) -> str:
    """Shows a question."""
    console.print(f"\n\n[bold cyan]{customer}:[/] {question}\n[bold green]desk:[/] ", end="")
    return question


def mia(client: openai.OpenAI, notes: Notes) -> None:
    """A conversation on OpenAI."""
    desk = OpenAIDesk(client, notes, say)
    with llmtrace.conversation(f"mia-{token_hex(3)}", user="mia", channel="web"):
        desk.answer(hear("Mia", "Can the bike be returned after closing time?"))
        desk.answer(hear("Mia", "What is the status of booking B-2041, and the price of a cargo bike for 3 days?"))


async def tom(client: anthropic.AsyncAnthropic, notes: Notes) -> None:
    """A conversation on Anthropic."""
    desk = AnthropicDesk(client, notes, say)
    async with llmtrace.conversation(f"tom-{token_hex(3)}", user="tom", channel="phone"):
        await desk.answer(hear("Tom", "Do child seats fit on a touring bike?"))
        await desk.answer(hear("Tom", "And what is the price of a city bike for 5 days?"))
    await client.close()


def talk(clients: Clients) -> None:
    """Both conversations, as far as there are clients for them."""
    notes = Notes(clients.openai)
    if clients.openai:
        mia(clients.openai, notes)
    if clients.anthropic:
        asyncio.run(tom(clients.anthropic, notes))
    if clients.openai:
        clients.openai.close()
    console.print("\n")


def main() -> None:
    """Talks, and shows the trace."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--live", action="store_true", help="talk to the providers, with the keys in the environment")
    parser.add_argument("--exporter", action="append", help="where spans go, instead of the local store; can be repeated")
    chosen = parser.parse_args()
    handle = llmtrace.init(service_name="bike-desk", exporters=chosen.exporter)
    with live() if chosen.live else local() as clients:
        if clients == (None, None):
            sys.exit("LIVE needs a key: set OPENAI_API_KEY, ANTHROPIC_API_KEY or both – or run `make demo` without LIVE.")
        talk(clients)
    llmtrace.shutdown()
    show(handle.settings)


def show(settings) -> None:
    """What was traced, where it is, and what to do next."""
    if "local" not in settings.exporters:
        console.print(f"The traces went to {', '.join(map(str, settings.exporters))}.")
        return
    sys.stdout.flush()
    llmtrace_command = [sys.executable, "-m", "llmtrace"]
    subprocess.run([*llmtrace_command, "show"], check=True)


if __name__ == "__main__":
    main()
