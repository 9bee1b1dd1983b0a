"""Strands Agents, which traces itself: agents, cycles of their loop, model calls, tools and memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from llmtrace.facts import records, spoken
from llmtrace.facts.operation import Foreign, Hooked, Integration, Runs
from llmtrace.facts.records import AgentRun, Inference, Json, Message, Part, Record, Retrieval, Step, ToolCall
from llmtrace.facts.shape import mapping, mappings, text
from llmtrace.integrations.bedrock_blocks import parts
from llmtrace.integrations.bedrock_converse import FINISH

SCOPE = "strands.telemetry.tracer"

_ROLE = re.compile(r"\.(\w+)\.message$")
_TEAMS = ("invoke_swarm", "invoke_graph")


def read(foreign: Foreign) -> Record | None:
    """The facts of one of its spans."""
    record = _RECORDS[foreign.name](foreign) if foreign.name in _RECORDS else foreign.record
    if isinstance(record, Inference):
        _inference(record, foreign)
    elif isinstance(record, AgentRun):
        record.input = record.input or spoken.prose(_asked(foreign), "user")
        record.output = record.output or _answer(foreign)
    elif isinstance(record, ToolCall):
        record.arguments = _first(record.arguments, _said(foreign, "content"))
        record.result = _result(_first(record.result, _said(foreign, "message")))
        if record.failure is not None:
            record.failure.message = text(record.result) or ""
    if record is not None:
        record.provider = None  # it names itself, and has no word for whose model it is
    foreign.attributes.pop("system_prompt", None)  # older versions put it on agents
    return record


def _inference(record: Inference, foreign: Foreign) -> None:
    asked = _asked(foreign)
    record.system_instructions = record.system_instructions or [
        part for message in asked if message.role == "system" for part in message.parts
    ]
    record.input_messages = record.input_messages or [message for message in asked if message.role != "system"]
    for said in _events(foreign, "choice"):
        record.output_messages.append(Message("assistant", _parts(spoken.document(said.get("message")))))
        record.finish_reasons.append(text(said.get("finish_reason")) or "")
    record.finish_reasons = [FINISH.get(reason, reason) for reason in record.finish_reasons if reason]


def _asked(foreign: Foreign) -> list[Message]:
    """The messages that are events of their own, as the older conventions have them."""
    return [
        Message(role[1], _parts(spoken.document(said.get("content"))))
        for name, said in foreign.events
        if (role := _ROLE.search(name))
    ]


def _events(foreign: Foreign, end: str) -> Iterator[Any]:
    return (said for name, said in foreign.events if name.endswith(f".{end}"))


def _said(foreign: Foreign, name: str) -> Json:
    """What an event holds under a name, the last to hold anything."""
    return next((spoken.document(said[name]) for _, said in reversed(foreign.events) if said.get(name)), None)


def _answer(foreign: Foreign) -> str | None:
    return text(_said(foreign, "message"))


def _result(blocks: Json) -> Json:
    """A tool's result out of its blocks; a single one is that itself."""
    said = [block.get("text", block.get("json", block)) for block in mappings(blocks)]
    return (said[0] if len(said) == 1 else said) if said else blocks


def _first(known: Json, said: Json) -> Json:
    return said if known is None else known


def _parts(content: Json) -> list[Part]:
    """Content as the Converse API has it."""
    return [records.TextPart(content)] if isinstance(content, str) else parts(content)


def _cycle(foreign: Foreign) -> Record:
    return Step(name=foreign.name)


def _team(foreign: Foreign) -> Record:
    name = foreign.name.partition("_")[2]
    asked = spoken.prose(_asked(foreign), "user")
    return Step(operation="invoke_workflow", kind="workflow", name=name, input=asked, output=_answer(foreign))


def _search(foreign: Foreign) -> Record:
    found = [
        records.Document(text=text(entry.get("content")), metadata=mapping(entry.get("metadata")) or None)
        for name, said in foreign.events
        if name == "memory.results"
        for entry in mappings(spoken.document(said.get("content")))
    ]
    asked = next((text(said.get("content")) for name, said in foreign.events if name == "memory.query"), None)
    most = foreign.attributes.pop("memory.max_search_results", None)
    return Retrieval(name=foreign.name, query=asked, top_k=most, documents=found, document_count=len(found))


_RECORDS: dict[str, Callable[[Foreign], Record | None]] = {
    "execute_event_loop_cycle": _cycle,
    "memory.search": _search,
    **dict.fromkeys(_TEAMS, _team),
}
"""What its spans are that the conventions have no operation for, by name."""


def here(tracer: Any, runs: Runs) -> Callable[[], None]:
    """Lets it make its spans where llmtrace makes its own, unless the app gave it another place; gives what ends that.

    It takes the global provider when its first agent is made, and where there is none its spans would be nothing.
    """

    def chosen(this: Any) -> Any:
        own, provider = vars(this).get("tracer"), runs.tracer_provider
        if provider is None or type(own).__name__ not in _NOWHERE:
            return own
        return provider.get_tracer(SCOPE)

    def choose(this: Any, given: Any) -> None:
        vars(this)["tracer"] = given

    tracer.tracer = property(chosen, choose)

    def take_off() -> None:
        del tracer.tracer

    return take_off


_NOWHERE = ("NoOpTracer", "ProxyTracer")
"""The tracers of an app that has no global provider."""

INTEGRATION = Integration(
    "strands-agents",
    requires="strands-agents>=1.10",
    points={"strands.telemetry.tracer:Tracer": Hooked(here)},
    spans={SCOPE: read},
    captures=("agent runs", "loop cycles", "model calls", "tool calls", "swarms and graphs", "memory searches"),
    verified=("scripted server",),
)
