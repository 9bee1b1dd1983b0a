"""What Google really sent to other people, through its real client: each reported fact is on the call's one span."""

import random
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from llmtrace.facts.operation import Evidence, Received, Start
from llmtrace.facts.records import Inference
from llmtrace.integrations import google_genai
from llmtrace.pricing import price
from llmtrace.pricing.own import Prices
from llmtrace.testing import ReplayServer
from llmtrace.testing.captured import capture, decoded
from tests.integrations.conformance.clients import each, settled
from tests.integrations.conformance.observed import observe
from tests.integrations.expectations import check, check_span
from tests.integrations.google_genai.clients import client_of, network_of, quiet, sent_by
from tests.recordings import Exchange, exchanges, parametrize

INFERRED = (
    "google_genai.generate_content",
    "google_genai.interactions",
    "google_genai.embed_content",
    "google_vertexai.generate_content",
)
APIS = (*INFERRED, "google_genai.cached_contents")

pytestmark = quiet
sync_and_async = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


async def told(send, note):
    """Sends, and notes the answer: a value, or each piece of a stream."""
    answer = await settled(send())
    note("type", type(answer))
    if (not hasattr(answer, "__iter__") and not hasattr(answer, "__aiter__")) or hasattr(answer, "model_dump"):
        note("value", answer)
        return
    async for piece in each(answer):
        note("piece", piece)


def readable(exchange: Exchange) -> bool:
    """Whether Google's client can read the answer: it does not know enums by their numbers, which older ones did."""
    return "enum-encoding" not in exchange.request["url"]


async def seen(exchange, asynchronous):
    """What the app sees of the exchange."""
    network = network_of(exchange, cut=200)
    client = client_of(exchange, network)
    send = sent_by(client.aio if asynchronous else client, exchange)
    return await observe(lambda note: told(send, note), network)


@sync_and_async
@parametrize(*APIS)
async def test_every_fact_is_on_the_one_span_and_the_app_sees_the_same(exchange, asynchronous):
    without = await seen(exchange, asynchronous)
    with capture() as captured:
        traced = await seen(exchange, asynchronous)
        span = captured.one()
    assert traced == without
    assert len(traced.sent) == 1
    assert traced.error is None or exchange.expected["is_error"] or not readable(exchange) or not whole(exchange)
    check_asked(decoded(span), exchange)
    if exchange.api in INFERRED:
        check_span(span, exchange)


def whole(exchange):
    return not exchange.expected.get("malformed")


def check_asked(said, exchange):
    url = urlsplit(exchange.request["url"])
    provider = "gcp.vertex_ai" if exchange.api.startswith("google_vertexai") else "gcp.gemini"
    assert said["gen_ai.provider.name"] == provider
    assert (said["server.address"], said["server.port"]) == (url.hostname, 443)
    model = url.path.partition("models/")[2].partition(":")[0] or (exchange.request["body"] or {}).get("model", "")
    assert said.get("gen_ai.request.model", "") == model.removeprefix("models/")


@sync_and_async
@parametrize(*INFERRED)
async def test_every_fact_is_on_the_span_over_a_real_connection_cut_anywhere(exchange, asynchronous):
    with ReplayServer([exchange], cut=random.Random(exchange.name)) as server, capture() as captured:
        client = client_of(exchange, base_url=server.url)
        try:
            await told(sent_by(client.aio if asynchronous else client, exchange), lambda *_: None)
        except Exception:  # noqa: BLE001 - whatever the library raises
            assert exchange.expected["is_error"] or not readable(exchange) or not whole(exchange)
        finally:
            await client.aio.aclose()
            client.close()
        check_span(captured.one(), exchange)


def read(exchange, body=None, cuts=()):
    """The record of an exchange with a model, from its bytes."""
    url = urlsplit(exchange.request["url"])
    operation = google_genai.aim(exchange.request["method"], exchange.request["url"]).operation
    received = Received(exchange.response["status"], exchange.response["headers"]["content-type"])
    whole_body = exchange.response_bytes if body is None else body
    ends = [0, *cuts, len(whole_body)]
    chunks = [whole_body[start:end] for start, end in pairwise(ends)]
    start = Start(operation, "gcp.gemini", address=url.hostname, wire=True)
    return operation.read(Evidence(start, exchange.request["body"], received, chunks))


