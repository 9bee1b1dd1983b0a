"""One run of tracing, from init to shutdown: its engine, its patches, its destinations."""

from __future__ import annotations

import logging
import time
from importlib.metadata import version

from opentelemetry._logs import get_logger_provider
from opentelemetry.metrics import get_meter_provider

from llmtrace import integrations
from llmtrace.content.policy import Policy
from llmtrace.content.redaction import Redactor
from llmtrace.engine.engine import SWITCH, Engine
from llmtrace.engine.guard import Guard
from llmtrace.engine.guests import Guests, Native
from llmtrace.engine.inferred import Tools
from llmtrace.engine.patch import Patcher, missing
from llmtrace.engine.spans import Spans
from llmtrace.engine.threads import THREADS
from llmtrace.engine.uncovered import Uncovered
from llmtrace.engine.worker import Worker
from llmtrace.exporters import build
from llmtrace.facts.operation import Listed
from llmtrace.pricing import Prices, prepare
from llmtrace.pricing import load as load_prices
from llmtrace.runtime import delivery
from llmtrace.runtime.delivery import Delivery
from llmtrace.runtime.intake import Intake
from llmtrace.runtime.provider import SCOPE_NAME, FrontProcessor, add, provider_for, remove
from llmtrace.semconv.events import Events
from llmtrace.semconv.metrics import Metrics
from llmtrace.settings import Settings, SettingsError

logger = logging.getLogger("llmtrace")

VERSION = version("llmtrace")

UNCOVERED_TIMEOUT = 1.0
"""Seconds that a question for what was not covered may wait for the calls that are still to be looked at."""


class Session:
    """All that `init()` starts. Raises `SettingsError` before anything is patched where a setting can't be met."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._asked = {name for name in settings.integrations or () if not name.startswith("-")}
        chosen = self._chosen()
        self.provider, joined = provider_for(settings)
        # The app's own provider already sends where those variables say; a second exporter would send everything twice.
        theirs = joined and settings.origin("exporters").startswith("OTEL_")
        self.destinations = [] if theirs else build(settings)
        self.worker = Worker(settings.queue_bytes, threaded=settings.worker)
        self.front = FrontProcessor(self.worker.drain)
        self.deliveries = [Delivery(destination) for destination in self.destinations]
        self.engine = self._engine()
        self.intake = Intake(self.engine, self.deliveries)
        self.engine.spans.watching = self.intake
        if not add(self.provider, self.front, [self.intake]) and self.deliveries:
            logger.warning(
                "llmtrace: the tracer provider in force, a %s, takes no span processors, so llmtrace exports nothing "
                "through it; give init() a provider of its own: init(tracer_provider=TracerProvider()).",
                type(self.provider).__qualname__,
            )
        prepare()
        SWITCH.engine = self.engine
        self._integrations = chosen
        self._http_clients = self._backstop()
        self.patcher: Patcher | None = None
        self.instrument()

    def _chosen(self) -> list[Listed]:
        try:
            chosen = integrations.choose(self.settings.integrations)
        except ValueError as error:
            message = f"integrations (from {self.settings.origin('integrations')}): {error}"
            raise SettingsError(message) from error
        lacks = [line for each in chosen if each.name in self._asked for line in missing(each)]
        if lacks:
            raise SettingsError(f"integrations (from {self.settings.origin('integrations')}): {' '.join(lacks)}")
        return [Native(each) if each.name in self.settings.native_spans else each for each in chosen]

    def _engine(self) -> Engine:
        settings = self.settings
        describing = Guard("the description of a call", tolerance=None)
        tracer = self.provider.get_tracer(SCOPE_NAME, VERSION)
        return Engine(
            provider=self.provider,
            tracer=tracer,
            spans=Spans(self.provider, tracer, settings.names, (FrontProcessor, Intake), describing),
            worker=self.worker,
            policy=self._policy(),
            prices=load_prices(settings.prices) if settings.prices else Prices(),
            names=settings.names,
            span_content=settings.span_content,
            token_tables=settings.tiktoken_cache,
            metrics=Metrics(get_meter_provider().get_meter(SCOPE_NAME, VERSION), settings.names),
            events=Events(get_logger_provider().get_logger(SCOPE_NAME, VERSION), settings.names)
            if settings.events
            else None,
            describing=describing,
            guests=Guests(),
            propagate_hosts=settings.propagate_hosts,
            uncovered=self._uncovered(),
            tools=Tools() if settings.inferred_tools else None,
        )

    def _backstop(self) -> list[Listed]:
        mode, hosts = self.settings.backstop, self.settings.backstop_hosts
        return [] if mode == "off" else integrations.http_clients(hosts, reads=mode == "trace")

    def _uncovered(self) -> Uncovered | None:
        mode = self.settings.backstop
        return None if mode == "off" else Uncovered(self._remedy, tracing=mode == "trace")

    def _remedy(self, provider: str | None) -> str:
        name = integrations.reaching(provider)
        others = "LLMTRACE_BACKSTOP=trace makes spans of these, and LLMTRACE_BACKSTOP=off ends this count."
        if any(listed.name == name for listed in self._integrations):
            return f"Calls through the library of the integration {name!r} are traced. {others}"
        return f"The integration {name!r} is not among those in force. {others}"

    def _policy(self) -> Policy:
        settings = self.settings
        keepers = [keeper for destination in self.destinations if (keeper := destination.keeper()) is not None]
        return Policy(
            capture=settings.capture,
            redactor=Redactor(settings.redact),
            sink=keepers[0].keep if keepers else None,
            max_value_bytes=settings.max_value_bytes,
            max_span_bytes=settings.max_span_bytes,
        )

    def instrument(self) -> None:
        """Patches the libraries, unless they are patched."""
        if self.patcher is None:
            threads = [THREADS] if self.settings.threads else []
            self.patcher = Patcher(
                [*self._integrations, *self._http_clients, *threads], self._asked, self.engine.guests.readers
            )

    def uninstrument(self) -> None:
        """Restores the libraries."""
        if self.patcher is not None:
            self.patcher.take_off()
            self.patcher = None

    def uncovered(self) -> dict[tuple[str, str], int]:
        """How many calls only the backstop saw, by host and operation."""
        self.worker.drain(UNCOVERED_TIMEOUT)
        return {} if self.engine.uncovered is None else dict(self.engine.uncovered.calls)

    def flush(self, timeout: float) -> bool:
        """Drains the hand-over and sends every finished span, within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        drained = self.worker.drain(timeout)
        return delivery.flush(self.deliveries, deadline - time.monotonic()) and drained

    def shutdown(self, timeout: float) -> bool:
        """Restores the libraries, sends what is left, and closes the destinations; the provider itself lives on."""
        deadline = time.monotonic() + timeout
        self.uninstrument()
        if SWITCH.engine is self.engine:
            SWITCH.engine = None
        drained = self.worker.stop(timeout)
        self.front.on = False
        sent = delivery.close(self.deliveries, deadline - time.monotonic())
        remove(self.provider, [self.front, self.intake])
        return drained and sent
