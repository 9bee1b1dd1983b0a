"""OpenAI's client library, and every provider that is reached through it: which request is which call, and whose."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from llmtrace.facts.operation import Integration, Operation
from llmtrace.integrations import stainless
from llmtrace.integrations.openai_chat import CHAT, COMPLETION
from llmtrace.integrations.openai_media import (
    CANCEL_BATCH,
    CREATE_BATCH,
    EMBEDDINGS,
    FETCH_BATCH,
    IMAGE,
    MODERATION,
    SPEECH,
    TRANSCRIPT,
)
from llmtrace.integrations.openai_responses import CANCEL, COMPACT, COUNT_TOKENS, FETCH, RESPONSE

ROUTES: dict[tuple[str, str], Operation] = {
    ("post", "/chat/completions"): CHAT,
    ("post", "/completions"): COMPLETION,
    ("post", "/responses"): RESPONSE,
    ("post", "/responses/compact"): COMPACT,
    ("post", "/responses/input_tokens"): COUNT_TOKENS,
    ("get", "/responses/{id}"): FETCH,
    ("post", "/responses/{id}/cancel"): CANCEL,
    ("post", "/embeddings"): EMBEDDINGS,
    ("post", "/images/generations"): IMAGE,
    ("post", "/images/edits"): IMAGE,
    ("post", "/images/variations"): IMAGE,
    ("post", "/audio/speech"): SPEECH,
    ("post", "/audio/transcriptions"): TRANSCRIPT,
    ("post", "/audio/translations"): TRANSCRIPT,
    ("post", "/moderations"): MODERATION,
    ("post", "/batches"): CREATE_BATCH,
    ("get", "/batches/{id}"): FETCH_BATCH,
    ("post", "/batches/{id}/cancel"): CANCEL_BATCH,
}
"""Method and path → operation. What is not here (files, vector stores, models, fine-tuning …) is left alone."""

PROVIDERS = {
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.openai",
    "groq.com": "groq",
    "deepseek.com": "deepseek",
    "mistral.ai": "mistral_ai",
    "x.ai": "x_ai",
    "perplexity.ai": "perplexity",
    "moonshot.ai": "moonshot_ai",
    "moonshot.cn": "moonshot_ai",
    "cohere.ai": "cohere",
    "cohere.com": "cohere",
    "anthropic.com": "anthropic",
    "together.ai": "together",
    "together.xyz": "together",
    "openrouter.ai": "openrouter",
    "fireworks.ai": "fireworks",
    "cerebras.ai": "cerebras",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
}
"""The end of a host's name → the conventions' name of the provider, or the provider's own where they have none."""

_OLLAMA_PORT = 11434


def route(_: Any, method: str, url: str) -> Operation | None:
    """The operation that a request is, by its method and its path below the base URL."""
    path = "/" + url.partition("?")[0].strip("/")
    segments = path.split("/")
    segments[2:3] = ["{id}"] * len(segments[2:3])
    return ROUTES.get((method, path)) or ROUTES.get((method, "/".join(segments)))


def provider(client: Any) -> str:
    """Whom a client talks to, as far as its class and its host tell."""
    return _provider(client.__class__, client.base_url.host, client.base_url.port)


@lru_cache(maxsize=256)
def _provider(kind: type, host: str, port: int | None) -> str:
    bases = " ".join(base.__name__ for base in kind.__mro__)
    if "AzureOpenAI" in bases:
        return "azure.ai.openai"
    if "BedrockOpenAI" in bases or (host.startswith("bedrock") and host.endswith((".amazonaws.com", ".api.aws"))):
        return "aws.bedrock"
    for end, name in PROVIDERS.items():
        # Vertex puts its region before the name with a hyphen.
        if host.endswith((f".{end}", f"-{end}")) or host == end:
            return name
    return "ollama" if port == _OLLAMA_PORT else "openai"


INTEGRATION = Integration("openai", requires="openai>=1.66", points=stainless.points("openai", route, provider))
