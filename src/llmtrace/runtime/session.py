"""One run of tracing, from init to shutdown: its engine, its patches, its destinations."""

from __future__ import annotations

import time
from importlib.metadata import version

from opentelemetry._logs import get_logger_provider
from opentelemetry.metrics import get_meter_provider
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from llmtrace import integrations
from llmtrace.content.policy import Policy
from llmtrace.content.redaction import Redactor
from llmtrace.engine.engine import SWITCH, Engine
from llmtrace.engine.guard import Guard
from llmtrace.engine.patch import Patcher
from llmtrace.engine.worker import Worker
from llmtrace.exporters import Destination, build
from llmtrace.facts.operation import Integration
from llmtrace.pricing import Prices
from llmtrace.pricing import load as load_prices
from llmtrace.runtime.provider import SCOPE_NAME, FrontProcessor, add, provider_for, remove
from llmtrace.semconv.events import Events
from llmtrace.semconv.metrics import Metrics
from llmtrace.settings import Settings, SettingsError

SCHEDULE_MILLIS = 1_000
"""How long a finished span waits for company before its batch goes out."""

QUEUE_SPANS = 8_192

VERSION = version("llmtrace")


class Session:
    """All that `init()` starts. Raises `SettingsError` before anything is patched where a setting can't be met."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        chosen = self._chosen()
        self.destinations: list[Destination] = build(settings)
        self.worker = Worker(settings.queue_bytes, threaded=settings.worker)
        self.provider, self.made = provider_for(settings)
        self.front = FrontProcessor(self.worker.drain)
        self.processors: list[SpanProcessor] = [_processor(destination) for destination in self.destinations]
        add(self.provider, self.front, self.processors)
        self.engine = self._engine()
        SWITCH.engine = self.engine
        self._integrations = chosen
        self.patcher: Patcher | None = None
        self.instrument()

    def _chosen(self) -> list[Integration]:
        try:
            chosen = integrations.choose(self.settings.integrations)
        except ValueError as error:
            message = f"integrations (from {self.settings.origin('integrations')}): {error}"
            raise SettingsError(message) from error
        return [integration for integration in chosen if integration.name not in self.settings.native_spans]

    def _engine(self) -> Engine:
        settings = self.settings
        return Engine(
            tracer=self.provider.get_tracer(SCOPE_NAME, VERSION),
            worker=self.worker,
            policy=self._policy(),
            prices=load_prices(settings.prices) if settings.prices else Prices(),
            names=settings.names,
            token_tables=settings.tiktoken_cache,
            metrics=Metrics(get_meter_provider().get_meter(SCOPE_NAME, VERSION), settings.names),
            events=Events(get_logger_provider().get_logger(SCOPE_NAME, VERSION), settings.names)
            if settings.events
            else None,
            describing=Guard("the description of a call", tolerance=None),
        )

    def _policy(self) -> Policy:
        settings = self.settings
        return Policy(
            capture=settings.capture,
            redactor=Redactor(settings.redact),
            max_value_bytes=settings.max_value_bytes,
            max_span_bytes=settings.max_span_bytes,
        )

    def instrument(self) -> None:
        """Patches the libraries, unless they are patched."""
        if self.patcher is None:
            self.patcher = Patcher(self._integrations)

    def uninstrument(self) -> None:
        """Restores the libraries."""
        if self.patcher is not None:
            self.patcher.take_off()
            self.patcher = None

    def flush(self, timeout: float) -> bool:
        """Drains the hand-over and sends every finished span, within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        done = self.worker.drain(timeout)
        for processor in self.processors:
            done = processor.force_flush(_millis(deadline)) and done
        return done

    def shutdown(self, timeout: float) -> bool:
        """Restores the libraries, flushes, and closes the destinations; the provider itself lives on."""
        deadline = time.monotonic() + timeout
        self.uninstrument()
        if SWITCH.engine is self.engine:
            SWITCH.engine = None
        done = self.worker.stop(timeout) and self.flush(deadline - time.monotonic())
        self.front.on = False
        for processor in self.processors:
            processor.shutdown()
        remove(self.provider, [self.front, *self.processors])
        return done


def _processor(destination: Destination) -> SpanProcessor:
    return BatchSpanProcessor(destination.exporter, max_queue_size=QUEUE_SPANS, schedule_delay_millis=SCHEDULE_MILLIS)


def _millis(deadline: float) -> int:
    return max(int((deadline - time.monotonic()) * 1000), 0)
