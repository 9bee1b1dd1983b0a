"""Prices what a call used: by a table of the user's own, else by genai-prices as it is installed, never by fetching."""

from __future__ import annotations

import time

from llmtrace.facts.records import Cost, Inference
from llmtrace.pricing import genai
from llmtrace.pricing.genai import prepare
from llmtrace.pricing.own import Prices, PriceTableError, load
from llmtrace.pricing.rates import Billed, Rate, cost_at

__all__ = ["Billed", "PriceTableError", "Prices", "Rate", "load", "prepare", "price"]


def price(record: Billed, prices: Prices) -> Cost | None:
    """What the call cost; None where it used nothing that was counted, or where no price is known.

    A cost that the provider itself reported stands. The model that answered is looked up before the one asked for.
    """
    if record.cost is not None or not _counted(record):
        return record.cost
    models = [model for model in (record.response_model, record.request_model) if model]
    own = next((rate for model in models if (rate := prices.rate(record.provider, model))), None)
    if own is not None:
        cost = cost_at(own, record.usage, prices.source)
    else:
        cost = genai.cost(record, models, int(time.time() // 60))
    if cost is None:
        prices.miss(record.provider, models[0] if models else "unnamed")
    return cost


def _counted(record: Billed) -> bool:
    """Whether all that is billed is known: half a call has no price. A fetched answer was billed when it was made."""
    usage = record.usage
    if isinstance(record, Inference):
        by_token = usage.input_tokens is not None and usage.output_tokens is not None
        return (by_token or "audio_seconds" in usage.units) and record.operation != "fetch_response"
    return usage.input_tokens is not None or bool(usage.units)
