"""Calls of models that no integration saw: counted, and named in the log once, so that nobody believes to see them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opentelemetry.context import create_key, set_value

from llmtrace.facts.records import Record

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from llmtrace.engine.engine import Engine
    from llmtrace.facts.operation import Start
    from llmtrace.semconv.metrics import Metrics

logger = logging.getLogger("llmtrace")

_KEY = create_key("llmtrace-sighting")


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


class Sighting:
    """One such call: under way like any, with nothing kept of it, and counted off the caller's thread."""

    __slots__ = ("_engine", "_library", "_start", "_uncovered", "context", "pending", "pid", "size")

    def __init__(self, engine: Engine, uncovered: Uncovered, start: Start, library: str, context: Context) -> None:
        self._engine = engine
        self._uncovered = uncovered
        self._start = start
        self._library = library
        self.pid = engine.worker.pid
        self.size = 0
        self.pending = True
        self.context = set_value(_KEY, self, context)

    def back(self, result: Any = None) -> None:  # noqa: ARG002 - nothing is kept of it
        """The transport returned."""
        self.finish()

    def finish(self, error: BaseException | None = None) -> None:  # noqa: ARG002 - as above
        """Hands itself over."""
        self.pending = False
        self._engine.worker.put(self)

    def settle(self) -> None:
        """Counts it."""
        self._uncovered.count(self._start, self._library, self._engine.metrics)

    def shed(self, reason: str) -> None:
        """It holds nothing to let go of."""


def sighted(context: Context) -> bool:
    """Whether a call that is being counted is under way here: one request may pass through two libraries."""
    sighting: Any = context.get(_KEY)
    return sighting is not None and sighting.pending
