"""Runs the help desk through two conversations, traced, and shows what was traced: `python -m demo [--live]`."""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
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

RUN = token_hex(3)
MIA = (
    "Can the bike be returned after closing time?",
    "What is the status of booking B-2041, and the price of a cargo bike for 3 days?",
)
TOM = ("Do child seats fit on a touring bike?", "And what is the price of a city bike for 5 days?")

console = Console(highlight=False, soft_wrap=True)


class Clients(NamedTuple):
    """Who to talk to; None for whom there is no key."""

    openai: openai.OpenAI | None
    anthropic: anthropic.AsyncAnthropic | None


@contextmanager
def local() -> Iterator[Clients]:
    """Clients of a model server in this process, which is too busy at first."""
    with ModelServer(delay=0.01) as server:
        retries = openai.DEFAULT_MAX_RETRIES
        server.fail("/chat/completions", *[RATE_LIMITED] * (1 + retries))
        direct, direct_async = openai.DefaultHttpxClient, anthropic.DefaultAsyncHttpxClient
        yield Clients(
            openai.OpenAI(api_key="local", base_url=server.openai_url, http_client=direct(trust_env=False)),
            anthropic.AsyncAnthropic(
                api_key="local", base_url=server.anthropic_url, http_client=direct_async(trust_env=False)
            ),
        )


@contextmanager
def live() -> Iterator[Clients]:
    """Clients of the providers whose key is in the environment."""
    yield Clients(
        openai.OpenAI() if os.environ.get("OPENAI_API_KEY") else None,
        anthropic.AsyncAnthropic() if os.environ.get("ANTHROPIC_API_KEY") else None,
    )


def say(text: str) -> None:
    """Shows a piece of an answer as it comes."""
    console.print(text, end="", markup=False)


def hear(customer: str, question: str) -> str:
    """Shows a question."""
    console.print(f"\n\n[bold cyan]{customer}:[/] {question}\n[bold green]desk:[/] ", end="")
    return question


def thank(desk: OpenAIDesk | AnthropicDesk, customer: str, comment: str) -> None:
    """A thumb up for the desk's last answer, from whoever got it."""
    console.print(f"\n\n[bold cyan]{customer}:[/] {comment} [dim](thumb up)[/]")
    if desk.handle:
        llmtrace.feedback(desk.handle, "thumb up", True, comment=comment, user=customer.lower())


def mia(client: openai.OpenAI, notes: Notes) -> None:
    """A conversation on OpenAI."""
    desk = OpenAIDesk(client, notes, say)
    with llmtrace.conversation(f"mia-{RUN}", user="mia", channel="web"):
        for question in MIA:
            desk.answer(hear("Mia", question))
    thank(desk, "Mia", "That was quick!")


async def tom(client: anthropic.AsyncAnthropic, notes: Notes) -> None:
    """A conversation on Anthropic."""
    desk = AnthropicDesk(client, notes, say)
    async with client, llmtrace.conversation(f"tom-{RUN}", user="tom", channel="phone"):
        for question in TOM:
            await desk.answer(hear("Tom", question))
    thank(desk, "Tom", "Thanks, that helps.")


def talk(clients: Clients) -> None:
    """Both conversations, as far as there are clients for them."""
    notes = Notes(clients.openai)
    if clients.openai:
        mia(clients.openai, notes)
    if clients.anthropic:
        asyncio.run(tom(clients.anthropic, notes))
    if clients.openai:
        clients.openai.close()


def main() -> None:
    """Talks, and shows the trace."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--live", action="store_true", help="talk to the providers whose key is in the environment")
    parser.add_argument("--exporter", action="append", help="where spans go instead of the local store; repeatable")
    chosen = parser.parse_args()
    handle = llmtrace.init(service_name="bike-desk", exporters=chosen.exporter)
    with live() if chosen.live else local() as clients, llmtrace.tags("live" if chosen.live else "local"):
        if clients == (None, None):
            sys.exit(
                "To talk to a provider, set OPENAI_API_KEY, ANTHROPIC_API_KEY or both; without --live, none is needed."
            )
        try:
            talk(clients)
        except (openai.APIError, anthropic.APIError) as error:
            console.print(f"\n\nThe provider did not answer: {error}", markup=False)
    handle.shutdown()
    show(handle.settings.exporters, handle.settings.store)


def show(exporters: Sequence[object], store: Path) -> None:
    """What was traced, where it is, and what to type next."""
    if "local" not in exporters:
        console.print(f"\n\nThe traces went to {', '.join(map(str, exporters))}.")
        return
    console.print("\n\n[bold]What was traced[/]\n")
    llmtrace_command = Path(sysconfig.get_path("scripts"), "llmtrace")
    subprocess.run([llmtrace_command, "show", "--limit", str(len(MIA + TOM))], check=True)
    known = shutil.which("llmtrace") == str(llmtrace_command)
    command = "llmtrace" if known else os.path.relpath(llmtrace_command)
    console.print(f"All of it is in {store}. What to type next:")
    for arguments, purpose in (
        ("show ID", "one trace or call in full, prompt and answer; an id is above"),
        (f"show --conversation mia-{RUN}", "what Mia asked"),
        ("show --error", "what went wrong"),
        ("show --metadata channel=phone", "who called"),
    ):
        console.print(f"  {command} {arguments:<32}{purpose}")


if __name__ == "__main__":
    main()
