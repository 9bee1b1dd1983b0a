"""Asks genai-prices what a model costs, and keeps the answer for the minute in which it was given."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from llmtrace.facts.records import Cost, Usage
from llmtrace.pricing.rates import Billed, Rate, cost_at, rate_of

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

_PROVIDERS = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
}
"""The conventions' name of a provider → its id in genai-prices, where they differ."""

_RATES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_reasoning_mtok": "reasoning",
}
_SEARCHES = "web_searches_kcount"
_UNUSED = re.compile(r"storage_searches_kcount|(input|output|cache)_(audio|image|video)(_\w+)?_mtok")
"""Rates that cost nothing where nothing but text is counted: nobody reports searches of a store."""


class Asked(NamedTuple):
    """All that a price depends on beside what was used; `minute` counts from 1970, since some prices hold at times."""

    provider: str | None
    model: str
    tier: str | None
    minute: int


class Sheet(NamedTuple):
    """A model's price in our words, for text of at most `most` input tokens; `rate` is None where we lack the words."""

    rate: Rate | None
    most: float
    source: str


def cost(record: Billed, models: list[str], minute: int) -> Cost | None:
    """What the call costs in that minute, by the first of the models that has a price."""
    tier = getattr(record, "response_service_tier", None)
    for model in models:
        asked = Asked(record.provider, model, tier, minute)
        sheet = _sheet(asked)
        if sheet is None:
            continue
        found = _quickly(sheet, record.usage) or slowly(asked, record.usage)
        if found is not None:
            return found
    return None


def _quickly(sheet: Sheet, usage: Usage) -> Cost | None:
    """The same as `slowly`, for the usage and the price that nearly every call has; None where it is another."""
    if sheet.rate is None or usage.input_tokens is None or usage.input_tokens > sheet.most:
        return None
    for counts in (usage.input_by_modality, usage.output_by_modality, usage.cache_read_by_modality):
        for kind, count in counts.items():
            if count < 0 or (count and kind != "text"):
                return None
    return cost_at(sheet.rate, usage, sheet.source)


def slowly(asked: Asked, usage: Usage) -> Cost | None:
    """What genai-prices itself makes of it, which takes it tens of microseconds; None where it has no price for it."""
    found = _found(asked, _in_its_words(usage))
    if found is None or not _rated(found.model_price, usage):
        return None
    return Cost(float(found.total_price), float(found.input_price), float(found.output_price), source=_source(found))


# A minute bounds how long a price holds that was found: those that depend on the time change on the minute. It is also
# how soon a table counts that the app lets genai-prices fetch.
@lru_cache(maxsize=256)
def _sheet(asked: Asked) -> Sheet | None:
    """What genai-prices knows of a model; None where it does not know it."""
    found = _found(asked, {})
    if found is None:
        return None
    # Deferred: its table takes 0.2 s to load, which no app should wait for that never gets here.
    from genai_prices.types import TieredPrices  # noqa: PLC0415

    rates: dict[str, Decimal] = {}
    most = float("inf")
    for name, rate in vars(found.model_price).items():
        if isinstance(rate, TieredPrices):
            most = min(most, *(tier.start for tier in rate.tiers))
            rates[name] = rate.base
        elif rate is not None and not _UNUSED.fullmatch(name):
            rates[name] = rate
    units = {"web_search": rates.pop(_SEARCHES) / 1000} if _SEARCHES in rates else {}
    if "input_mtok" not in rates or not rates.keys() <= _RATES.keys():
        return Sheet(None, most, _source(found))
    said = {_RATES[name]: rate for name, rate in rates.items()}
    return Sheet(rate_of(said, units), most, _source(found))


def _found(asked: Asked, counts: Mapping[str, int]) -> PriceCalculation | None:
    import genai_prices  # noqa: PLC0415 - as above
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    provider = _PROVIDERS.get(asked.provider or "", asked.provider)
    if not any(provider == known.id for known in get_snapshot().providers):  # it would guess one from the name
        return None
    try:
        return genai_prices.calc_price(
            genai_prices.Usage(**counts),
            asked.model,
            provider_id=provider,
            genai_request_timestamp=datetime.fromtimestamp(asked.minute * 60, timezone.utc),
            price_context={"service_tier": asked.tier, "processing": asked.tier} if asked.tier else None,
        )
    except (LookupError, ValueError):  # an unknown model, or counts that contradict each other
        return None


def _source(found: PriceCalculation) -> str:
    import genai_prices  # noqa: PLC0415 - as above

    updated = f", updated {found.auto_update_timestamp:%Y-%m-%d}" if found.auto_update_timestamp else ""
    return f"genai-prices {genai_prices.__version__}{updated}"


def _rated(rates: Any, usage: Usage) -> bool:
    """Whether what was used has a rate at all: by tokens, a model that is priced by the hour would come out free."""
    by_hour = usage.input_tokens is None and usage.units.get("audio_seconds")
    needed = {"input.*_mtok": usage.input_tokens, "output.*_mtok": usage.output_tokens, "audio_hours": by_hour}
    given = [name for name, rate in vars(rates).items() if rate is not None]
    return all(any(re.fullmatch(rate, name) for name in given) for rate, count in needed.items() if count)


def _in_its_words(usage: Usage) -> dict[str, int]:
    """The counts in genai-prices' words; its totals too include cached tokens and reasoning."""
    counts: dict[str, int | None] = {
        # A count that is said to be 0 spares genai-prices from inferring that.
        "input_tokens": usage.input_tokens or 0,
        "output_tokens": usage.output_tokens or 0,
        "cache_read_tokens": usage.cache_read or 0,
        "cache_write_tokens": usage.cache_write or 0,
        "cache_write_1h_tokens": usage.cache_write_1h or 0,
        "output_reasoning_tokens": usage.reasoning or 0,
        "web_searches": usage.units.get("web_search", 0),
        "storage_searches": 0,
        "audio_seconds": usage.units.get("audio_seconds", 0),
        "input_audio_seconds": usage.units.get("audio_seconds", 0),
    }
    for kind in ("text", "image", "audio"):
        counts[f"input_{kind}_tokens"] = usage.input_by_modality.get(kind)
        counts[f"output_{kind}_tokens"] = usage.output_by_modality.get(kind)
        counts[f"cache_{kind}_read_tokens"] = usage.cache_read_by_modality.get(kind)
    return {name: count for name, count in counts.items() if count is not None}


def prepare() -> None:
    """Loads the HTTP library that genai-prices stands on; to be called on the app's thread, before any call is traced.

    Loaded later, on ours, it could be seen half-made: client libraries look for it among the loaded modules.
    """
    for requirement in importlib.metadata.requires("genai-prices") or ():
        name = re.match(r"[\w-]+", requirement)
        if name is not None and name.group() in ("httpx", "httpx2"):
            importlib.import_module(name.group())
