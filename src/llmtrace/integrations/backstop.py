"""The backstop under all HTTP clients: which request is a call of a model, whoever sends it.

A transport hands over where a request goes, and gets what begins there. Nothing is looked at but the host's name and
the path, which are looked up once each; any other request costs its caller two look-ups.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from llmtrace.facts.operation import Evidence, Operation, Start
from llmtrace.facts.records import Embedding, Inference, Json, Record, Rerank
from llmtrace.facts.shape import text
from llmtrace.facts.wire import reader
from llmtrace.integrations import anthropic, openai
from llmtrace.integrations.hosts import provider_at

Hosts = frozenset[str]
"""Hosts of the app's own at which models answer, each as `name` or `name:port`."""


def _named(make: Callable[..., Record]) -> Callable[[Evidence], Record]:
    """The reader of an API whose body nobody reads here: it says which model was asked for, and what went wrong."""

    def request(evidence: Evidence, body: dict[str, Json]) -> Record:
        return make(operation=evidence.start.operation.name, request_model=text(body.get("model")))

    return reader(request, lambda *_: None, lambda _: ({}, None))


_CHAT = Operation("chat", _named(Inference), bears_usage=True)
_GENERATE = Operation("generate_content", _named(Inference), bears_usage=True)
_COMPLETE = Operation("text_completion", _named(Inference), bears_usage=True)
_EMBED = Operation("embeddings", _named(Embedding), bears_usage=True)
_RERANK = Operation("rerank", _named(Rerank), bears_usage=True)
_MESSAGES = anthropic.ROUTES["post", "/v1/messages"]

_MODEL = r"/(?:models|endpoints)/(?P<model>[^/:]+)"
_BEDROCK = r"^/model/(?P<model>[^/]+)"

PATHS: tuple[tuple[str, str, Operation], ...] = (
    ("", r"/v1/messages$", _MESSAGES),
    ("anthropic", r"/v1/complete$", anthropic.ROUTES["post", "/v1/complete"]),
    ("gcp.vertex_ai", r"/publishers/anthropic" + _MODEL + r":(?:r|streamR)awPredict$", _MESSAGES),
    ("gcp", _MODEL + r":(?:g|streamG)enerateContent$", _GENERATE),
    ("gcp", _MODEL + r":(?:embedContent|batchEmbedContents)$", _EMBED),
    ("gcp.vertex_ai", _MODEL + r":(?:p|rawP|streamRawP)redict$", _GENERATE),
    ("aws.bedrock", _BEDROCK + r"/(?:converse|converse-stream)$", _CHAT),
    ("aws.bedrock", _BEDROCK + r"/(?:invoke|invoke-with-response-stream)$", _GENERATE),
    ("cohere", r"^/v[12]/chat$", _CHAT),
    ("cohere", r"^/v1/generate$", _COMPLETE),
    ("cohere", r"^/v[12]/embed$", _EMBED),
    ("", r"^/v[12]/rerank$", _RERANK),
    ("ollama", r"^/api/chat$", _CHAT),
    ("ollama", r"^/api/generate$", _COMPLETE),
    ("ollama", r"^/api/(?:embed|embeddings)$", _EMBED),
    *(
        ("", re.escape(path) + "$", operation)
        for (method, path), operation in openai.ROUTES.items()
        if method == "post" and operation.bears_usage and "{" not in path
    ),
)
"""How the provider's name begins ("" for all), what its path matches → the operation. The first match counts."""

SPEAKERS = {_MESSAGES: "anthropic"}
"""Whose protocol an operation is, where the host does not tell whom it belongs to; all others are OpenAI's."""


class Backstop:
    """Looks at where requests go, with the app's own hosts among the known ones."""

    def __init__(self, hosts: Hosts = frozenset()) -> None:
        @lru_cache(maxsize=1024)
        def known(host: str, port: int | None) -> str | None:
            return provider_at(host, port) or ("" if hosts & {host, f"{host}:{port}"} else None)

        self.known = known
        """(host, port) → who provides models there: empty for a host of the app's own, None for any other."""

    def start(self, host: str, port: int | None, path: str, body: Any) -> Start | None:
        """What a POST to a path of a known host begins. `body` is bytes, or what is still to be encoded."""
        whose = self.known(host, port)
        found = None if whose is None else _operation(whose, path)
        if found is None:
            return None
        operation, model = found
        return Start(
            operation=operation,
            provider=whose or SPEAKERS.get(operation, "openai"),
            model=model,
            address=host,
            port=port,
            target=model,
            request=body,
            wire=True,
        )


@lru_cache(maxsize=1024)
def _operation(provider: str, path: str) -> tuple[Operation, str | None] | None:
    for whose, pattern, operation in PATHS:
        if provider.startswith(whose) and (found := re.search(pattern, path)):
            return operation, unquote(found.groupdict().get("model") or "") or None
    return None
