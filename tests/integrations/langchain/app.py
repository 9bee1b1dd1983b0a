"""A small app on LangGraph: a helpdesk that plans with OpenAI's client, and whose agent searches notes and a gauge."""

import operator
from typing import Annotated, Any, TypedDict

from langchain.agents import create_agent
from langchain_core.embeddings import Embeddings
from langchain_core.tools import ToolException, create_retriever_tool, tool
from langchain_qdrant import QdrantVectorStore
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

import llmtrace
from tests.integrations.agents import ERROR, NOTE, SYSTEM


class Lengths(Embeddings):
    """Vectors of what a text's length is even or odd: enough to find the one note."""

    def embed_documents(self, texts):
        """One vector each."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        """The vector of one text."""
        return [1.0, float(len(text) % 2)]


class State(TypedDict):
    """The talk, as the graph hands it from node to node."""

    messages: Annotated[list[Any], operator.add]


@tool
def wind(place: str) -> str:
    """Asks the gauge of a place for the wind."""
    raise ToolException(ERROR)


wind.handle_tool_error = True


def helpdesk(model, client):
    """The graph, compiled; `model` is LangChain's, `client` is OpenAI's own."""
    store = QdrantVectorStore.from_texts([NOTE], Lengths(), location=":memory:", collection_name="notes")
    search = create_retriever_tool(store.as_retriever(search_kwargs={"k": 1}), "search", "Searches the notes.")
    agent = create_agent(model, [search, wind], system_prompt=SYSTEM, name="assistant")

    def plan(_):
        with llmtrace.step("draft"):
            asked = [{"role": "user", "content": "Make a plan."}]
            client.chat.completions.create(model="gpt-5-mini", messages=asked)
        return {"messages": []}

    graph = StateGraph(State)
    graph.add_node("plan", plan)
    graph.add_node("answer", agent)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "answer")
    return graph.compile(name="helpdesk", checkpointer=InMemorySaver())
