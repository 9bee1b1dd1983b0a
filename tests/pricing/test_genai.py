"""A price that was looked up once is the one that genai-prices itself would give for every call."""

from datetime import date, datetime, time, timezone
from decimal import Decimal

import genai_prices
import pytest
from genai_prices import types
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot
from hypothesis import example, given
from hypothesis import strategies as st

from llmtrace.facts.records import Inference, Usage
from llmtrace.pricing import genai
from llmtrace.pricing.genai import Asked

MODELS = [(provider.id, model.id) for provider in get_snapshot().providers for model in provider.models]
TIERS = [None, "default", "flex", "priority", "fast", "batch", "unheard-of"]
COUNTS = st.integers(1000, 2_000_000) | st.integers(1000, 1 << 62)
PARTS = st.none() | st.integers(100, 300)
SOUND = st.builds(
    Usage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    cache_read=PARTS,
    cache_write=st.integers(100, 300),
    cache_write_1h=st.none() | st.integers(0, 100),
    reasoning=st.none() | st.integers(0, 300),
    input_by_modality=st.fixed_dictionaries({"text": st.integers(0, 100), "audio": st.just(0)}),
    units=st.dictionaries(st.sampled_from(["web_search", "web_fetch"]), st.integers(0, 50)),
)
ODD = st.none() | st.integers(-1, 1000)
KINDS = st.dictionaries(st.sampled_from(["text", "image", "audio"]), st.integers(-1, 100), max_size=2)
UNITS = st.dictionaries(st.sampled_from(["web_search", "web_fetch", "audio_seconds"]), st.integers(-1, 50))
ANY = st.builds(Usage, *[ODD] * 6, KINDS, KINDS, KINDS, UNITS)


def minute_of(*moment):
    return int(datetime(*moment, tzinfo=timezone.utc).timestamp() // 60)


MINUTES = st.integers(minute_of(2024, 1, 1), minute_of(2028, 1, 1))


def inference(provider, model, usage, tier=None):
    return Inference(operation="chat", provider=provider, request_model=model, response_service_tier=tier, usage=usage)


@given(st.sampled_from(MODELS), st.sampled_from(TIERS), MINUTES, SOUND | ANY)
@example(("google", "gemini-2.5-pro"), None, minute_of(2026, 11, 1), Usage(200_000, 10))
@example(("google", "gemini-2.5-pro"), None, minute_of(2026, 11, 1), Usage(200_001, 10))
@example(("openai", "gpt-5"), "priority", minute_of(2026, 11, 1), Usage(1000, 10, cache_read=500))
@example(("openai", "gpt-4o"), None, minute_of(2026, 11, 1), Usage(10, 10, units={"web_search": 3}))
@example(("openai", "gpt-4o"), None, minute_of(2026, 11, 1), Usage(10, 10, cache_write=20))
@example(("openai", "gpt-4o"), None, minute_of(2026, 11, 1), Usage(10, 10, units={"web_search": -3}))
@example(("openai", "gpt-4o"), None, minute_of(2026, 11, 1), Usage(10, 10, input_by_modality={"text": -1}))
@example(("google", "gemini-2.5-flash"), None, minute_of(2026, 11, 1), Usage(10, 10, input_by_modality={"audio": 5}))
def test_a_call_costs_what_genai_prices_itself_makes_of_it(named, tier, minute, usage):
    provider, model = named
    found = genai.cost(inference(provider, model, usage, tier), [model], minute)
    assert found == genai.slowly(Asked(provider, model, tier, minute), usage)


@pytest.fixture
def snapshot():
    """Hangs up a price list of a test's own: one model, whose name must be new to the process."""

    def hang(model, prices):
        info = types.ModelInfo(id=model, match=types.ClauseEquals(model), prices=prices)
        provider = types.Provider(id="acme", name="Acme", api_pattern="https://acme.example", models=[info])
        set_custom_snapshot(
            DataSnapshot([provider], from_auto_update=True, timestamp=datetime(2026, 2, 3, tzinfo=timezone.utc))
        )

    yield hang
    set_custom_snapshot(None)


def dollars(rate):
    return types.ModelPrice(input_mtok=Decimal(rate), output_mtok=Decimal(rate))


def at(model, *moment, tokens=1_000_000):
    found = genai.cost(inference("acme", model, Usage(tokens, 0)), [model], minute_of(*moment))
    return found and found.total


def test_a_price_that_holds_at_a_time_of_day_changes_on_the_minute(snapshot):
    night = types.TimeOfDateConstraint(time(16, 30, tzinfo=timezone.utc), time(0, 30, tzinfo=timezone.utc))
    snapshot("sleepy", [types.ConditionalPrice(prices=dollars(2)), types.ConditionalPrice(night, prices=dollars(1))])
    assert [at("sleepy", 2026, 3, 1, 16, minute) for minute in (29, 30)] == [2, 1]
    assert [at("sleepy", 2026, 3, 1, 0, minute) for minute in (29, 30)] == [1, 2]


def test_a_new_price_holds_from_its_day(snapshot):
    dear = types.StartDateConstraint(date(2026, 3, 2))
    snapshot("dearer", [types.ConditionalPrice(prices=dollars(2)), types.ConditionalPrice(dear, prices=dollars(3))])
    assert [at("dearer", 2026, 3, 1, 23, 59), at("dearer", 2026, 3, 2, 0, 0)] == [2, 3]


def test_a_long_prompt_has_its_own_rate(snapshot):
    steps = types.TieredPrices(Decimal(1), [types.Tier(100_000, Decimal(2)), types.Tier(200_000, Decimal(4))])
    snapshot("long", types.ModelPrice(input_mtok=steps))
    prompts = [100_000, 100_001, 200_000, 200_001]
    assert [at("long", 2026, 3, 1, tokens=tokens) for tokens in prompts] == [0.1, 0.200002, 0.4, 0.800004]


def test_a_table_that_the_app_lets_genai_prices_fetch_counts_and_is_named(snapshot):
    assert at("fetched", 2026, 3, 1, 12, 0) is None
    snapshot("fetched", dollars(5))
    record = inference("acme", "fetched", Usage(1_000_000, 0))
    found = genai.cost(record, ["fetched"], minute_of(2026, 3, 1, 12, 1))
    assert found.total == 5
    assert found.source.endswith(", updated 2026-02-03")


@pytest.mark.parametrize("model", ["gpt-5", "nobody-knows-it"])
def test_a_model_is_looked_up_once_in_a_minute(model, monkeypatch):
    asked = []
    lookup = genai_prices.calc_price
    monkeypatch.setattr(genai_prices, "calc_price", lambda *args, **given: asked.append(args) or lookup(*args, **given))
    minute = minute_of(2025, 12, 24, 18)
    for tokens in range(3):
        genai.cost(inference("openai", model, Usage(tokens, tokens)), [model], minute)
    assert len(asked) == 1
    genai.cost(inference("openai", model, Usage(1, 1)), [model], minute + 1)
    assert len(asked) == 2


def test_made_up_model_names_do_not_fill_the_memory():
    for number in range(300):
        genai.cost(inference("openai", f"made-up-{number}", Usage(1, 1)), [f"made-up-{number}"], 0)
    assert genai._sheet.cache_info().currsize == 256
