"""Makes Google's real client, over a network of our own or a server, and sends what was recorded."""

from __future__ import annotations

import importlib
import re
import ssl
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

genai = pytest.importorskip("google.genai", reason="not applicable: google-genai is tested in another environment")

from google.genai import _api_client, types  # noqa: E402
from google.oauth2.credentials import Credentials  # noqa: E402

from tests.integrations.conformance.network import Answer, Network  # noqa: E402
from tests.recordings import Exchange  # noqa: E402

quiet = [
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Async interactions client cannot use aiohttp:UserWarning"),
    pytest.mark.filterwarnings("ignore:The generate_"),
]
"""What the library itself warns of: how it makes connections, and what it is to lose."""

SECURE = ssl.create_default_context()
"""Shared, since to make one takes longer than a test."""

ONCE = types.HttpRetryOptions(attempts=1)


def http() -> ModuleType:
    """The HTTP library that this version stands on."""
    return importlib.import_module(getattr(_api_client, "_DEFAULT_HTTP_CLIENT_BACKEND", "httpx"))


def connect(
    network: Network | None = None,
    *,
    base_url: str | None = None,
    vertex: bool = False,
    location: str = "us-central1",
    **options: Any,
) -> Any:
    """A client on the network, or at the server with that URL; it does not retry unless told to."""
    args: dict[str, Any] = {"verify": SECURE, "ssl": SECURE}
    if network is not None:
        args["transport"] = network.http.MockTransport(network)
    made = {"base_url": base_url, "client_args": args, "async_client_args": args, "retry_options": ONCE, **options}
    aimed: dict[str, Any] = {"api_key": "fake"}
    if vertex:
        aimed = {
            "vertexai": True,
            "project": "test-project",
            "location": location,
            "credentials": Credentials("fake"),  # type: ignore[no-untyped-call]
        }
    return genai.Client(**aimed, http_options=types.HttpOptions(**made))


def network_of(exchange: Exchange, **changes: Any) -> Network:
    """A network that answers as the exchange was."""
    answer = Answer(exchange.response["status"], exchange.response["headers"], exchange.response_bytes, **changes)
    return Network(http(), answer)


def client_of(exchange: Exchange, network: Network | None = None, base_url: str | None = None) -> Any:
    """A client for the provider and the place that the exchange was had with."""
    url = urlsplit(exchange.request["url"])
    vertex = exchange.api.startswith("google_vertexai")
    location = (url.hostname or "").removesuffix("-aiplatform.googleapis.com")
    return connect(network, base_url=base_url, vertex=vertex, location=location, api_version=url.path.split("/")[1])


def sent_by(side: Any, exchange: Exchange) -> Callable[[], Any]:
    """The call, by that side of a client (sync or async), which sends what was sent in the exchange."""
    body, url = exchange.request["body"] or {}, urlsplit(exchange.request["url"])
    api, path = exchange.api.partition(".")[2], url.path
    model = (re.search(r"models/([^:]+):", path) or ["", ""])[1]
    if api == "generate_content":
        verb = side.models.generate_content_stream if ":stream" in path else side.models.generate_content
        return lambda: verb(model=model, contents="x", config={"http_options": {"extra_body": body}})
    if api == "embed_content":
        texts = [part["text"] for one in body["requests"] for part in one["content"]["parts"]]
        return lambda: side.models.embed_content(model=model, contents=texts)
    if api == "cached_contents":
        config = {key: value for key, value in body.items() if key != "model"}
        return lambda: side.caches.create(model=body["model"], config=types.CreateCachedContentConfig(**config))
    if exchange.request["method"] == "GET":
        query = {key: value == ["true"] for key, value in parse_qs(url.query).items()}
        found = unquote(path.partition("/interactions/")[2])
        return lambda: side.interactions.get(found, **query)
    return lambda: side.interactions.create(**body)
