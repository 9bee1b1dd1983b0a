"""OpenAI's client library, and every provider that is reached through it: which request is which call, and whose."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from llmtrace.facts.operation import Integration, Operation
from llmtrace.integrations import openai_media as media
from llmtrace.integrations import stainless
from llmtrace.integrations.hosts import provider_at
from llmtrace.integrations.openai_chat import CHAT, COMPLETION
from llmtrace.integrations.openai_responses import FETCH, RESPONSE

ROUTES: dict[tuple[str, str], Operation] = {
    ("post", "/chat/completions"): CHAT,
    ("post", "/completions"): COMPLETION,
    ("post", "/responses"): RESPONSE,
    ("post", "/responses/compact"): RESPONSE,
    ("post", "/responses/input_tokens"): media.COUNT_TOKENS,
    ("get", "/responses/{id}"): FETCH,
    ("post", "/responses/{id}/cancel"): media.CANCEL_RESPONSE,
    ("post", "/embeddings"): media.EMBEDDINGS,
    ("post", "/images/generations"): media.IMAGE,
    ("post", "/images/edits"): media.IMAGE,
    ("post", "/images/variations"): media.IMAGE,
    ("post", "/audio/speech"): media.SPEECH,
    ("post", "/audio/transcriptions"): media.TRANSCRIPT,
    ("post", "/audio/translations"): media.TRANSCRIPT,
    ("post", "/decisions"): media.DECISION,
    ("post", "/moderations"): media.MODERATION,
    ("post", "/batches"): media.CREATE_BATCH,
    ("get", "/batches/{id}"): media.RETRIEVE_BATCH,
    ("post", "/batches/{id}/cancel"): media.CANCEL_BATCH,
}
"""Method and path → operation. What is not here (files, vector stores, models, fine-tuning …) is left alone."""

CLASSES = {"AzureOpenAI": "azure.ai.openai", "BedrockOpenAI": "aws.bedrock"}
"""The end of a client class's name → the provider it is for, whatever the host."""


def route(_client: Any, method: str, url: str) -> Operation | None:
    """The operation that a request is, by its method and its path below the base URL."""
    path = "/" + url.partition("?")[0].strip("/")
    segments = path.split("/")
    segments[2:3] = ["{id}"] * len(segments[2:3])
    return ROUTES.get((method, path)) or ROUTES.get((method, "/".join(segments)))


def provider(client: Any) -> str:
    """Whom a client talks to, as far as its class and its host tell; who cannot be told speaks as OpenAI does."""
    url = client.base_url
    return _provider(client.__class__, url.host, url.port)


@lru_cache(maxsize=256)
def _provider(kind: type, host: str, port: int | None) -> str:
    for base in kind.__mro__:
        if found := CLASSES.get(base.__name__.removeprefix("Async")):
            return found
    return provider_at(host, port) or "openai"


INTEGRATION = Integration(
    "openai",
    requires="openai>=2",
    points=stainless.points("openai", route, provider),
    captures=(
        "chat completions",
        "responses",
        "completions",
        "embeddings",
        "images",
        "audio",
        "decisions",
        "moderations",
        "token counts",
        "batches",
        "Azure and any base_url",
    ),
    verified=("recorded answers of real providers", "local model server"),
)
