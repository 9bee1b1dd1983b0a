"""Real clients, pointed at a server of this test's own."""

import anthropic
import openai
import pytest

from llmtrace.testing import ModelServer


@pytest.fixture
def server():
    with ModelServer() as running:
        yield running


@pytest.fixture
def openai_client(server):
    with openai.OpenAI(api_key="local", base_url=server.openai_url, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(server):
    with anthropic.Anthropic(api_key="local", base_url=server.anthropic_url, max_retries=0) as client:
        yield client
