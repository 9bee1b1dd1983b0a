"""Google GenAI, traced: an answer, a stream, a chat with a tool, and embeddings. Without a key it talks to itself."""

import os
from contextlib import ExitStack

from google import genai

import llmtrace
from llmtrace.testing import ModelServer

TRACED = {"generate_content": 4, "execute_tool": 1, "embeddings": 1, "invoke_workflow": 1}
"""What ends up in the store: operations, and how many of each at least."""

MODEL = "gemini-2.5-flash"


def weather(city: str) -> str:
    """Says how the weather is in a city."""
    return f"It is sunny in {city}."


def talk(client: genai.Client) -> None:
    """One call of each kind, in one conversation."""
    with llmtrace.conversation("google-genai-example", user="ada"), llmtrace.workflow("example"):
        print(client.models.generate_content(model=MODEL, contents="Name a bear.").text)
        for chunk in client.models.generate_content_stream(model=MODEL, contents="Name a bear."):
            print(chunk.text or "", end="")
        print()
        chat = client.chats.create(model=MODEL, config={"tools": [weather]})
        print(chat.send_message("What is the weather in Oslo?").text)
        vectors = client.models.embed_content(model="gemini-embedding-001", contents=["bear", "river"])
        print(len(vectors.embeddings or ()), "vectors")


def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="google-genai-example", integrations="google-genai")
    with ExitStack() as stack:
        if os.environ.get("GEMINI_API_KEY"):
            client = genai.Client()
        else:
            url = stack.enter_context(ModelServer()).gemini_url
            client = genai.Client(api_key="none-needed", http_options={"base_url": url})
        talk(stack.enter_context(client))
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
