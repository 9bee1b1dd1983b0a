"""Costs are checked against sums done by hand on what the provider itself reported."""

import json
import socket
from decimal import Decimal
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.facts.operation import Evidence, Operation, Received, Start
from llmtrace.facts.records import Cost, Embedding, Inference, Rerank, Usage
from llmtrace.integrations import anthropic_messages
from llmtrace.integrations.openai_chat import CHAT
from llmtrace.pricing import Prices, PriceTableError, load, price
from tests import recordings

TABLE = {"*": {"input": 3, "output": 15, "cache_read": 0.3, "cache_write": 3.75, "cache_write_1h": 6}}


def inference(provider="openai", model="gpt-4o", **used):
    return Inference(operation="chat", provider=provider, request_model=model, usage=Usage(**used))


def read(operation, provider, exchange):
    """The record that the integration reads from a recorded exchange."""
    received = Received(exchange.response["status"], exchange.response["headers"].get("content-type", ""))
    start = Start(operation, provider=provider)
    record = operation.read(Evidence(start, exchange.request_bytes, received, [exchange.response_bytes]))
    record.provider = provider
    return record


def sum_of(*parts):
    return float(sum(Decimal(str(count or 0)) * Decimal(str(rate)) for count, rate in parts) / 1_000_000)


@recordings.parametrize("openai.chat.completions")
def test_openais_usage_costs_what_it_costs_by_hand(exchange):
    raw = (exchange.expected["usage"] or {}).get("raw") or {}
    cost = price(read(CHAT, "openai", exchange), Prices(TABLE))
    if not isinstance(raw.get("prompt_tokens"), int) or not isinstance(raw.get("completion_tokens"), int):
        assert cost is None
        return
    cached = (raw.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    expected = sum_of((raw["prompt_tokens"] - cached, 3), (cached, 0.3), (raw["completion_tokens"], 15))
    assert cost.total == pytest.approx(expected, abs=1e-9)


@recordings.parametrize("anthropic.messages")
def test_anthropics_usage_costs_what_it_costs_by_hand(exchange):
    raw = (exchange.expected["usage"] or {}).get("raw")
    cost = price(read(Operation("chat", anthropic_messages.read), "anthropic", exchange), Prices(TABLE))
    if not raw:
        assert cost is None
        return
    hour = (raw.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
    expected = sum_of(
        (raw["input_tokens"], 3),
        (raw.get("cache_read_input_tokens"), 0.3),
        ((raw.get("cache_creation_input_tokens") or 0) - hour, 3.75),
        (hour, 6),
        (raw["output_tokens"], 15),
    )
    assert cost.total == pytest.approx(expected, abs=1e-9)


def test_each_kind_of_token_has_its_rate():
    table = {"gpt-4o": {**TABLE["*"], "reasoning": 20, "units": {"web_search": 0.01}}}
    used = {"input_tokens": 1000, "cache_read": 200, "cache_write": 300, "cache_write_1h": 100, "output_tokens": 50}
    cost = price(inference(**used, reasoning=10, units={"web_search": 3, "web_fetch": 2}), Prices(table, "mine@1"))
    # (500·3 + 200·0.3 + 200·3.75 + 100·6) / 1e6 and (40·15 + 10·20) / 1e6 and 3·0.01
    assert cost == Cost(
        total=pytest.approx(0.03371, abs=1e-12),
        input=pytest.approx(0.00291, abs=1e-12),
        output=pytest.approx(0.0008, abs=1e-12),
        source="mine@1",
    )


def test_a_rate_left_out_is_that_of_the_kind_it_is_part_of():
    used = {
        "input_tokens": 100,
        "cache_read": 20,
        "cache_write": 30,
        "cache_write_1h": 10,
        "output_tokens": 50,
        "reasoning": 10,
    }
    assert price(inference(**used), Prices({"*": {"input": 1, "output": 2}})).total == pytest.approx(200e-6, abs=1e-15)


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        ("gpt-4o", True),
        ("GPT-4*", True),
        ("openai/gpt-4o", True),
        ("openai/*", True),
        ("*/gpt-4o", True),
        ("gpt-4", False),
        ("azure.ai.openai/*", False),
    ],
)
def test_a_pattern_matches_the_model_with_or_without_its_provider(pattern, known):
    assert (Prices({pattern: {"input": 1}}).rate("openai", "gpt-4o") is not None) == known


def test_the_first_pattern_that_matches_counts():
    prices = Prices({"gpt-4o-mini": {"input": 1}, "gpt-*": {"input": 2}})
    assert prices.rate("openai", "gpt-4o-mini").input == 1
    assert prices.rate("openai", "gpt-5").input == 2


