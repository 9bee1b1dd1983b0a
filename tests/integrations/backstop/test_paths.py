"""Which hosts and paths are known to be calls of models, and how each is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.facts.operation import Evidence, Operation, Received
from llmtrace.integrations import BUILT_IN, backstop, backstop_readers, reaching
from llmtrace.integrations.backstop import PATHS, Backstop

CLAUDE = "anthropic.claude-sonnet-4-20250514-v1%3A0"
BEDROCK = "bedrock-runtime.eu-west-1.amazonaws.com"
GEMINI = "generativelanguage.googleapis.com"
VERTEX = "europe-west4-aiplatform.googleapis.com"
PROJECT = "/v1/projects/p/locations/l/publishers"

KNOWN = [
    ("api.openai.com", "/v1/chat/completions", "openai", "chat", None),
    ("api.openai.com", "/v1/completions", "openai", "text_completion", None),
    ("api.openai.com", "/v1/responses", "openai", "chat", None),
    ("api.openai.com", "/v1/embeddings", "openai", "embeddings", None),
    ("api.openai.com", "/v1/images/generations", "openai", "generate_content", None),
    ("team.openai.azure.com", "/openai/deployments/d/chat/completions", "azure.ai.openai", "chat", None),
    ("api.mistral.ai", "/v1/fim/completions", "mistral_ai", "text_completion", None),
    ("api.anthropic.com", "/v1/messages", "anthropic", "chat", None),
    ("api.anthropic.com", "/v1/complete", "anthropic", "text_completion", None),
    ("openrouter.ai", "/api/v1/messages", "openrouter", "chat", None),
    (VERTEX, f"{PROJECT}/anthropic/models/claude-x:streamRawPredict", "gcp.vertex_ai", "chat", "claude-x"),
    (VERTEX, f"{PROJECT}/google/models/gemini-x:generateContent", "gcp.vertex_ai", "generate_content", "gemini-x"),
    (VERTEX, f"{PROJECT}/google/models/text-embedding-5:predict", "gcp.vertex_ai", "embeddings", "text-embedding-5"),
    (GEMINI, "/v1beta/models/gemini-x:streamGenerateContent", "gcp.gemini", "generate_content", "gemini-x"),
    (GEMINI, "/v1beta/models/e-1:batchEmbedContents", "gcp.gemini", "embeddings", "e-1"),
    (BEDROCK, f"/model/{CLAUDE}/converse", "aws.bedrock", "chat", CLAUDE.replace("%3A", ":")),
    (BEDROCK, "/model/arn%3Aaws%3Abedrock%2Fx/invoke", "aws.bedrock", "chat", "arn:aws:bedrock/x"),
    (BEDROCK, "/model/m/invoke-with-response-stream", "aws.bedrock", "chat", "m"),
    ("api.cohere.com", "/v2/chat", "cohere", "chat", None),
    ("api.cohere.com", "/v2/embed", "cohere", "embeddings", None),
    ("api.cohere.com", "/v2/rerank", "cohere", "rerank", None),
]


@pytest.mark.parametrize(("host", "path", "provider", "operation", "model"), KNOWN)
def test_a_known_path_at_a_known_host_is_a_call_of_a_model(host, path, provider, operation, model):
    start = Backstop().start(host, 443, path, b"{}")
    assert (start.provider, start.operation.name, start.model, start.address) == (provider, operation, model, host)
    assert start.wire
    assert start.operation.bears_usage


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/api/embed", "/v1/chat/completions"])
def test_ollama_is_known_by_its_port(path):
    assert Backstop().start("localhost", 11434, path, None).provider == "ollama"
    assert Backstop().start("localhost", 8000, path, None) is None


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("api.openai.com", "/v1/files"),
        ("api.openai.com", "/v1/vector_stores/v/search"),
        ("api.openai.com", "/v1/responses/r-1/cancel"),
        ("api.openai.com", "/v1/moderations"),
        ("api.openai.com", "/v1/batches"),
        ("api.openai.com", "/api/chat"),
        ("api.anthropic.com", "/v1/messages/count_tokens"),
        (GEMINI, "/v1beta/models/gemini-x:countTokens"),
        (GEMINI, "/v1beta/files"),
        (BEDROCK, "/guardrail/g/version/1/apply"),
        ("s3.eu-west-1.amazonaws.com", "/model/m/converse"),
        ("openai.com.evil.example", "/v1/chat/completions"),
        ("notgroq.com", "/v1/chat/completions"),
    ],
)
def test_any_other_path_or_host_is_none(host, path):
    assert Backstop().start(host, 443, path, None) is None


def test_each_kind_of_words_has_a_reader_that_names_the_operation_as_counting_does():
    named = {words: name for _, _, name, words in PATHS}
    assert set(named) == set(backstop_readers.READERS)
    for words, name in named.items():
        found = backstop_readers.operation(words, "some-model")
        assert isinstance(found, Operation)
        assert (found.name, found.bears_usage) == (name, True)


@pytest.mark.parametrize(("model", "operation"), [("amazon.titan-embed-text-v2:0", "embeddings"), ("m", "chat")])
def test_what_it_is_to_invoke_a_model_is_decided_by_the_model_where_it_is_read(model, operation):
    start = Backstop(reads=True).start(BEDROCK, 443, f"/model/{model}/invoke", None)
    assert start.operation.name == operation


def test_what_bedrock_is_asked_and_answers_is_read():
    start = Backstop(reads=True).start(BEDROCK, 443, "/model/m-1/converse", None)
    asked = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    said = {"output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}}, "stopReason": "end_turn"}
    received = Received(200, "application/json", body=json.dumps(said | {"usage": {"inputTokens": 3}}).encode())
    record = start.operation.read(Evidence(start, json.dumps(asked).encode(), received))
    assert record.input_messages[0].parts[0].content == "hi"
    assert record.output_messages[0].parts[0].content == "hello"
    assert record.usage.input_tokens == 3


PIECES = [
    {"candidates": [{"content": {"parts": [{"text": "hel"}], "role": "model"}}]},
    {
        "candidates": [{"content": {"parts": [{"text": "lo"}], "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 5},
    },
]


@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json; charset=UTF-8"])
def test_what_gemini_streams_is_read_as_events_and_as_the_one_list_that_it_is_by_default(content_type):
    start = Backstop(reads=True).start(GEMINI, 443, "/v1beta/models/g:streamGenerateContent", None)
    events = "".join(f"data: {json.dumps(piece)}\n\n" for piece in PIECES)
    body = events if "event" in content_type else json.dumps(PIECES)
    record = start.operation.read(Evidence(start, b"{}", Received(200, content_type), chunks=[body.encode()]))
    assert record.output_messages[0].parts[0].content == "hello"
    assert record.usage.output_tokens == 5
    assert record.complete


@pytest.mark.parametrize(
    ("path", "provider"),
    [
        ("/v1/chat/completions", "openai"),
        ("/v1/messages", "anthropic"),
        ("/v1beta/models/g:generateContent", "gcp.gen_ai"),
        ("/model/anthropic.claude/converse", "aws.bedrock"),
        ("/v2/chat", "cohere"),
        ("/api/chat", "ollama"),
        ("/v1/rerank", None),
    ],
)
def test_a_host_of_the_apps_own_may_speak_as_any_provider_does(path, provider):
    start = Backstop(frozenset({"gateway.corp"})).start("gateway.corp", 443, path, None)
    assert start.provider == provider


@given(st.sampled_from(PATHS), st.text(max_size=40), st.integers() | st.none())
def test_no_path_is_too_strange_to_be_looked_at(row, path, port):
    for host in ("api.openai.com", BEDROCK, GEMINI, "", path):
        Backstop().start(host, port, path, None)
    backstop.called(row[0], path)


@pytest.mark.parametrize("host", [host for host, *_ in KNOWN])
def test_the_integration_that_a_remedy_names_is_one_there_is(host):
    assert reaching(Backstop().known(host, 443)) in BUILT_IN
