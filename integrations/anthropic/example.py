"""Anthropic, traced: a message, a stream and a tool call. Without a key it talks to a model server of its own."""

from __future__ import annotations

import os
from contextlib import ExitStack

import anthropic

import llmtrace
from llmtrace.testing import ModelServer

TRACED = {"chat": 3, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""

MODEL = "claude-haiku-4-5"
TOOL = {
    "name": "weather",
    "description": "Says how the weather is in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def talk(client: anthropic.Anthropic) -> None:
    """One call of each kind, in one conversation."""
    with llmtrace.conversation("anthropic-example", user="ada"), llmtrace.workflow("example"):
        asked = [{"role": "user", "content": "Name a bear."}]
        print(client.messages.create(model=MODEL, max_tokens=100, messages=asked).content)
        with client.messages.stream(model=MODEL, max_tokens=100, messages=asked) as stream:
            for text in stream.text_stream:
                print(text, end="")
        print()
        question = [{"role": "user", "content": "What is the weather in Oslo?"}]
        print(client.messages.create(model=MODEL, max_tokens=100, messages=question, tools=[TOOL]).content)
        print(client.messages.count_tokens(model=MODEL, messages=question).input_tokens, "tokens")


def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="anthropic-example", integrations="anthropic")
    with ExitStack() as stack:
        if os.environ.get("ANTHROPIC_API_KEY"):
            client = anthropic.Anthropic()
        else:
            client = anthropic.Anthropic(
                base_url=stack.enter_context(ModelServer()).anthropic_url, api_key="none-needed"
            )
        talk(stack.enter_context(client))
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
