"""Reads amounts as people type them: durations, sizes, sums of money, and pairs of a key and a value."""

from __future__ import annotations

import math
import re

import typer

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)", re.ASCII)


def duration(text: str) -> float:
    """Seconds; without a unit, that is what they are."""
    return _amount(text, _SECONDS, "s", "a duration is a number and ms, s, m, h, d or w, such as 90s or 30d")


def size(text: str) -> int:
    """Bytes."""
    return int(_amount(text, _BYTES, "b", "a size is a number and B, kB, MB, GB, KiB, MiB or GiB, such as 500MB"))


def money(text: str) -> float:
    """A sum that is not negative."""
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not 0 <= amount < math.inf:
        raise typer.BadParameter(f"{text!r}: an amount is a number such as 0.25")
    return amount


def pair(text: str) -> tuple[str, str]:
    """A key and what it should be."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise typer.BadParameter(f"{text!r}: write it as KEY=VALUE")
    return key, value


def _amount(text: str, units: dict[str, int] | dict[str, float], usual: str, rule: str) -> float:
    found = _AMOUNT.fullmatch(text.strip().lower())
    unit = units.get(found[2] or usual) if found else None
    if found is None or unit is None:
        raise typer.BadParameter(f"{text!r}: {rule}")
    return float(found[1]) * unit
