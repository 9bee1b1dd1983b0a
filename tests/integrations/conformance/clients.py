"""Makes the real clients, each over a network of our own, and drives sync and async ones with the same words."""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import Any

from tests.integrations.conformance.network import Network

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "OpenAI": ("openai", {"api_key": "fake"}),
    "AzureOpenAI": (
        "openai",
        {"api_key": "fake", "azure_endpoint": "https://res.openai.azure.com", "api_version": "2024-10-21"},
    ),
    "Anthropic": ("anthropic", {"api_key": "fake"}),
    "AnthropicBedrock": (
        "anthropic",
        {"aws_access_key": "fake", "aws_secret_key": "fake", "aws_region": "us-east-1"},
    ),
    "AnthropicVertex": ("anthropic", {"access_token": "fake", "project_id": "fake", "region": "us-east5"}),
}
"""Client class → its package, and what it is made with."""


def package_of(kind: str) -> str:
    """The package that a client class is in."""
    return KINDS[kind][0]


def connect(kind: str, network: Network | None, *, asynchronous: bool, **options: Any) -> Any:
    """A client of that class on the network, or on the real one for None; it does not retry unless told to."""
    package, given = KINDS[kind]
    made = getattr(importlib.import_module(package), f"Async{kind}" if asynchronous else kind)
    over = {} if network is None else {"http_client": network.client(asynchronous=asynchronous)}
    return made(**{**given, "max_retries": 0, **over, **options})


def call(client: Any, verb: str, body: dict[str, Any], **more: Any) -> Any:
    """Calls the method at that dotted path with the body; what the method has no parameter for goes as `extra_body`."""
    method = attrgetter(verb)(client)
    known = inspect.signature(method).parameters
    extra = {key: value for key, value in body.items() if key not in known}
    named = {key: value for key, value in body.items() if key in known}
    return method(**named, **more, **({"extra_body": extra} if extra else {}))


async def settled(value: Any) -> Any:
    """The value, awaited if it has to be."""
    return await value if inspect.isawaitable(value) else value


async def each(stream: Any) -> AsyncIterator[Any]:
    """The items of a stream of either kind."""
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


@asynccontextmanager
async def entered(manager: Any) -> AsyncIterator[Any]:
    """Enters a context manager of either kind."""
    if hasattr(manager, "__aenter__"):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


async def collected() -> None:
    """Collects garbage. The event loop closes async generators then, and what they held is garbage only later."""
    for _ in range(3):
        gc.collect()
        for _ in range(20):
            await asyncio.sleep(0)
