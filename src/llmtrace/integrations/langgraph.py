"""LangGraph, whose runs are told of by LangChain's callbacks: its generators keep what is current to themselves."""

from __future__ import annotations

from llmtrace.facts.operation import Homed, Integration, Point

_PLACES = ("langgraph.pregel.main:Pregel", "langgraph._internal._runnable:RunnableSeq")

POINTS: dict[str, Point] = {f"{owner}.{name}": Homed() for owner in _PLACES for name in ("stream", "astream")}

INTEGRATION = Integration(
    name="langgraph",
    requires="langgraph>=0.6",
    points=POINTS,
    captures=("graphs as workflows, nodes and tasks as steps, by LangChain's callbacks", "the thread as conversation"),
    verified=("a scripted server, sync, async and streamed",),
)
