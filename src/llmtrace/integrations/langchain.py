"""LangChain: one callback handler for all runs, put where LangChain itself looks for those that an app did not pass."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from llmtrace.facts.operation import Homed, Hooked, Integration, Point, Runs, Wrapped
from llmtrace.integrations.langchain_handler import handler, is_ours


def _put_on(register: Callable[..., None], runs: Runs) -> Callable[[], None]:
    # Every LangChain module that has this function has imported that one.
    base = sys.modules["langchain_core.callbacks.base"].BaseCallbackHandler
    telling = handler(base, runs)
    # By default, for a thread of the app's sees no variable that was set in another.
    held: ContextVar[Any] = ContextVar("llmtrace-langchain", default=telling)
    register(held, inheritable=True)
    hooks: list[tuple[Any, ...]] = register.__globals__["_configure_hooks"]

    def take_off() -> None:
        hooks[:] = [hook for hook in hooks if hook[0] is not held]

    return take_off


def _all_told(original: Callable[..., Any]) -> Callable[..., Any]:
    """LangChain tells inline handlers alone of this event, if there is one: with ours, it would skip the app's."""

    async def on_llm_start(manager: Any, serialized: Any, prompts: Any, run_id: Any = None, **told: Any) -> Any:
        ours = [each for each in manager.handlers if is_ours(each)]
        if not ours or all(each.run_inline for each in manager.handlers):
            return await original(manager, serialized, prompts, run_id, **told)
        others = copy.copy(manager)
        others.handlers = [each for each in manager.handlers if each not in ours]
        runs = await original(others, serialized, prompts, run_id, **told)
        common = {"parent_run_id": manager.parent_run_id, "tags": manager.tags, "metadata": manager.metadata, **told}
        for run, prompt in zip(runs, prompts, strict=True):
            run.handlers = manager.handlers
            for each in ours:
                each.on_llm_start(serialized, [prompt], run_id=run.run_id, **common)
        return runs

    return on_llm_start


_RUNNABLES = "langchain_core.runnables"
_MODELS = "langchain_core.language_models"
_STREAM = f"{_MODELS}.chat_model_stream"
_MANAGER = "langchain_core.callbacks.manager:AsyncCallbackManager"
_HOMED = {
    f"{_RUNNABLES}.base:Runnable": (
        "_transform_stream_with_config",
        "_atransform_stream_with_config",
        "_batch_with_config",
    ),
    f"{_RUNNABLES}.base:RunnableSequence": ("batch",),
    f"{_RUNNABLES}.branch:RunnableBranch": ("stream", "astream"),
    f"{_RUNNABLES}.fallbacks:RunnableWithFallbacks": ("stream", "astream", "batch"),
    f"{_MODELS}.chat_models:BaseChatModel": ("stream", "astream", "generate", "agenerate"),
    f"{_MODELS}.llms:BaseLLM": ("stream", "astream", "generate", "agenerate"),
    f"{_STREAM}:SyncProjection": ("__iter__", "get"),
    f"{_STREAM}:ChatModelStream": ("__iter__", "_drain"),
    f"{_STREAM}:_AsyncProjectionIterator": ("__anext__",),
    f"{_STREAM}:AsyncProjection": ("_await_impl",),
    f"{_STREAM}:AsyncChatModelStream": ("_await_full", "aclose"),
    "langchain_core.retrievers:BaseRetriever": ("invoke", "ainvoke"),
    "langchain_core.tools.base:BaseTool": ("run", "arun"),
    # These are told of in a task of their own; the one that waits for it must leave what is over, too.
    f"{_MANAGER}ForChainRun": ("on_chain_end", "on_chain_error"),
    f"{_MANAGER}ForLLMRun": ("on_llm_end", "on_llm_error"),
    f"{_MANAGER}ForRetrieverRun": ("on_retriever_end", "on_retriever_error"),
    f"{_MANAGER}ForToolRun": ("on_tool_end", "on_tool_error"),
}

POINTS: dict[str, Point] = {
    "langchain_core.tracers.context:register_configure_hook": Hooked(_put_on),
    f"{_MANAGER}.on_llm_start": Wrapped(_all_told),
    **{f"{owner}.{name}": Homed() for owner, names in _HOMED.items() for name in names},
}

INTEGRATION = Integration(
    name="langchain",
    requires="langchain-core>=0.3.77",
    points=POINTS,
    captures=(
        "chains as a workflow and its named steps, agents of `create_agent`, tools and retrievers",
        "model calls with messages, tools, parameters and usage, which the client's own span bears where it is traced",
    ),
    verified=("a scripted server, sync, async and streamed", "an embedded Qdrant"),
)