def test_the_model_that_answered_is_priced_before_the_one_asked_for():
    prices = Prices({"asked": {"input": 1, "output": 1}, "answered": {"input": 2, "output": 2}})
    record = inference(model="asked", input_tokens=1_000_000, output_tokens=0)
    assert price(record, prices).total == 1
    record.response_model = "answered"
    assert price(record, prices).total == 2
    record.response_model = "unheard-of"
    assert price(record, prices).total == 1


def test_the_users_own_table_wins():
    record = inference(input_tokens=1_000_000, output_tokens=0)
    assert price(record, Prices({"gpt-4o": {"input": 7, "output": 7}})).total == 7
    assert price(record, Prices()).total == 2.5


@pytest.mark.parametrize(
    ("provider", "model", "used", "expected"),
    [
        # Dollars per million tokens as genai-prices lists them: input, cached, cache write, an hour's, output.
        (
            "openai",
            "gpt-4o-mini-2024-07-18",
            {"input_tokens": 1370, "cache_read": 1280, "output_tokens": 155},
            (90 * 0.15, 1280 * 0.075, 155 * 0.6),
        ),
        (
            "anthropic",
            "claude-haiku-4-5-20251001",
            {"input_tokens": 1754, "cache_write": 1733, "cache_write_1h": 733, "output_tokens": 561},
            (21 * 1, 1000 * 1.25, 733 * 2, 561 * 5),
        ),
        (
            "anthropic",
            "claude-haiku-4-5",
            {"input_tokens": 10, "output_tokens": 10, "units": {"web_search": 2}},
            (10, 50, 2 * 10_000),
        ),
        ("azure.ai.openai", "gpt-4o", {"input_tokens": 10, "output_tokens": 155}, (10 * 2.5, 155 * 10)),
        ("openai", "gpt-5-mini", {"input_tokens": 147, "output_tokens": 85, "reasoning": 64}, (147 * 0.25, 85 * 2)),
    ],
)
def test_genai_prices_is_asked_in_its_own_words(provider, model, used, expected):
    cost = price(inference(provider, model, **used), Prices())
    assert cost.total == pytest.approx(sum(expected) / 1e6, abs=1e-9)
    assert cost.currency == "USD"
    assert cost.source == f"genai-prices {version('genai-prices')}"


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("aws.bedrock", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
        ("gcp.vertex_ai", "gemini-2.5-flash"),
        ("gcp.gemini", "gemini-2.5-flash"),
        ("x_ai", "grok-4"),
        ("mistral_ai", "mistral-large-latest"),
        ("moonshot_ai", "kimi-k2-0905-preview"),
        ("groq", "llama-3.3-70b-versatile"),
        ("deepseek", "deepseek-chat"),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("openrouter", "openai/gpt-4o"),
    ],
)
def test_the_conventions_providers_are_known_to_genai_prices(provider, model):
    assert price(inference(provider, model, input_tokens=10, output_tokens=10), Prices()).total > 0


def test_a_faster_tier_costs_what_it_costs():
    slow, fast = (inference("openai", "gpt-5", input_tokens=1000, output_tokens=1000) for _ in range(2))
    fast.response_service_tier = "priority"
    assert price(fast, Prices()).total > price(slow, Prices()).total


def test_a_batch_costs_half():
    single, batch = (
        inference("anthropic", "claude-haiku-4-5", input_tokens=1000, output_tokens=1000) for _ in range(2)
    )
    batch.response_service_tier = "batch"
    assert price(batch, Prices()).total == price(single, Prices()).total / 2


def test_less_than_nothing_has_no_price():
    record = inference(input_tokens=1, output_tokens=1, units={"web_search": -1})
    assert price(record, Prices({"*": {"input": 1, "output": 1, "units": {"web_search": 1}}})) is None


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "nobody-knows-it"), ("ollama", "gpt-4o"), ("my-openai-proxy", "gpt-4o"), (None, "gpt-4o")],
)
def test_a_model_nobody_knows_costs_nothing_that_we_know_and_is_counted(provider, model, caplog):
    prices = Prices()
    caplog.set_level("INFO", "llmtrace.pricing")
    for _ in range(3):
        assert price(inference(provider, model, input_tokens=10, output_tokens=10), prices) is None
    assert prices.unknown == {f"{provider or 'unknown'}/{model}": 3}
    assert len(caplog.records) == 1


def test_made_up_model_names_do_not_fill_the_memory():
    prices = Prices()
    for number in range(1500):
        prices.miss("openai", f"made-up-{number}")
    assert len(prices.unknown) == 1001
    assert prices.unknown["others"] == 500


