"""What became of one request to an OTLP destination, whatever the wire, and what a user can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What to do next."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    TOO_LARGE = "too large"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Reply:
    """A destination's answer, or the lack of one.

    `reason` is low in cardinality (`HTTP 404`, `no connection`); `remedy` is for a log line. `rejected` counts spans
    of an accepted request that were not taken all the same, and `retry_after` is the wait that the server asks for.
    """

    verdict: Verdict
    reason: str = ""
    remedy: str = ""
    rejected: int = 0
    retry_after: float | None = None


ACCEPTED = Reply(Verdict.ACCEPTED)


def out_of_time(timeout: float) -> Reply:
    """No (more) answer within the time that an export has."""
    return Reply(
        Verdict.REFUSED, "timeout", f"it did not answer within {timeout:g} s (OTEL_EXPORTER_OTLP_TIMEOUT sets that)"
    )


def partly(rejected: int, message: str) -> Reply:
    """Accepted, but for some spans."""
    if not rejected:
        return ACCEPTED
    return Reply(Verdict.ACCEPTED, "rejected by the server", f"it said: {message[:200]!r}", rejected)
