"""Which of LangChain's runs are the app's own parts, what each is called, and what it was given and gave back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmtrace.facts.operation import Evidence, Operation, Start
from llmtrace.facts.records import AgentRun, Document, Failure, Json, Record, Retrieval, Step, ToolCall
from llmtrace.facts.shape import decoded, integer, mapping, mappings, number, text
from llmtrace.integrations.openai_parts import Body

_HIDDEN = "langsmith:hidden"
_NODE = "graph:step:"
_FIRST, _PART = "seq:step:1", "seq:step:"
_PLUMBING = ("prompt", "parser")
"""The types of runs that only bring values into another form."""

_UNNAMED = ("Runnable", "Channel", "Branch<", "LangGraph", "Prompt", "PregelNode", "_", "<lambda>")
"""How the names begin that LangChain and LangGraph give what the app gave none."""

_OWN = ("call_model", "check_sync_or_async", "insert_history", "load_history")
"""What the functions are called that LangChain itself puts into chains with a history and into its agent."""

_TECHNICAL = (
    "checkpoint",
    "langgraph_",
    "lc_",
    "ls_",
    "thread_id",
    "session_id",
    "conversation_id",
    "__pregel",
    "versions",
)
"""How the names of metadata begin that are the library's own or said elsewhere."""


def named(name: str) -> bool:
    """Whether the app gave the name, or at least wrote the function that has it."""
    return bool(name) and not name.startswith(_UNNAMED) and name not in _OWN


def chain(
    name: str | None, kind: str | None, tags: Sequence[str], metadata: Mapping[str, Any], *, root: bool
) -> Start | None:
    """How the run of a chain or graph is shown; None where it is only how the library gets from one part to another."""
    name = name or ""
    if _HIDDEN in tags or kind in _PLUMBING or name.startswith("__"):
        return None
    if any(tag.startswith(_NODE) for tag in tags) or _task(name, metadata):
        return _start(STEP, name, metadata)
    agent = metadata.get("ls_integration") == "langchain_create_agent"
    if agent and name in ("LangGraph", metadata.get("lc_agent_name")):
        return _start(AGENT, name, metadata)
    if root:
        return _start(WORKFLOW, name, metadata)
    inside = metadata.get("langgraph_node")
    # In a node, what follows its first part, which the node's function is or calls, are writes and edges' conditions.
    part = inside is not None and any(tag.startswith(_PART) and tag != _FIRST for tag in tags)
    return _start(CHAIN, name, metadata) if named(name) and not part and name != inside else None


def _task(name: str, metadata: Mapping[str, Any]) -> bool:
    """Whether it is a `@task` of LangGraph's, which is a node that a function of the app's called."""
    path = metadata.get("langgraph_path")
    return name == metadata.get("langgraph_node") and isinstance(path, tuple | list) and path[-1:] in ((True,), [True])


def _start(operation: Operation, name: str, metadata: Mapping[str, Any]) -> Start:
    return Start(operation, target=name if named(name) else None, conversation_id=conversation(metadata))


def conversation(metadata: Mapping[str, Any]) -> str | None:
    """The conversation: LangGraph's thread, or what LangSmith takes for one."""
    said = (metadata.get(key) for key in ("thread_id", "session_id", "conversation_id"))
    return next((str(each) for each in said if isinstance(each, str | int) and str(each)), None)


def own(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata that the app gave itself."""
    return {key: value for key, value in metadata.items() if not str(key).startswith(_TECHNICAL)}


def _given(evidence: Evidence) -> tuple[Body, Body]:
    return mapping(evidence.request), mapping(evidence.response.body) if evidence.response else {}


def _input(asked: Body, answer: Body) -> Json:
    """A stream's input is whole only when its output is."""
    return answer.get("inputs") if answer.get("inputs") is not None else asked.get("inputs")


def _step(kind: str) -> Any:
    def read(evidence: Evidence) -> Record:
        asked, answer = _given(evidence)
        return Step(
            operation=evidence.start.operation.name,
            kind=kind,
            name=evidence.start.target or "",
            input=_input(asked, answer),
            output=answer.get("output"),
            metadata=mapping(asked.get("told")),
        )

    return read


def _agent(evidence: Evidence) -> Record:
    asked, answer = _given(evidence)
    return AgentRun(
        name=evidence.start.target,
        input=_input(asked, answer),
        output=answer.get("output"),
        metadata=mapping(asked.get("told")),
    )


def _tool(evidence: Evidence) -> Record:
    asked, answer = _given(evidence)
    output = answer.get("output")
    said = mapping(mapping(output).get("message"))
    content = decoded(said.get("content")) if said else output
    failed = said.get("status") == "error"
    arguments = asked.get("inputs")
    return ToolCall(
        name=evidence.start.target or "",
        description=text(asked.get("description")),
        call_id=text(asked.get("call_id")) or text(said.get("tool_call_id")),
        agent_name=text(asked.get("agent")),
        arguments=arguments if isinstance(arguments, dict) else decoded(text(asked.get("input"))),
        result=content,
        failure=Failure("tool_error", text(content) or "") if failed else None,
        metadata=mapping(asked.get("told")),
    )


def _retrieval(evidence: Evidence) -> Record:
    asked, answer = _given(evidence)
    found = [_document(raw) for raw in mappings(answer.get("documents"))]
    return Retrieval(
        name=evidence.start.target,
        query=asked.get("query"),
        top_k=integer(asked.get("top_k")),
        documents=found,
        document_count=len(found) if "documents" in answer else None,
        metadata=mapping(asked.get("told")),
    )


def _document(raw: Body) -> Document:
    metadata = mapping(raw.get("metadata"))
    score = next((metadata[key] for key in ("score", "_score", "relevance_score") if key in metadata), None)
    held = text(raw.get("id")) or text(metadata.get("_id")) or text(metadata.get("id"))
    return Document(held, number(score), text(raw.get("page_content")), metadata or None)


WORKFLOW = Operation("invoke_workflow", _step("workflow"), kind="internal", step=True)
CHAIN = Operation("step", _step("chain"), kind="internal", step=True)
STEP = Operation("step", _step("step"), kind="internal", step=True)
AGENT = Operation("invoke_agent", _agent, kind="internal", step=True)
TOOL = Operation("execute_tool", _tool, kind="internal", step=True)
RETRIEVAL = Operation("retrieval", _retrieval, kind="internal", step=True)
