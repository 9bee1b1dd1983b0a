"""Tracing over the model server, for tests of LangChain; what LangChain or asyncio complains of fails them."""

import logging

import pytest

from llmtrace.testing import ModelServer
from tests.integrations.conformance.live import traced
from tests.integrations.conformance.network import http_of


@pytest.fixture
def tracing():
    with traced() as made:
        yield made


@pytest.fixture
def server():
    with ModelServer() as running:
        yield running


@pytest.fixture
async def model(server):
    """A real chat model over the server, whose connections are closed."""
    kind = pytest.importorskip(
        "langchain_openai", reason="not applicable: langchain_openai is tested in another environment"
    ).ChatOpenAI
    http = http_of("openai")
    told = {"base_url": server.openai_url, "api_key": "fake", "max_retries": 0, "stream_usage": True}
    with http.Client() as client:
        async with http.AsyncClient() as asynchronous:
            yield kind(model="gpt-5-mini", http_client=client, http_async_client=asynchronous, **told)


@pytest.fixture
def client(server):
    """OpenAI's own client, for what an app asks without LangChain."""
    openai = pytest.importorskip("openai", reason="not applicable: openai is tested in another environment")
    with openai.OpenAI(base_url=server.openai_url, api_key="fake", max_retries=0) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_said(caplog):
    """LangChain logs what a handler raises, and goes on."""
    yield
    said = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    # LangGraph before 1.0 does not wait for this task of its own when a stream is left, with us or without.
    assert not [text for text in said if "AsyncQueue.wait()" not in text]
