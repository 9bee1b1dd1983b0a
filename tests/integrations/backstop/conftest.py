"""Known hosts' names that lead to this machine, where the model server answers; nothing is sent anywhere else."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from llmtrace.testing import ModelServer
from tests.integrations.conformance.live import Tracing, traced


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """The model server, at the address of every host there is."""
    with ModelServer(cut=7) as running:
        yield running


@pytest.fixture(autouse=True)
def all_names_lead_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name is this machine's."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *args, **kwargs: resolve("127.0.0.1", *args, **kwargs))


@pytest.fixture
def at(server: ModelServer) -> Callable[[str, str], str]:
    """The URL of a path at a host, as an app would write it but for the port."""
    port = server.url.rpartition(":")[2]
    return lambda host, path: f"http://{host}:{port}{path}"


@pytest.fixture
def tracing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Tracing]]:
    """Starts tracing with the backstop in the mode that is asked for."""
    with ExitStack() as stack:

        def start(mode: str | None = None, hosts: str | None = None) -> Tracing:
            if mode is not None:
                monkeypatch.setenv("LLMTRACE_BACKSTOP", mode)
            if hosts is not None:
                monkeypatch.setenv("LLMTRACE_BACKSTOP_HOSTS", hosts)
            return stack.enter_context(traced())

        yield start
