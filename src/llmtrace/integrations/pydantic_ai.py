"""Pydantic AI, which traces itself once it is asked to: agents, model requests, tools and embeddings."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

from llmtrace.facts import spoken
from llmtrace.facts.operation import Foreign, Hooked, Integration, Runs
from llmtrace.facts.records import AgentRun, Embedding, Inference, Json, Record, Step, ToolCall
from llmtrace.facts.shape import integer

SCOPE = "pydantic-ai"

PROVIDERS = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "google": "gcp.gemini",
    "google-cloud": "gcp.vertex_ai",
    "google-gla": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "grok": "x_ai",
    "mistral": "mistral_ai",
    "moonshotai": "moonshot_ai",
    "xai": "x_ai",
}
"""Its name of a provider, where the conventions have another."""

_REASONS = {"tool_call": "tool_calls"}

_REPEATED = (
    "agent_name",
    "all_messages_events",
    "embedding_settings",
    "embeddings",
    "events",
    "logfire.json_schema",
    "logfire.msg",
    "model_name",
    "model_request_parameters",
    "operation.cost",
)
"""What says once more, for its own backend, what is on the span already."""


def read(foreign: Foreign) -> Record | None:
    """The facts of one of its spans."""
    take = foreign.attributes.pop
    for name in _REPEATED:
        take(name, None)
    record = Step(name=foreign.name) if foreign.name == "running tools" else foreign.record
    if isinstance(record, Inference):
        record.finish_reasons = [_REASONS.get(reason, reason) for reason in record.finish_reasons]
    elif isinstance(record, Embedding):
        record.input_texts = [said for said in _list(take("inputs", None)) if isinstance(said, str)]
        record.vector_count = integer(take("inputs_count", None))
    elif isinstance(record, ToolCall):
        record.arguments = _first(record.arguments, take("tool_arguments", None))
        record.result = _first(record.result, take("tool_response", None))
    elif isinstance(record, AgentRun):
        said = spoken.messages(take("pydantic_ai.all_messages", None))
        record.input = record.input or spoken.prose(said, "user")
        record.output = _first(record.output, take("final_result", None))
    if record is not None and record.provider is not None:
        record.provider = PROVIDERS.get(record.provider, record.provider)
    return record


def _list(value: Json) -> list[Json]:
    found = spoken.document(value)
    return found if isinstance(found, list) else []


def _first(known: Json, said: Json) -> Json:
    return spoken.document(said) if known is None else known


def ask(agent: Any, runs: Runs) -> Callable[[], None]:
    """Asks it to trace all agents that say nothing else, in its newest format; gives what takes that back."""
    settings: Any = sys.modules[agent.__module__].InstrumentationSettings
    before = agent._instrument_default
    if before or runs.tracer_provider is None:  # the app asked for it already, and said where to
        return lambda: None
    fields = settings.__dataclass_fields__
    wanted = {
        "version": max(map(int, re.findall(r"\d+", str(fields["version"].type))), default=1),
        "include_content": runs.content,
        "include_model_request_parameters": False,
    }
    ours = settings(
        tracer_provider=runs.tracer_provider,
        meter_provider=runs.meter_provider,
        **{name: value for name, value in wanted.items() if name in fields},
    )
    agent.instrument_all(ours)

    def take_back() -> None:
        if agent._instrument_default is ours:
            agent.instrument_all(before)

    return take_back


INTEGRATION = Integration(
    "pydantic-ai",
    requires="pydantic-ai-slim>=1.40",
    points={"pydantic_ai.agent:Agent": Hooked(ask)},
    spans={SCOPE: read},
    captures=("agent runs", "model requests", "tool calls", "output functions", "embeddings"),
    verified=("scripted server", "the library's test models"),
)
