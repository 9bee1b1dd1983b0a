"""The user's own price table: patterns of model names, and what matches them costs."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from llmtrace.pricing.rates import Rate, rate_of

_log = logging.getLogger(__name__)

_UNKNOWN_MOST = 1000
"""Models that are counted by name: what servers answer as a model's name must not fill the memory."""


class PriceTableError(ValueError):
    """A price table is wrong; the message names the entry and says what would be right."""


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
    return rate_of(said, {str(unit): _dollars(f"{place}: {unit!r}", value) for unit, value in units.items()})


def _dollars(place: str, value: Any) -> Decimal:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        dollars = Decimal(str(value))
        if dollars.is_finite() and dollars >= 0:
            return dollars
    raise PriceTableError(f"{place} must be a number of dollars, 0 or more")
