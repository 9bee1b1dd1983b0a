"""The libraries llmtrace knows, one file each; found by name, and third parties' by entry point."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from llmtrace.facts.operation import Integration, Listed


@dataclass(frozen=True, slots=True)
class Ours:
    """An integration in this room: its name, its file here, and the library's modules in which it has points.

    The file is read when the first of these is imported, so that an app pays for what it uses.
    """

    name: str
    file: str
    modules: tuple[str, ...]

    def load(self) -> Integration:
        """Reads the file."""
        return _integration(self.name, importlib.import_module(f"{__name__}.{self.file}").INTEGRATION)


BUILT_IN = {
    ours.name: ours
    for ours in (
        Ours("aiobotocore", "aiobotocore", ("aiobotocore.client", "aiobotocore.endpoint")),
        Ours("anthropic", "anthropic", ("anthropic._base_client",)),
        Ours(
            "asyncpg",
            "asyncpg",
            ("asyncpg.connection", "asyncpg.pool", "asyncpg.prepared_stmt", "asyncpg.cursor"),
        ),
        Ours("botocore", "botocore", ("botocore.client", "botocore.endpoint")),
        Ours(
            "chromadb",
            "chromadb",
            (
                "chromadb.api.models.CollectionCommon",
                "chromadb.api.models.Collection",
                "chromadb.api.models.AsyncCollection",
                "chromadb.api.client",
                "chromadb.api.async_client",
            ),
        ),
        Ours(
            "google-genai",
            "google_genai",
            (
                "google.genai._api_client",
                "google.genai.models",
                "google.genai.chats",
                "google.genai._extra_utils",
                "google.genai._gaos.basesdk",
                "google.genai._gaos._hooks.sdkhooks",
                "google.genai._gaos._hooks.asyncsdkhooks",
                "google.genai._interactions._base_client",
            ),
        ),
        Ours(
            "mcp",
            "mcp",
            (
                "mcp.shared.jsonrpc_dispatcher",
                "mcp.shared.direct_dispatcher",
                "mcp.server.runner",
                "mcp.client.session",
                "mcp.server._otel",
                "mcp.shared.session",
                "mcp.server.lowlevel.server",
                "mcp.server.session",
                "mcp.client.stdio",
                "mcp.server.stdio",
                "mcp.shared.memory",
                "mcp.client.sse",
                "mcp.client.streamable_http",
            ),
        ),
        Ours(
            "langchain",
            "langchain",
            (
                "langchain_core.tracers.context",
                "langchain_core.runnables.base",
                "langchain_core.runnables.branch",
                "langchain_core.runnables.fallbacks",
                "langchain_core.language_models.chat_models",
                "langchain_core.language_models.chat_model_stream",
                "langchain_core.language_models.llms",
                "langchain_core.retrievers",
                "langchain_core.tools.base",
                "langchain_core.callbacks.manager",
            ),
        ),
        Ours("langgraph", "langgraph", ("langgraph.pregel.main", "langgraph._internal._runnable")),
        Ours("openai", "openai", ("openai._base_client",)),
        Ours(
            "psycopg",
            "psycopg",
            (
                "psycopg.cursor",
                "psycopg.cursor_async",
                "psycopg.server_cursor",
                "psycopg._server_cursor",
                "psycopg._server_cursor_async",
            ),
        ),
        Ours("pydantic-ai", "pydantic_ai", ("pydantic_ai.agent",)),
        Ours("qdrant", "qdrant", ("qdrant_client.qdrant_client", "qdrant_client.async_qdrant_client")),
        Ours("strands-agents", "strands", ("strands.telemetry.tracer",)),
    )
}
"""By name."""


@dataclass(frozen=True, slots=True)
class HttpClient:
    """An HTTP client under which the backstop lies; `hosts` are the app's own at which models answer.

    `reads` says whether what goes over the wire is to be read.
    """

    name: str
    modules: tuple[str, ...]
    hosts: frozenset[str] = frozenset()
    reads: bool = False

    def load(self) -> Integration:
        """Reads the file that all of them are in."""
        made = importlib.import_module(f"{__name__}.transports").integration(self.name, self.hosts, reads=self.reads)
        return _integration(self.name, made)


HTTP_CLIENTS = (
    HttpClient("httpx", ("httpx._client",)),
    HttpClient("httpx2", ("httpx2._client",)),
    HttpClient("requests", ("requests.sessions",)),
    HttpClient("urllib3", ("urllib3.connectionpool", "urllib3.poolmanager")),
    HttpClient("aiohttp", ("aiohttp.client",)),
)
"""The HTTP clients. No app asks for them by name: they are the backstop's, whichever libraries are traced."""


def http_clients(hosts: Iterable[str], *, reads: bool) -> list[Listed]:
    """The HTTP clients, with the app's own hosts among those that are known."""
    named = frozenset(host.lower() for host in hosts)
    return [replace(each, hosts=named, reads=reads) for each in HTTP_CLIENTS]


_REACHING = {
    "anthropic": "anthropic",
    "aws.bedrock": "botocore",
    "gcp.gemini": "google-genai",
    "gcp.vertex_ai": "google-genai",
}


def reaching(provider: str | None) -> str:
    """The integration of the library by which a provider is reached; most speak OpenAI's protocol."""
    return _REACHING.get(provider or "", "openai")


GROUP = "llmtrace.integrations"
"""The entry-point group in which a third party's package names its own `Integration`."""


def _registered() -> dict[str, importlib.metadata.EntryPoint]:
    """Third parties' integrations by name, the first of each. Looking for them reads every installed package."""
    found = importlib.metadata.entry_points(group=GROUP)
    return {entry.name: entry for entry in reversed(tuple(found))}


def load(name: str) -> Integration:
    """The integration of that name; a third party's wins over ours. KeyError where there is none."""
    return _listed(name, _registered()).load()


def _listed(name: str, registered: Mapping[str, importlib.metadata.EntryPoint]) -> Listed:
    return _integration(name, registered[name].load()) if name in registered else BUILT_IN[name]


def _integration(name: str, found: object) -> Integration:
    if not isinstance(found, Integration):
        message = f"what is registered as the integration {name!r} is a {type(found).__name__}, not an Integration"
        raise TypeError(message)
    return found


def installed(listed: Listed) -> bool:
    """Whether the library that the integration is for can be imported. It is not imported by asking."""
    package, _, rest = listed.modules[0].partition(".")
    spec = importlib.util.find_spec(package)
    if spec is not None and spec.origin is None and rest:  # a namespace that several libraries share
        return importlib.util.find_spec(f"{package}.{rest.partition('.')[0]}") is not None
    return spec is not None


def choose(wanted: Sequence[str] | None) -> list[Listed]:
    """The integrations to apply: all of them for None; the named ones; or all but those named with a leading `-`.

    Raises ValueError for a name that is unknown, or whose library is not installed though it was asked for by name.
    """
    chosen = [name for name in wanted or () if not name.startswith("-")]
    left_out = {name[1:] for name in wanted or () if name.startswith("-")}
    registered = _registered()
    known = sorted({*BUILT_IN, *registered})
    for name in (*chosen, *left_out):
        if name not in known:
            message = f"there is no integration {name!r}; known are {', '.join(known)}"
            raise ValueError(message)
    found = [_listed(name, registered) for name in chosen or known if name not in left_out]
    for listed in found if chosen else ():
        if not installed(listed):
            message = f"the library of {listed.name!r} is not installed: pip install '{listed.load().requires}'"
            raise ValueError(message)
    return found
