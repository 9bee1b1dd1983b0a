"""How each recorded exchange is sent again: by which client, to which host, through which method."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.integrations.conformance import drives
from tests.integrations.conformance.clients import connect
from tests.integrations.conformance.drives import Drive
from tests.integrations.conformance.network import Answer, Network, http_of
from tests.recordings import Exchange, exchanges

VERBS = {
    "chat.completions": "chat.completions.create",
    "chat": "chat.completions.create",
    "completions": "completions.create",
    "responses": "responses.create",
    "embeddings": "embeddings.create",
    "images.generations": "images.generate",
    "messages": "messages.create",
    "invoke_model": "messages.create",
    "invoke_model_with_response_stream": "messages.create",
}
"""The recorded API after the provider's name → the method of the client that sends such a request."""

PROVIDERS = {
    "openai": "openai",
    "azure_openai": "azure.ai.openai",
    "deepseek": "deepseek",
    "groq": "groq",
    "mistral": "mistral_ai",
    "together": "together",
    "vllm": "openai",
    "openrouter": "openrouter",
    "openai_compatible": "openai",
    "portkey": "openai",
    "pydantic_gateway": "openai",
    "writer": "openai",
    "anthropic": "anthropic",
    "bedrock": "aws.bedrock",
}
"""The recorded provider → what its spans name it; a host that nobody knows speaks as OpenAI does."""

APIS = (
    "openai.chat.completions",
    "openai.completions",
    "openai.responses",
    "openai.embeddings",
    "openai.images.generations",
    "azure_openai.chat.completions",
    "azure_openai.embeddings",
    "deepseek.chat.completions",
    "groq.chat.completions",
    "mistral.chat.completions",
    "mistral.embeddings",
    "openai_compatible.chat.completions",
    "openai_compatible.completions",
    "openrouter.chat.completions",
    "portkey.chat.completions",
    "pydantic_gateway.responses",
    "together.chat.completions",
    "together.completions",
    "vllm.chat.completions",
    "vllm.completions",
    "vllm.embeddings",
    "writer.chat",
    "writer.completions",
    "anthropic.messages",
    "anthropic.completions",
)
"""Every recorded API that the two client libraries can call and that is traced."""

ON_BEDROCK = ("bedrock.invoke_model", "bedrock.invoke_model_with_response_stream")
"""Recorded APIs that Anthropic's client for Bedrock can call, where the model is Claude and is asked in messages."""

UNTRACED = (
    "openai.assistants",
    "openai.threads",
    "openai.threads.messages",
    "openai.threads.runs",
    "openai.threads.runs.submit_tool_outputs",
    "portkey.prompts.completions",
)
"""Recorded requests of the same hosts that are left alone."""


class Mode(NamedTuple):
    """One way of making a call: its name in the reference, how it is driven, whether it is for streams alone."""

    name: str
    drive: Drive
    streams: bool = False


MODES = (
    Mode("plain", drives.plain),
    Mode("raw response", drives.raw),
    Mode("streaming response, parsed", drives.streaming),
    Mode("streaming response, read by line", drives.reading("iter_lines")),
    Mode("stream helper", drives.helper, streams=True),
)


def found() -> list[Exchange]:
    """Every recorded exchange that the two client libraries can have again; none where the recordings are absent."""
    claude = [one for one in exchanges(*ON_BEDROCK) if "/anthropic." in one.request["url"]]
    return exchanges(*APIS) + [one for one in claude if "messages" in (one.request["body"] or {})]


def as_vendor(exchange: Exchange) -> Exchange:
    """The exchange under the API of the vendor whose protocol it speaks: Bedrock hands Claude's answers on."""
    return exchange._replace(api="anthropic.messages") if exchange.api in ON_BEDROCK else exchange


def fits(exchange: Exchange, mode: Mode) -> bool:
    """Whether an exchange can be had in that mode: there is no stream helper for legacy completions."""
    return not mode.streams or (bool(body(exchange).get("stream")) and verb(exchange) != "completions.create")


def network(exchange: Exchange) -> Network:
    """A network on which the recorded answer comes back."""
    response = exchange.response
    return Network(
        http_of(package(exchange)), Answer(response["status"], response["headers"], exchange.response_bytes, cut=997)
    )


def verb(exchange: Exchange) -> str:
    """The method that sends such a request."""
    return VERBS[exchange.api.partition(".")[2]]


STUBS: dict[str, dict[str, Any]] = {
    "chat.completions.create": {"messages": []},
    "messages.create": {"messages": [], "max_tokens": 1},
}
"""What the library insists on, where the source kept no more than a stand-in for the request."""


def body(exchange: Exchange) -> dict[str, Any]:
    """What the method is given: the recorded body; Azure's client makes the path from the model."""
    path = urlsplit(exchange.request["url"]).path.split("/")
    model = {"model": path[path.index("deployments") + 1]} if "deployments" in path else {}
    if exchange.api in ON_BEDROCK:
        model = {"model": unquote(path[path.index("model") + 1]), "stream": path[-1].endswith("stream")}
    return {**STUBS.get(verb(exchange), {}), **exchange.request["body"], **model}


def client(exchange: Exchange, *, asynchronous: bool, over: Network | None = None, server: str = "") -> Any:
    """The client that talks to the recorded host over the network, or to the server that stands in for it."""
    url = urlsplit(exchange.request["url"])
    host = server or f"{url.scheme}://{url.netloc}"
    if exchange.api in ON_BEDROCK:
        pytest.importorskip("botocore")
        return connect("AnthropicBedrock", over, asynchronous=asynchronous, base_url=host)
    if exchange.api.startswith("anthropic."):
        if not offered(exchange):
            pytest.skip("not applicable: this version of the library has no such method")
        return connect("Anthropic", over, asynchronous=asynchronous, base_url=host)
    if exchange.api.startswith("azure_openai."):
        version = parse_qs(url.query)["api-version"][0]
        return connect("AzureOpenAI", over, asynchronous=asynchronous, azure_endpoint=host, api_version=version)
    end = "/" + exchange.api.partition(".")[2].replace(".", "/")
    return connect("OpenAI", over, asynchronous=asynchronous, base_url=host + url.path.removesuffix(end))


def package(exchange: Exchange) -> str:
    """The client library that sends such a request."""
    return "anthropic" if exchange.api.startswith(("anthropic.", "bedrock.")) else "openai"


def offered(exchange: Exchange) -> bool:
    """Whether the library's installed version has the method; Anthropic's dropped its legacy completions."""
    kind = {"anthropic": "Anthropic", "openai": "OpenAI"}[package(exchange)]
    made = getattr(importlib.import_module(package(exchange)), kind)
    return hasattr(made, verb(exchange).partition(".")[0])
