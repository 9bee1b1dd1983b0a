"""Which request is which call, and whose."""

from typing import NamedTuple

import pytest

from llmtrace.facts.operation import Begin
from llmtrace.integrations.openai import INTEGRATION, provider, route


class Url(NamedTuple):
    host: str
    port: int | None = None


class Client(NamedTuple):
    base_url: Url


class AsyncAzureOpenAI(Client):
    pass


class OurOwnAzureClient(AsyncAzureOpenAI):
    pass


class BedrockOpenAI(Client):
    pass


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("post", "/chat/completions", "chat"),
        ("post", "chat/completions", "chat"),
        ("post", "/completions", "text_completion"),
        ("post", "/responses", "chat"),
        ("post", "/responses?beta=true", "chat"),
        ("post", "/responses/compact", "chat"),
        ("post", "/responses/input_tokens", "count_tokens"),
        ("get", "/responses/resp_1", "fetch_response"),
        ("post", "/responses/resp_1/cancel", "cancel_response"),
        ("post", "/embeddings", "embeddings"),
        ("post", "/images/generations", "generate_content"),
        ("post", "/images/edits", "generate_content"),
        ("post", "/audio/speech", "generate_content"),
        ("post", "/audio/transcriptions", "generate_content"),
        ("post", "/moderations", "moderation"),
        ("post", "/batches", "create_batch"),
        ("get", "/batches/batch_1", "retrieve_batch"),
        ("post", "/batches/batch_1/cancel", "cancel_batch"),
    ],
)
def test_a_request_is_told_by_its_method_and_path(method, path, name):
    assert route(None, method, path).name == name


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/files"),
        ("get", "/files/file_1/content"),
        ("delete", "/responses/resp_1"),
        ("get", "/responses/resp_1/input_items"),
        ("get", "/batches"),
        ("get", "/models"),
        ("get", "/chat/completions"),
        ("post", "/vector_stores/vs_1/search"),
        ("post", ""),
        ("get", "/"),
    ],
)
def test_other_requests_are_left_alone(method, path):
    assert route(None, method, path) is None


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("example.openai.azure.com", "azure.ai.openai"),
        ("api.groq.com", "groq"),
        ("groq.com", "groq"),
        ("notgroq.com", "openai"),
        ("api.deepseek.com", "deepseek"),
        ("api.mistral.ai", "mistral_ai"),
        ("api.x.ai", "x_ai"),
        ("max.ai", "openai"),
        ("api.perplexity.ai", "perplexity"),
        ("api.moonshot.cn", "moonshot_ai"),
        ("api.together.xyz", "together"),
        ("openrouter.ai", "openrouter"),
        ("api.fireworks.ai", "fireworks"),
        ("api.cerebras.ai", "cerebras"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("europe-west1-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("bedrock-mantle.us-east-1.api.aws", "aws.bedrock"),
        ("localhost", "openai"),
    ],
)
def test_the_provider_is_named_from_the_host(host, name):
    assert provider(Client(Url(host))) == name


def test_ollama_is_told_by_its_port():
    assert provider(Client(Url("localhost", 11434))) == "ollama"


@pytest.mark.parametrize(
    ("kind", "name"),
    [(AsyncAzureOpenAI, "azure.ai.openai"), (OurOwnAzureClient, "azure.ai.openai"), (BedrockOpenAI, "aws.bedrock")],
)
def test_a_platform_client_names_the_provider_whatever_the_host(kind, name):
    assert provider(kind(Url("gateway.example"))) == name


def test_one_begin_serves_sync_and_async():
    begins = {point for point in INTEGRATION.points.values() if isinstance(point, Begin)}
    assert len(begins) == 1