def generated(*, streamed=False):
    found = [one for one in exchanges(*APIS) if "enerateContent" in one.request["url"]]
    found = [one for one in found if one.expected["stream"] or not streamed]
    absent = pytest.param(None, marks=pytest.mark.skip(reason="no recordings (set LLMTRACE_RECORDINGS)"))
    return pytest.mark.parametrize("exchange", found or [absent], ids=[one.name for one in found] or ["absent"])


@generated()
def test_the_parts_of_what_was_used_add_up(exchange):
    record = read(exchange)
    check(record, exchange)
    raw, usage = exchange.expected["usage"] and exchange.expected["usage"]["raw"], record.usage
    if raw and "totalTokenCount" in raw:
        assert usage.input_tokens + (usage.output_tokens or 0) == raw["totalTokenCount"]
    if usage.input_by_modality:
        assert sum(usage.input_by_modality.values()) == usage.input_tokens
    if usage.output_by_modality:
        assert sum(usage.output_by_modality.values()) + (usage.reasoning or 0) == usage.output_tokens


@generated()
def test_a_call_costs_what_its_raw_counts_do(exchange):
    record = read(exchange)
    record.provider = "gcp.gemini"
    prices = {"gemini-2.0-flash": (0.10, 0.40), "gemini-2.5-flash": (0.30, 2.50), "gemini-2.5-pro": (1.25, 10.0)}
    raw = (exchange.expected["usage"] or {}).get("raw") or {}
    if "promptTokenCount" not in raw:
        assert record.usage.input_tokens is None
        return
    per_input, per_output = prices[record.response_model]
    given = raw["promptTokenCount"] + raw.get("toolUsePromptTokenCount", 0)
    taken = raw.get("candidatesTokenCount", 0) + raw.get("thoughtsTokenCount", 0)
    cost = price(record, Prices({}))
    assert cost is not None
    assert cost.total == pytest.approx((given * per_input + taken * per_output) / 1e6)


@generated(streamed=True)
def test_where_a_stream_is_cut_into_chunks_changes_nothing(exchange):
    size, dice = len(exchange.response_bytes), random.Random(exchange.name)
    expected = read(exchange)
    for count in (1, 7, 100, size - 1):
        assert read(exchange, cuts=sorted(dice.sample(range(1, size), count))) == expected


@generated()
def test_everything_that_was_asked_is_in_the_record(exchange):
    body = exchange.request["body"]
    record = read(exchange)
    assert isinstance(record, Inference)
    config = body.get("generationConfig", {})
    assert (record.temperature, record.top_p) == (config.get("temperature"), config.get("topP"))
    assert record.max_tokens == config.get("maxOutputTokens")
    assert record.stream == ("stream" in exchange.request["url"])
    assert len(record.input_messages) == len(body["contents"])
    asked = [part for content in body["contents"] for part in content["parts"]]
    assert sum(len(message.parts) for message in record.input_messages) == len(asked)
    declared = [one["name"] for tool in body.get("tools", []) for one in tool.get("functionDeclarations", [])]
    assert [tool.name for tool in record.tool_definitions if tool.type == "function"] == declared


def test_a_cache_is_named_and_counted():
    found = exchanges("google_genai.cached_contents")
    if not found:
        pytest.skip("no recordings (set LLMTRACE_RECORDINGS)")
    client = client_of(found[0], network_of(found[0]))
    with capture() as captured:
        sent_by(client, found[0])()
        said = decoded(captured.one())
    assert said["gen_ai.operation.name"] == "create_cache"
    assert said["gen_ai.response.id"] == found[0].expected["response_id"]
    assert said["gen_ai.response.model"] == found[0].expected["response_model"]
    assert said["llmtrace.count.cached_tokens"] == found[0].expected["usage"]["total_tokens"]
