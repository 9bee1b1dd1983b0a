"""The callback handler that tells of LangChain's runs, of the very class that the app's LangChain has for such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmtrace.facts.operation import Operation, Runs, Start
from llmtrace.integrations import langchain_chains as chains
from llmtrace.integrations import langchain_models as models

_ADDED = ("run_id", "parent_run_id", "tags", "metadata", "name")


def handler(base: type, runs: Runs) -> Any:
    """A handler that tells `runs`. `base` is LangChain's own class of handlers."""
    return type("LLMTraceHandler", (_Telling, base), {"_base": base})(runs)


def is_ours(candidate: Any) -> bool:
    """Whether a handler is one of these."""
    return isinstance(candidate, _Telling)


def metadata_of(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata that a run was started with."""
    return told.get("metadata") or {}


class _Telling:
    """What is done on each event. Whatever a version passes besides is let through."""

    run_inline = True
    """Else an async run would call it in another thread, where nothing that it makes current is seen."""
    ignore_retry = ignore_custom_event = True
    _base: type

    def __init__(self, runs: Runs) -> None:
        super().__init__()
        self._runs = runs

    def __copy__(self) -> _Telling:
        return self

    def __deepcopy__(self, _: Any) -> _Telling:
        return self

    def __reduce__(self) -> Any:
        """Elsewhere it tells nobody: another process has its own."""
        return (self._base, ())

    # -- chains and graphs

    def on_chain_start(self, serialized: Any, inputs: Any, **told: Any) -> None:
        metadata = metadata_of(told)
        root = told.get("parent_run_id") is None
        name = told.get("name") or _class_name(serialized)
        start = chains.chain(name, told.get("run_type"), told.get("tags") or (), metadata, root=root)
        if start is not None:
            start = replace(start, request={"inputs": inputs, "told": chains.own(metadata)})
        self._begin(start, told)

    def on_chain_end(self, outputs: Any, **told: Any) -> None:
        self._runs.ended(told["run_id"], {"output": outputs, "inputs": told.get("inputs")})

    def on_chain_error(self, error: BaseException, **told: Any) -> None:
        self._failed(error, told, {"inputs": told.get("inputs")})

    # -- tools

    def on_tool_start(self, serialized: Any, input_str: str, **told: Any) -> None:
        metadata, described = metadata_of(told), serialized or {}
        request = {
            "input": input_str,
            "inputs": told.get("inputs"),
            "call_id": told.get("tool_call_id"),
            "description": described.get("description"),
            "agent": metadata.get("lc_agent_name"),
            "told": chains.own(metadata),
        }
        name = described.get("name") or told.get("name")
        self._begin(_part(chains.TOOL, name, metadata, request), told)

    def on_tool_end(self, output: Any, **told: Any) -> None:
        message = hasattr(output, "tool_call_id") and hasattr(output, "__dict__")
        self._runs.ended(told["run_id"], {"output": {"message": vars(output)} if message else output})

    def on_tool_error(self, error: BaseException, **told: Any) -> None:
        self._failed(error, told)

    # -- retrievers

    def on_retriever_start(self, serialized: Any, query: str, **told: Any) -> None:
        metadata = metadata_of(told)
        request = {"query": query, "told": chains.own(metadata)}
        name = told.get("name") or _class_name(serialized) or ""
        given = None if name.endswith("Retriever") else name  # the class's, where the app gave it none
        self._begin(_part(chains.RETRIEVAL, given, metadata, request), told)

    def on_retriever_end(self, documents: Any, **told: Any) -> None:
        self._runs.ended(told["run_id"], {"documents": [{**vars(each)} for each in documents or ()]})

    def on_retriever_error(self, error: BaseException, **told: Any) -> None:
        self._failed(error, told)

    # -- models

    def on_chat_model_start(self, _: Any, messages: Sequence[Sequence[Any]], **told: Any) -> None:
        self._model(models.CHAT, told, {"messages": [vars(message) for message in messages[0]]})

    def on_llm_start(self, _: Any, prompts: Sequence[str], **told: Any) -> None:
        self._model(models.COMPLETION, told, {"prompts": list(prompts)})

    def on_llm_new_token(self, token: Any, **told: Any) -> None:
        self._runs.heard(told["run_id"], token)

    def on_stream_event(self, _: Any, **told: Any) -> None:
        self._runs.heard(told["run_id"], None)

    def on_llm_end(self, response: Any, **told: Any) -> None:
        self._runs.ended(told["run_id"], models.generated(response))

    def on_llm_error(self, error: BaseException, **told: Any) -> None:
        self._failed(error, told, models.generated(told.get("response")))

    def _model(self, operation: Operation, told: Mapping[str, Any], asked: dict[str, Any]) -> None:
        metadata, params = metadata_of(told), told.get("invocation_params") or {}
        model = models.model({**metadata}, params)
        start = Start(
            operation,
            provider=models.provider({**metadata}),
            model=model,
            target=model,
            conversation_id=chains.conversation(metadata),
            request={**asked, "params": params, "metadata": metadata, "told": chains.own(metadata)},
        )
        self._begin(start, told)

    # -- all of them

    def _begin(self, start: Start | None, told: Mapping[str, Any]) -> None:
        self._runs.begun(told["run_id"], start, told.get("parent_run_id"))

    def _failed(self, error: BaseException, told: Mapping[str, Any], result: Any = None) -> None:
        # A graph that waits for an answer, or goes on elsewhere, leaves by an exception.
        if any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__):
            self._runs.ended(told["run_id"], result)
        else:
            self._runs.failed(told["run_id"], error, result)


def _part(operation: Operation, name: str | None, metadata: Mapping[str, Any], request: Any) -> Start:
    return Start(operation, target=name, conversation_id=chains.conversation(metadata), request=request)


def _class_name(serialized: Any) -> str | None:
    """The name of the class of what runs, as LangChain before 1.0 says it."""
    said = serialized if isinstance(serialized, dict) else {}
    path = said.get("id") or [None]
    name = said.get("name") or path[-1]
    return name if isinstance(name, str) else None
