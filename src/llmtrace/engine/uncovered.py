"""Calls of models that no integration saw: counted, and named in the log once, so that nobody believes to see them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from llmtrace.facts.records import Record

if TYPE_CHECKING:
    from llmtrace.facts.operation import Start
    from llmtrace.semconv.metrics import Metrics

logger = logging.getLogger("llmtrace")


class Uncovered:
    """What becomes of a call that the backstop alone saw: a span if `tracing`, else a number and a word in the log.

    `remedy` says what is to be done about the calls of a provider. `calls` counts by host and operation.
    """

    def __init__(self, remedy: Callable[[str | None], str], *, tracing: bool) -> None:
        self.remedy = remedy
        self.tracing = tracing
        self.calls: Counter[tuple[str, str]] = Counter()

    def count(self, start: Start, library: str, metrics: Metrics | None) -> None:
        """Counts one call."""
        operation = start.operation.name
        named = (start.address or "", operation)
        self.calls[named] += 1
        if metrics is not None:
            known = Record(operation=operation, provider=start.provider, request_model=start.model)
            known.server_address, known.server_port = start.address, start.port
            metrics.uncovered(known)
        if self.calls[named] == 1:
            logger.warning(
                "llmtrace: %s calls to %s go through %s untraced: no integration sees them. %s",
                operation,
                start.address,
                library,
                self.remedy(start.provider),
            )