@pytest.mark.parametrize(
    "record",
    [
        inference(),
        inference(input_tokens=10),
        inference(output_tokens=10),
        Inference(operation="fetch_response", provider="openai", request_model="gpt-4o", usage=Usage(10, 10)),
        Embedding(provider="openai", request_model="text-embedding-3-small"),
        Rerank(provider="cohere", request_model="rerank-v3.5"),
    ],
)
def test_a_call_whose_use_is_not_known_in_full_has_no_cost_and_is_no_gap_in_the_table(record):
    prices = Prices(TABLE)
    assert price(record, prices) is None
    assert not prices.unknown


def test_an_embedding_costs_its_input():
    record = Embedding(provider="openai", request_model="text-embedding-3-small", usage=Usage(input_tokens=1_000_000))
    assert price(record, Prices()).total == pytest.approx(0.02, abs=1e-9)
    assert price(record, Prices({"*": {"input": 5}})).total == 5


def test_output_without_a_rate_has_no_price():
    assert price(inference(input_tokens=1, output_tokens=1), Prices({"*": {"input": 5}})) is None


def test_a_model_that_is_not_priced_by_tokens_is_not_free():
    for used in ((100, 100), (100, 0)):
        assert price(inference("openai", "whisper-1", input_tokens=used[0], output_tokens=used[1]), Prices()) is None


def test_speech_that_is_billed_by_the_second_costs_its_seconds():
    spoken = inference("openai", "whisper-1", units={"audio_seconds": 90})
    assert price(spoken, Prices()).total == pytest.approx(0.006 * 1.5, abs=1e-9)
    assert price(spoken, Prices({"*": {"input": 1, "units": {"audio_seconds": 0.001}}})).total == pytest.approx(0.09)
    assert price(inference("openai", "gpt-4o", units={"audio_seconds": 90}), Prices()) is None


def test_counts_that_contradict_each_other_have_no_price():
    contradiction = {"input_tokens": 10, "output_tokens": 10, "cache_read": 20}
    assert price(inference(**contradiction), Prices(TABLE)) is None
    assert price(inference(**contradiction), Prices()) is None


def test_no_price_is_asked_of_the_network(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a socket was opened"))
    assert price(inference(input_tokens=10, output_tokens=10), Prices()) is not None


def test_a_cost_that_the_provider_reported_stands():
    record = inference(input_tokens=10, output_tokens=10)
    record.cost = Cost(0.5, source="provider")
    assert price(record, Prices(TABLE)) == Cost(0.5, source="provider")


COUNTS = st.none() | st.integers(-3, 1 << 70)


@given(
    st.builds(Usage, *[COUNTS] * 6, st.dictionaries(st.sampled_from(["text", "audio"]), st.integers())), st.booleans()
)
def test_no_usage_raises_or_costs_less_than_nothing(usage, own):
    record = inference()
    record.usage = usage
    cost = price(record, Prices(TABLE) if own else Prices())
    assert cost is None or cost.total >= 0


def test_a_table_is_loaded_and_named_with_its_version(tmp_path):
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(TABLE))
    prices = load(path)
    assert prices.source == "prices.json@29edcbb2"
    assert prices.rate("openai", "any").cache_read == Decimal("0.3")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "must hold one JSON object"),
        ('{"gpt-4o": 3}', "'gpt-4o' must be an object of rates"),
        ('{"gpt-4o": {"output": 3}}', "'gpt-4o' lacks the rate 'input'"),
        ('{"gpt-4o": {"inptu": 3}}', "'inptu' is no rate; the rates are input, output"),
        ('{"gpt-4o": {"input": "3"}}', "'gpt-4o': 'input' must be a number of dollars, 0 or more"),
        ('{"gpt-4o": {"input": -1}}', "'input' must be a number"),
        ('{"gpt-4o": {"input": true}}', "'input' must be a number"),
        ('{"gpt-4o": {"input": NaN}}', "'input' must be a number"),
        ('{"gpt-4o": {"input": 1, "units": 3}}', "'units' must be an object of dollars apiece"),
        ('{"gpt-4o": {"input": 1, "units": {"web_search": null}}}', "'web_search' must be a number"),
    ],
)
def test_a_wrong_table_is_refused_with_the_entrys_name_and_what_would_be_right(tmp_path, content, said):
    path = tmp_path / "prices.json"
    path.write_text(content)
    with pytest.raises(PriceTableError, match=r"prices\.json") as refusal:
        load(path)
    assert said in str(refusal.value)


def test_a_table_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(PriceTableError, match="cannot be read"):
        load(tmp_path / "absent.json")
