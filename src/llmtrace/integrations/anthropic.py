"""Anthropic's client library: messages, completions, token counts and batches, on every platform it knows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from llmtrace.facts.operation import Evidence, Integration, Operation, Silenced
from llmtrace.facts.records import Json, ProviderRequest
from llmtrace.facts.shape import integer, items, mapping, mappings, text
from llmtrace.facts.wire import Event, reader
from llmtrace.integrations import anthropic_messages, stainless
from llmtrace.integrations.anthropic_blocks import message
from llmtrace.integrations.hosts import provider_at

BATCHES = "/v1/messages/batches"

PLATFORMS = {"anthropic.lib.bedrock": "aws.bedrock", "anthropic.lib.vertex": "gcp.vertex_ai"}
"""Module of a client class → provider. Microsoft Foundry, Claude Platform on AWS and Google Cloud are Anthropic's own
service behind another front door, with its model names and accounting; the library's own tracing says so, too."""

SPEAKERS = frozenset({"aws.bedrock", "deepseek", "moonshot_ai", "openrouter"})
"""The providers that speak Anthropic's protocol at hosts of their own."""


def _request(evidence: Evidence, body: dict[str, Json]) -> ProviderRequest:
    entries = items(body.get("requests"))
    return ProviderRequest(
        operation=evidence.start.operation.name,
        request_model=text(body.get("model")),
        input_messages=[message(raw) for raw in mappings(body.get("messages"))],
        counts={"requests": len(entries)} if entries else {},
    )


def _response(record: ProviderRequest, body: dict[str, Json]) -> None:
    record.response_id = text(body.get("id"))
    record.response_status = text(body.get("processing_status"))
    told = {"input_tokens": body.get("input_tokens"), **mapping(body.get("request_counts"))}
    record.counts |= {key: count for key, value in told.items() if (count := integer(value)) is not None}


def _results(events: Iterable[Event]) -> tuple[dict[str, Json], None]:
    """What a batch's results come to: how many requests ended in which way. There is no end marker to look for."""
    counts: dict[str, int] = {}
    for event in events:
        kind = text(mapping(mapping(event.data).get("result")).get("type"))
        if kind is not None:
            counts[kind] = counts.get(kind, 0) + 1
    return {"request_counts": counts}, None


_read_request = reader(_request, _response, _results)

ROUTES = {
    ("post", "/v1/complete"): Operation("text_completion", anthropic_messages.read, bears_usage=True),
    ("post", "/v1/messages"): Operation("chat", anthropic_messages.read, bears_usage=True),
    ("post", "/v1/messages/count_tokens"): Operation("count_tokens", _read_request),
    ("post", BATCHES): Operation("create_batch", _read_request),
}

BATCH_ROUTES = {
    ("get", ""): Operation("retrieve_batch", _read_request),
    ("get", "results"): Operation("batch_results", _read_request),
    ("post", "cancel"): Operation("cancel_batch", _read_request),
}
"""By what follows the batch's id in the path."""


def route(_client: Any, method: str, url: str) -> Operation | None:
    """The operation of a request; results are fetched from an absolute URL, that the batch itself names."""
    path = url.partition("?")[0]
    _, found, batch = path.partition(f"{BATCHES}/")
    if found:
        return BATCH_ROUTES.get((method, batch.partition("/")[2]))
    return ROUTES.get((method, path))


def provider(client: Any) -> str:
    """Whom a client talks to, as its class (any of the library's, or one made from it) and its host tell."""
    return _provider(client.__class__, client.base_url.host)


@lru_cache(maxsize=64)
def _provider(client_class: type, host: str) -> str:
    packages = {".".join(base.__module__.split(".")[:3]) for base in client_class.__mro__}
    found = [name for package, name in PLATFORMS.items() if package in packages]
    found += SPEAKERS & {provider_at(host)}
    return next(iter(found), "anthropic")


_OWN_SPAN = "anthropic._base_client:start_api_call_span"


def conversation(client: Any) -> str | None:
    """The conversation that the app told the client's own tracing of, which says nothing while ours does."""
    return text(mapping(getattr(client, "_open_telemetry", None)).get("conversation_id"))


INTEGRATION = Integration(
    name="anthropic",
    requires="anthropic>=0.69",
    # Since version 2 the library traces itself; without a span of its own it goes on as if nobody was tracing.
    points={**stainless.points("anthropic", route, provider, conversation), _OWN_SPAN: Silenced(None)},
    optional=frozenset({_OWN_SPAN}),
    captures=("messages", "completions", "token counts", "batches", "the beta namespace", "Bedrock and Vertex clients"),
    verified=("recorded answers of real providers", "local model server"),
)
