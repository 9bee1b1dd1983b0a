"""What a recorded call used adds up, and costs what its raw counts do."""

import pytest

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.integrations.bedrock import HEADERS
from llmtrace.integrations.botocore import TRACED
from llmtrace.pricing import Prices, price
from tests.integrations.bedrock import recorded
from tests.recordings import exchanges

PER_MILLION = {
    "claude-3-5-sonnet": (3.0, 15.0, 3.75, 0.3),
    "claude-3-5-haiku": (0.8, 4.0, 1.0, 0.08),
    "claude-3-haiku": (0.25, 1.25, 0.3, 0.03),
    "claude-3-sonnet": (3.0, 15.0, 3.75, 0.3),
    "nova-micro": (0.035, 0.14, 0.0, 0.0),
    "nova-lite": (0.06, 0.24, 0.0, 0.0),
    "titan-text-express": (0.2, 0.6, 0.0, 0.0),
    "llama3-8b-instruct": (0.3, 0.6, 0.0, 0.0),
}
"""By a part of the model's id, in dollars: fresh input, output, what is written to the cache and what is read of it."""

OPERATIONS = {
    "converse": "Converse",
    "converse_stream": "ConverseStream",
    "invoke_model": "InvokeModel",
    "invoke_model_with_response_stream": "InvokeModelWithResponseStream",
}
COUNTED = [one for one in exchanges(*recorded.MODELS) if one.expected["usage"] and not one.expected.get("malformed")]
every_counted = pytest.mark.parametrize(
    "exchange",
    COUNTED or [pytest.param(None, marks=pytest.mark.skip(reason="no recordings (set LLMTRACE_RECORDINGS)"))],
    ids=[one.name for one in COUNTED] or ["absent"],
)


def read(exchange):
    _, method, given = recorded.ask(exchange)
    headers = exchange.response["headers"]
    operation = TRACED[OPERATIONS[method]].operation(given["modelId"])
    received = Received(200, headers.get("content-type", ""), body=exchange.response_bytes)
    received.headers = {name: headers[name] for name in HEADERS if name in headers}
    record = operation.read(Evidence(Start(operation, request=given, wire=True), exchange.request_bytes, received))
    record.provider, record.request_model = "aws.bedrock", given["modelId"]
    return record


@every_counted
def test_the_parts_of_what_was_used_add_up_and_cost_what_the_raw_counts_do(exchange):
    said, record = exchange.expected["usage"], read(exchange)
    fresh, given = said["input_tokens"], said["output_tokens"]
    read_, written = said["cached_input_tokens"] or 0, said["cache_creation_input_tokens"] or 0
    usage = record.usage
    assert usage.input_tokens == (None if fresh is None else fresh + read_ + written)
    assert usage.output_tokens == given
    assert (usage.cache_read or 0) + (usage.cache_write or 0) <= (usage.input_tokens or 0)
    if said["total_tokens"] is not None and fresh is not None:
        assert usage.input_tokens + usage.output_tokens == said["total_tokens"]
    rates = next((rate for name, rate in PER_MILLION.items() if name in record.request_model), None)
    if rates is not None and fresh is not None:
        cost = price(record, Prices({}))
        assert cost is not None
        spent = zip((fresh, given, written, read_), rates, strict=True)
        assert cost.total == pytest.approx(sum(count * rate for count, rate in spent) / 1e6)
