"""LangChain: one callback handler for all runs, put where LangChain itself looks for those that an app did not pass."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from llmtrace.facts.operation import Homed, Hooked, Integration, Point, Runs
from llmtrace.integrations.langchain_handler import handler


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


_RUNNABLES = "langchain_core.runnables"
_MODELS = "langchain_core.language_models"
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
    "langchain_core.retrievers:BaseRetriever": ("invoke", "ainvoke"),
    "langchain_core.tools.base:BaseTool": ("run", "arun"),
    # These are told of in a task of their own; the one that waits for it must leave what is over, too.
    "langchain_core.callbacks.manager:AsyncCallbackManagerForChainRun": ("on_chain_end", "on_chain_error"),
    "langchain_core.callbacks.manager:AsyncCallbackManagerForLLMRun": ("on_llm_end", "on_llm_error"),
    "langchain_core.callbacks.manager:AsyncCallbackManagerForRetrieverRun": ("on_retriever_end", "on_retriever_error"),
    "langchain_core.callbacks.manager:AsyncCallbackManagerForToolRun": ("on_tool_end", "on_tool_error"),
}

POINTS: dict[str, Point] = {
    "langchain_core.tracers.context:register_configure_hook": Hooked(_put_on),
    **{f"{owner}.{name}": Homed() for owner, names in _HOMED.items() for name in names},
}

INTEGRATION = Integration("langchain", requires="langchain-core>=0.3.60", points=POINTS)
