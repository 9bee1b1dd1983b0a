"""The one place that catches: what our own code raises is counted, said once, and never reaches the app."""

from __future__ import annotations

import logging
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
        if self.faults == 1:
            logger.warning(
                "llmtrace: a fault of its own at %s was kept from your app. Please report it.",
                self.place,
                exc_info=(kind, error, trace),  # type: ignore[arg-type]  # an Exception, as tested above
            )
        if self.faults == self.tolerance:
            self.armed = False
            logger.warning("llmtrace: %s failed %d times and is switched off.", self.place, self.faults)
        return True
