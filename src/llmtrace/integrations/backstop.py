"""The backstop under all HTTP clients: which request is a call of a model, whoever sends it.

A transport says where a request goes, and is told what begins there. Only the host's name is looked up for a request
that goes anywhere else. How the bodies are read is loaded for those who want spans, not for those who count.
"""

from __future__ import annotations

import importlib
import re
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from llmtrace.facts.operation import Evidence, Operation, Start
from llmtrace.facts.records import Record
from llmtrace.integrations.hosts import provider_at

Hosts = frozenset[str]
"""Hosts of the app's own at which models answer, each as `name` or `name:port`."""

_MODEL = r"/(?P<model>[^/:]+)"
_GOOGLE = rf"/(?:models|tunedModels|endpoints){_MODEL}"
_BEDROCK = rf"^/model{_MODEL.replace(':', '')}"

PATHS = (
    ("", r"/chat/completions$", "chat", "openai.chat"),
    ("", r"/completions$", "text_completion", "openai.completion"),
    ("", r"/responses(?:/compact)?$", "chat", "openai.responses"),
    ("", r"/embeddings$", "embeddings", "openai.embeddings"),
    ("", r"/images/(?:generations|edits|variations)$", "generate_content", "openai.image"),
    ("", r"/audio/speech$", "generate_content", "openai.speech"),
    ("", r"/audio/(?:transcriptions|translations)$", "generate_content", "openai.transcript"),
    ("", r"/v1/messages$", "chat", "anthropic.messages"),
    ("anthropic", r"/v1/complete$", "text_completion", "anthropic.complete"),
    ("gcp.vertex_ai", rf"/publishers/anthropic/models{_MODEL}:(?:r|streamR)awPredict$", "chat", "anthropic.messages"),
    ("gcp", rf"{_GOOGLE}:generateContent$", "generate_content", "google.generate"),
    ("gcp", rf"{_GOOGLE}:streamGenerateContent$", "generate_content", "google.stream"),
    ("gcp", rf"{_GOOGLE}:(?:embedContent|batchEmbedContents)$", "embeddings", "google.embed"),
    ("gcp.vertex_ai", r"/models/(?P<model>[^/:]*embedding[^/:]*):predict$", "embeddings", "google.embed"),
    ("gcp.vertex_ai", rf"{_GOOGLE}:predict$", "generate_content", "google.predict"),
    ("gcp.gemini", r"/interactions$", "generate_content", "google.interaction"),
    ("aws.bedrock", rf"{_BEDROCK}/converse$", "chat", "bedrock.converse"),
    ("aws.bedrock", rf"{_BEDROCK}/converse-stream$", "chat", "bedrock.converse_stream"),
    ("aws.bedrock", rf"{_BEDROCK}/invoke$", "chat", "bedrock.invoke"),
    ("aws.bedrock", rf"{_BEDROCK}/invoke-with-response-stream$", "chat", "bedrock.invoke_stream"),
    ("cohere", r"^/v[12]/chat$", "chat", "other.chat"),
    ("cohere", r"^/v1/generate$", "text_completion", "other.completion"),
    ("cohere", r"^/v[12]/embed$", "embeddings", "other.embed"),
    ("", r"^/v[12]/rerank$", "rerank", "other.rerank"),
    ("ollama", r"^/api/chat$", "chat", "other.chat"),
    ("ollama", r"^/api/generate$", "text_completion", "other.completion"),
    ("ollama", r"^/api/(?:embed|embeddings)$", "embeddings", "other.embed"),
)
"""How the provider's name begins ("" for all) and what the path matches → the operation's name, and whose words the
bodies are in. The first match counts."""


def _unread(evidence: Evidence) -> Record:
    return Record(operation=evidence.start.operation.name)


SPEAKERS = {"google": "gcp.gen_ai", "bedrock": "aws.bedrock"}
"""Whose words → the conventions' name of the provider, where that is another and the host does not tell."""


class Called(NamedTuple):
    """What a path is for: the operation's name, whose words are spoken there, the model in it, and the provider."""

    name: str
    words: str
    model: str | None
    provider: str | None


@lru_cache(maxsize=1024)
def called(provider: str, path: str) -> Called | None:
    """What a path of a provider's is for; at a host of the app's own any provider's words may be spoken."""
    for whose, pattern, name, words in PATHS:
        if (not provider or provider.startswith(whose)) and (found := re.search(pattern, path)):
            vendor = words.partition(".")[0]
            spoken = SPEAKERS.get(vendor, whose or (None if vendor == "other" else vendor))
            return Called(name, words, unquote(found.groupdict().get("model") or "") or None, provider or spoken)
    return None


class Backstop:
    """Knows the hosts, the app's own among them. `reads` says whether the bodies are to be read."""

    def __init__(self, hosts: Hosts = frozenset(), *, reads: bool = False) -> None:
        @lru_cache(maxsize=1024)
        def known(host: str, port: int | None) -> str | None:
            return provider_at(host, port) or ("" if hosts & {host, f"{host}:{port}"} else None)

        self.known = known
        """(host, port) → who provides models there: empty for a host of the app's own, None for any other."""
        self._readers: Any = importlib.import_module("llmtrace.integrations.backstop_readers") if reads else None

    def start(self, host: str, port: int | None, path: str, body: Any) -> Start | None:
        """What a POST to a path of a known host begins. `body` is bytes, or what is still to be encoded."""
        whose = self.known(host, port)
        found = None if whose is None else called(whose, path)
        if found is None:
            return None
        read = None if self._readers is None else self._readers.operation(found.words, found.model or "")
        return Start(
            operation=read or Operation(found.name, _unread, bears_usage=True),
            provider=found.provider,
            model=found.model,
            address=host,
            port=port,
            target=found.model,
            request=body,
            wire=True,
        )
