"""What every call needs while tracing is on, and the switch that says whether it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.trace import Tracer, TracerProvider

    from llmtrace.content.policy import Policy
    from llmtrace.engine.guard import Guard
    from llmtrace.engine.guests import Guests
    from llmtrace.engine.inferred import Tools
    from llmtrace.engine.spans import Spans
    from llmtrace.engine.uncovered import Uncovered
    from llmtrace.engine.worker import Worker
    from llmtrace.pricing import Prices
    from llmtrace.semconv.events import Events
    from llmtrace.semconv.metrics import Metrics
    from llmtrace.semconv.names import Names


@dataclass(frozen=True, slots=True)
class Engine:
    """The parts that a call is described with.

    `names` says which spelling of renamed attributes is written, `span_content` whether spans may carry content or only
    events may. `token_tables` is the folder where tiktoken's tables would lie; `propagate_hosts` may be told the trace;
    `metrics` and `events` are None if off. `guests` are the spans that libraries make themselves, and `uncovered` is
    what becomes of calls that only the backstop sees; `tools` infers those that nobody traced.
    """

    provider: TracerProvider
    tracer: Tracer
    spans: Spans
    worker: Worker
    policy: Policy
    prices: Prices
    names: Names
    span_content: bool
    token_tables: Path | None
    metrics: Metrics | None
    events: Events | None
    describing: Guard
    propagate_hosts: tuple[str, ...]
    guests: Guests
    uncovered: Uncovered | None = None
    tools: Tools | None = None


class _Switch:
    """Holds the engine in force; None while llmtrace is off, and then every wrapper just calls through."""

    __slots__ = ("engine",)

    def __init__(self) -> None:
        self.engine: Engine | None = None


SWITCH = _Switch()
