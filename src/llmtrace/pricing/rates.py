"""A model's rates, and what a usage costs at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from llmtrace.facts.records import Cost, Embedding, Inference, Rerank, Usage

Billed: TypeAlias = Inference | Embedding | Rerank


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


def rate_of(said: Mapping[str, Decimal], units: Mapping[str, Decimal]) -> Rate:
    """The rates that were given, `input` among them, and for each that was left out that of the kind it is part of."""
    write = said.get("cache_write", said["input"])
    return Rate(
        input=said["input"],
        output=said.get("output"),
        cache_read=said.get("cache_read", said["input"]),
        cache_write=write,
        cache_write_1h=said.get("cache_write_1h", write),
        reasoning=said.get("reasoning", said.get("output")),
        units=units,
    )


def cost_at(rate: Rate, usage: Usage, source: str) -> Cost | None:
    """What the usage costs; None where it has parts that contradict each other, or output that has no rate."""
    read, write, write_1h = usage.cache_read or 0, usage.cache_write or 0, usage.cache_write_1h or 0
    reasoning = usage.reasoning or 0
    fresh, said = (usage.input_tokens or 0) - read - write, (usage.output_tokens or 0) - reasoning
    if min(fresh, said, read, write - write_1h, write_1h, reasoning, *usage.units.values()) < 0:
        return None  # parts that exceed their whole: whatever this provider means, it is not this
    if usage.output_tokens and (rate.output is None or rate.reasoning is None):
        return None
    spent_in = fresh * rate.input + read * rate.cache_read
    spent_in += (write - write_1h) * rate.cache_write + write_1h * rate.cache_write_1h
    spent_out = said * (rate.output or 0) + reasoning * (rate.reasoning or 0)
    extra = sum(count * rate.units.get(unit, 0) for unit, count in usage.units.items())
    total = (spent_in + spent_out) / 1_000_000 + extra
    return Cost(float(total), float(spent_in / 1_000_000), float(spent_out / 1_000_000), source=source)
