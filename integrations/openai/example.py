"""OpenAI, traced: a chat, a stream, a tool call and embeddings. Without a key it talks to a model server of its own."""

from __future__ import annotations

import os
from contextlib import ExitStack

import openai

import llmtrace
from llmtrace.testing import ModelServer

TRACED = {"chat": 4, "embeddings": 1, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Says how the weather is in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def talk(client: openai.OpenAI) -> None:
    """One call of each kind, in one conversation."""
    with llmtrace.conversation("openai-example", user="ada"), llmtrace.workflow("example"):
        asked = [{"role": "user", "content": "Name a bear."}]
        print(client.chat.completions.create(model="gpt-5-mini", messages=asked).choices[0].message.content)
        for chunk in client.chat.completions.create(model="gpt-5-mini", messages=asked, stream=True):
            print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="")
        print()
        question = [{"role": "user", "content": "What is the weather in Oslo?"}]
        answer = client.chat.completions.create(model="gpt-5-mini", messages=question, tools=[TOOL])
        print(answer.choices[0].message.tool_calls)
        print(client.responses.create(model="gpt-5-mini", input="Name a river.").output_text)
        vectors = client.embeddings.create(model="text-embedding-3-small", input=["bear", "river"])
        print(len(vectors.data), "vectors")


def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="openai-example", integrations="openai")
    with ExitStack() as stack:
        if os.environ.get("OPENAI_API_KEY"):
            client = openai.OpenAI()
        else:
            client = openai.OpenAI(base_url=stack.enter_context(ModelServer()).openai_url, api_key="none-needed")
        talk(stack.enter_context(client))
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
