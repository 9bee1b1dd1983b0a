"""Prices what a call used: by a table of the user's own, else by genai-prices as it is installed, never by fetching."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import json
import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from llmtrace.facts.records import Cost, Embedding, Inference, Rerank, Usage

_log = logging.getLogger(__name__)

Billed: TypeAlias = Inference | Embedding | Rerank

_UNKNOWN_MOST = 1000
"""Models that are counted by name: what servers answer as a model's name must not fill the memory."""

_GENAI_PROVIDERS = {
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


class PriceTableError(ValueError):
    """A price table is wrong; the message names the entry and says what would be right."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a model costs in dollars: per million tokens, and apiece for `units` such as `web_search`.

    In a table a rate may be left out for that of the kind it is part of: a cached or cache-writing token costs what an
    input token costs, an hour's cache write what a cache write costs, and reasoning what output costs. A unit left out
    is free. `output` is None for a model that has none, such as an embedding model.
    """

    input: Decimal
    output: Decimal | None
    cache_read: Decimal
    cache_write: Decimal
    cache_write_1h: Decimal
    reasoning: Decimal | None
    units: Mapping[str, Decimal]


class Prices:
    """Where prices come from; `unknown` counts the calls that had none, by `provider/model`.

    A table's keys are patterns (`gpt-4o*`, `azure.ai.openai/*`), matched with `model` and with `provider/model` in any
    case; the first that matches counts. `source` names the table on the spans that it priced.
    """

    def __init__(self, table: Mapping[str, Mapping[str, Any]] | None = None, source: str = "own table") -> None:
        self._rates = {
            pattern.lower(): _rate(f"{source}: {pattern!r}", given) for pattern, given in (table or {}).items()
        }
        self.source = source
        self.unknown: Counter[str] = Counter()

    def rate(self, provider: str | None, model: str) -> Rate | None:
        """What the user's own table says of a model."""
        spellings = (model.lower(), f"{provider}/{model}".lower())
        matches = (rate for pattern, rate in self._rates.items() if any(fnmatchcase(s, pattern) for s in spellings))
        return next(matches, None)

    def miss(self, provider: str | None, model: str) -> None:
        """Counts a call that has no price, and says so once per model."""
        name = f"{provider or 'unknown'}/{model}"
        if name not in self.unknown and len(self.unknown) >= _UNKNOWN_MOST:
            name = "others"
        self.unknown[name] += 1
        if self.unknown[name] == 1:
            _log.info("No price is known for %s: its calls carry no cost. LLMTRACE_PRICES can name a table.", name)


def load(path: Path) -> Prices:
    """The user's own table from a JSON file: patterns → rates in dollars per million tokens, first match first."""
    try:
        content = path.read_bytes()
        table = json.loads(content)
    except OSError as error:
        raise PriceTableError(f"{path}: cannot be read ({error.strerror}); name a readable JSON file") from error
    except ValueError as error:
        raise PriceTableError(f"{path}: is not JSON ({error}); {_EXAMPLE}") from error
    if not isinstance(table, dict):
        raise PriceTableError(f"{path}: must hold one JSON object; {_EXAMPLE}")
    # The digest tells versions of the file apart on spans that are years old; the folder is nobody's business.
    return Prices(table, f"{path.name}@{hashlib.sha256(content).hexdigest()[:8]}")


def price(record: Billed, prices: Prices) -> Cost | None:
    """What the call cost; None where it used nothing that was counted, or where no price is known.

    A cost that the provider itself reported stands. The model that answered is looked up before the one asked for.
    """
    if record.cost is not None or not _counted(record):
        return record.cost
    models = [model for model in (record.response_model, record.request_model) if model]
    own = next((rate for model in models if (rate := prices.rate(record.provider, model))), None)
    cost = _own(record.usage, own, prices.source) if own else _genai(record, models)
    if cost is None:
        prices.miss(record.provider, models[0] if models else "unnamed")
    return cost


_EXAMPLE = 'for example {"gpt-4o*": {"input": 2.5, "output": 10, "cache_read": 1.25}}'
_RATES = tuple(column.name for column in fields(Rate))


def _rate(place: str, given: Any) -> Rate:
    if not isinstance(given, Mapping):
        raise PriceTableError(f"{place} must be an object of rates; {_EXAMPLE}")
    for name in given:
        if name not in _RATES:
            raise PriceTableError(f"{place}: {name!r} is no rate; the rates are {', '.join(_RATES)}")
    if "input" not in given:
        raise PriceTableError(f"{place} lacks the rate 'input', in dollars per million tokens")
    units = given.get("units", {})
    if not isinstance(units, Mapping):
        raise PriceTableError(f"{place}: 'units' must be an object of dollars apiece, such as {{\"web_search\": 0.01}}")
    said = {name: _dollars(f"{place}: {name!r}", value) for name, value in given.items() if name != "units"}
    write = said.get("cache_write", said["input"])
    return Rate(
        input=said["input"],
        output=said.get("output"),
        cache_read=said.get("cache_read", said["input"]),
        cache_write=write,
        cache_write_1h=said.get("cache_write_1h", write),
        reasoning=said.get("reasoning", said.get("output")),
        units={str(unit): _dollars(f"{place}: {unit!r}", value) for unit, value in units.items()},
    )


def _dollars(place: str, value: Any) -> Decimal:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        dollars = Decimal(str(value))
        if dollars.is_finite() and dollars >= 0:
            return dollars
    raise PriceTableError(f"{place} must be a number of dollars, 0 or more")


def _counted(record: Billed) -> bool:
    """Whether all that is billed is known: half a call has no price. A fetched answer was billed when it was made."""
    usage = record.usage
    if isinstance(record, Inference):
        by_token = usage.input_tokens is not None and usage.output_tokens is not None
        return (by_token or "audio_seconds" in usage.units) and record.operation != "fetch_response"
    return usage.input_tokens is not None or bool(usage.units)


def _own(usage: Usage, rate: Rate, source: str) -> Cost | None:
    read, write, write_1h = usage.cache_read or 0, usage.cache_write or 0, usage.cache_write_1h or 0
    reasoning = usage.reasoning or 0
    fresh, said = (usage.input_tokens or 0) - read - write, (usage.output_tokens or 0) - reasoning
    if min(fresh, said, read, write - write_1h, write_1h, reasoning) < 0:
        return None  # parts that exceed their whole: whatever this provider means, it is not this
    if usage.output_tokens and (rate.output is None or rate.reasoning is None):
        return None
    spent_in = fresh * rate.input + read * rate.cache_read
    spent_in += (write - write_1h) * rate.cache_write + write_1h * rate.cache_write_1h
    spent_out = said * (rate.output or 0) + reasoning * (rate.reasoning or 0)
    extra = sum(count * rate.units.get(unit, 0) for unit, count in usage.units.items())
    total = (spent_in + spent_out) / 1_000_000 + extra
    return Cost(float(total), float(spent_in / 1_000_000), float(spent_out / 1_000_000), source=source)


def prepare() -> None:
    """Loads the HTTP library that genai-prices stands on; to be called on the app's thread, before any call is traced.

    Loaded later, on ours, it could be seen half-made: client libraries look for it among the loaded modules.
    """
    for requirement in importlib.metadata.requires("genai-prices") or ():
        name = re.match(r"[\w-]+", requirement)
        if name is not None and name.group() in ("httpx", "httpx2"):
            importlib.import_module(name.group())


def _genai(record: Billed, models: list[str]) -> Cost | None:
    # Deferred: its table takes 0.2 s to load, which no app should wait for that never gets here.
    import genai_prices  # noqa: PLC0415

    provider = _GENAI_PROVIDERS.get(record.provider or "", record.provider)
    if provider not in _genai_providers():  # it would guess one from the name
        return None
    tier = getattr(record, "response_service_tier", None)
    for model in models:
        try:
            found = genai_prices.calc_price(
                genai_prices.Usage(**_genai_usage(record.usage)),
                model,
                provider_id=provider,
                price_context={"service_tier": tier, "processing": tier} if tier else None,
            )
        except (LookupError, ValueError):  # an unknown model, or counts that contradict each other
            continue
        if _rated(found.model_price, record.usage):
            updated = f", updated {found.auto_update_timestamp:%Y-%m-%d}" if found.auto_update_timestamp else ""
            return Cost(
                float(found.total_price),
                float(found.input_price),
                float(found.output_price),
                source=f"genai-prices {genai_prices.__version__}{updated}",
            )
    return None


@lru_cache(maxsize=1)
def _genai_providers() -> frozenset[str]:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - as above

    return frozenset(provider.id for provider in get_snapshot().providers)


def _rated(rates: Any, usage: Usage) -> bool:
    """Whether what was used has a rate at all: by tokens, a model that is priced by the hour would come out free."""
    by_hour = usage.input_tokens is None and usage.units.get("audio_seconds")
    needed = {"input.*_mtok": usage.input_tokens, "output.*_mtok": usage.output_tokens, "audio_hours": by_hour}
    given = [name for name, rate in vars(rates).items() if rate is not None]
    return all(any(re.fullmatch(rate, name) for name in given) for rate, count in needed.items() if count)


def _genai_usage(usage: Usage) -> dict[str, int]:
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
