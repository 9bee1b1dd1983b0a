"""Which requests of the client are which calls, whom its classes talk to, and that the points exist in it."""

import functools
import importlib

import pytest

from llmtrace.facts.records import ProviderRequest
from llmtrace.integrations.anthropic import INTEGRATION, provider, route
from tests.integrations.anthropic.wire import read

anthropic = pytest.importorskip("anthropic")


@pytest.mark.parametrize(
    ("method", "url", "name"),
    [
        ("post", "/v1/messages", "chat"),
        ("post", "/v1/messages?beta=true", "chat"),
        ("post", "/v1/complete", "text_completion"),
        ("post", "/v1/messages/count_tokens", "count_tokens"),
        ("post", "/v1/messages/count_tokens?beta=true", "count_tokens"),
        ("post", "/v1/messages/batches", "create_batch"),
        ("get", "/v1/messages/batches/msgbatch_1", "retrieve_batch"),
        ("get", "/v1/messages/batches/msgbatch_1?beta=true", "retrieve_batch"),
        ("post", "/v1/messages/batches/msgbatch_1/cancel", "cancel_batch"),
        ("get", "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results", "batch_results"),
    ],
)
def test_a_request_is_recognised_by_method_and_path(method, url, name):
    operation = route(None, method, url)
    assert operation is not None
    assert operation.name == name
    assert operation.bears_usage == (name in ("chat", "text_completion"))


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("get", "/v1/messages/batches?limit=20"),
        ("delete", "/v1/messages/batches/msgbatch_1"),
        ("get", "/v1/models"),
        ("post", "/v1/files?beta=true"),
        ("post", "/v1/sessions"),
        ("get", "/v1/messages"),
        ("post", ""),
    ],
)
def test_other_requests_pass(method, url):
    assert route(None, method, url) is None


BEDROCK = {"aws_access_key": "fake", "aws_secret_key": "fake", "aws_region": "us-east-1"}
CLIENTS = {
    "Anthropic": ({"api_key": "fake"}, "anthropic"),
    "AnthropicBedrock": (BEDROCK, "aws.bedrock"),
    "AnthropicBedrockMantle": (BEDROCK, "aws.bedrock"),
    "AnthropicVertex": ({"region": "us-east5", "project_id": "p", "access_token": "fake"}, "gcp.vertex_ai"),
    "AnthropicFoundry": ({"resource": "r", "api_key": "fake"}, "anthropic"),
    "AnthropicAWS": ({"aws_region": "us-east-1", "api_key": "fake", "workspace_id": "w"}, "anthropic"),
}


@pytest.mark.parametrize(("name", "arguments", "expected"), [(name, *case) for name, case in CLIENTS.items()])
@pytest.mark.parametrize("prefix", ["", "Async"])
def test_the_clients_class_says_whom_it_talks_to(prefix, name, arguments, expected):
    client_class = getattr(anthropic, prefix + name, None)
    if client_class is None:
        pytest.skip(f"not applicable: this version has no {prefix}{name}")
    assert provider(client_class(**arguments)) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.anthropic.com", "anthropic"),
        ("https://api.deepseek.com/anthropic", "deepseek"),
        ("https://openrouter.ai/api", "openrouter"),
        ("https://bedrock-mantle.us-east-1.api.aws/anthropic", "aws.bedrock"),
        ("https://notdeepseek.com", "anthropic"),
        ("http://127.0.0.1:8000", "anthropic"),
    ],
)
def test_the_host_of_a_plain_client_may_say_more(url, expected):
    assert provider(anthropic.Anthropic(api_key="fake", base_url=url)) == expected


def test_a_class_made_from_a_platforms_client_talks_to_the_platform():
    class Ours(anthropic.AnthropicVertex):
        pass

    assert provider(Ours(**CLIENTS["AnthropicVertex"][0])) == "gcp.vertex_ai"


@pytest.mark.parametrize("target", INTEGRATION.points)
def test_the_library_has_every_point(target):
    module, _, path = target.partition(":")
    found = functools.reduce(
        lambda owner, name: getattr(owner, name, None), path.split("."), importlib.import_module(module)
    )
    if found is None and target in INTEGRATION.optional:
        pytest.skip(f"not applicable: this version has no {target}")
    assert callable(found)


def test_a_token_count_is_read():
    asked = {"model": "claude-x", "messages": [{"role": "user", "content": "Hi"}]}
    record = read({"input_tokens": 42}, asked, url="/v1/messages/count_tokens")
    assert isinstance(record, ProviderRequest)
    assert (record.operation, record.request_model, record.counts) == ("count_tokens", "claude-x", {"input_tokens": 42})
    assert len(record.input_messages) == 1


def test_a_batch_is_read_with_its_counts():
    counts = {"processing": 0, "succeeded": 1, "errored": 1, "canceled": 0, "expired": 0}
    said = {"id": "msgbatch_1", "processing_status": "ended", "request_counts": counts}
    record = read(said, {"requests": [{}, {}]}, url="/v1/messages/batches")
    assert (record.response_id, record.response_status) == ("msgbatch_1", "ended")
    assert record.counts == {"requests": 2, **counts}


@pytest.mark.parametrize("content_type", ["application/x-jsonl", "application/binary"])
def test_the_results_of_a_batch_are_counted(content_type):
    lines = b'{"custom_id":"a","result":{"type":"succeeded"}}\n{"custom_id":"b","result":{"type":"errored"}}\n{"cut'
    record = read(
        lines,
        method="get",
        url="https://h/v1/messages/batches/msgbatch_1/results",
        content_type=content_type,
        cuts=[9, 60],
    )
    assert (record.counts, record.complete) == ({"succeeded": 1, "errored": 1}, None)
