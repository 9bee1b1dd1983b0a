"""LangChain, traced: a chain, a stream, a tool and a retriever. Without a key it talks to a model server of its own."""

from __future__ import annotations

import os
from contextlib import ExitStack

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI

import llmtrace
from llmtrace.testing import ModelServer

TRACED = {"invoke_workflow": 2, "chat": 6, "retrieval": 2, "execute_tool": 1}
"""What ends up in the store: operations, and how many of each at least."""


@tool
def weather(city: str) -> str:
    """Says how the weather is in a city."""
    return f"Sunny in {city}."


def joined(documents: list[Document]) -> str:
    """The texts of what was found."""
    return "\n".join(document.page_content for document in documents)


def talk(model: ChatOpenAI) -> None:
    """One call of each kind, in one conversation."""
    store = InMemoryVectorStore.from_texts(["Bears sleep in dens."], DeterministicFakeEmbedding(size=8))
    prompt = ChatPromptTemplate.from_template("By these notes:\n{notes}\nanswer: {question}")
    notes = {"notes": store.as_retriever() | joined, "question": RunnablePassthrough()}
    chain = (notes | prompt | model | StrOutputParser()).with_config(run_name="ask the notes")
    told = {"metadata": {"thread_id": "langchain-example"}}
    print(chain.invoke("Where do bears sleep?", told))
    print("".join(chain.stream("Where do bears sleep?", told)))
    answer = model.bind_tools([weather]).invoke("What is the weather in Oslo?", told)
    for call in answer.tool_calls:
        print(weather.invoke(call, told).content)


def main() -> None:
    """Traces the calls and says where the trace is."""
    llmtrace.init(service_name="langchain-example", integrations=["langchain", "openai"])
    with ExitStack() as stack:
        if os.environ.get("OPENAI_API_KEY"):
            model = ChatOpenAI(model="gpt-5-mini")
        else:
            url = stack.enter_context(ModelServer()).openai_url
            model = ChatOpenAI(model="gpt-5-mini", base_url=url, api_key="none-needed", stream_usage=True)
        talk(model)
        model.root_client.close()
    llmtrace.shutdown()
    print("Traced. Now: llmtrace show")


if __name__ == "__main__":
    main()
