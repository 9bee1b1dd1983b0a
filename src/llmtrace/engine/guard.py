"""The one place that catches: what our own code raises is counted, said once, and never reaches the app."""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress
from types import TracebackType

logger = logging.getLogger("llmtrace")

TOLERANCE = 5
"""Faults at one place after which it is no longer run."""


class Guard:
    """Encloses one place of ours (`with guard:`), never the app's call, await or yield.

    An exception inside is swallowed, counted in `faults` and logged once with its traceback; after `tolerance` of them
    `armed` turns False, and whoever owns the place stops going there. None is for a place that every call goes through.
    Reusable and safe to enter from many threads at once.
    """

    __slots__ = ("armed", "faults", "place", "tolerance")

    strict = False
    """Raise instead of swallowing: our own tests set this on the class."""

    def __init__(self, place: str, tolerance: int | None = TOLERANCE) -> None:
        self.place = place
        self.tolerance = tolerance
        self.faults = 0
        self.armed = True

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if kind is None or not issubclass(kind, Exception) or Guard.strict:
            return False
        self.faults += 1
        first = self.faults == 1
        spent = self.armed and self.tolerance is not None and self.faults >= self.tolerance
        if spent:
            self.armed = False
        with suppress(Exception):  # a handler or a filter of the app's may raise, and must not be heard here
            if first:
                logger.warning(
                    "llmtrace: a fault of its own at %s was kept from your app. %s", self.place, _ask(kind, trace)
                )
            if spent:
                logger.warning("llmtrace: %s failed %d times and is switched off.", self.place, self.faults)
        return True


def _ask(kind: type[BaseException], trace: TracebackType | None) -> str:
    """Where it happened and what it was, without the exception's own words: those may quote prompts and secrets."""
    where = "".join(traceback.format_tb(trace))
    return f"Please report it:\n{where}{kind.__qualname__}"
