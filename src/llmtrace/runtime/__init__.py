"""init and shutdown: the one place where settings, engine, integrations and exporters meet."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llmtrace.settings import Settings, SettingsError, differences, resolve

if TYPE_CHECKING:
    import re

    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import TracerProvider

    from llmtrace.runtime.session import Session

FLUSH_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Handle:
    """What `init()` gives: the settings in force, and the ways to flush and to end."""

    settings: Settings
    session: Session | None

    def flush(self, timeout: float = FLUSH_TIMEOUT) -> bool:
        """Sends everything that is finished. False if `timeout` (seconds) ran out or a destination failed."""
        return self.session is None or self.session.flush(timeout)

    def uncovered(self) -> dict[tuple[str, str], int]:
        """How many model calls no integration saw up to now, by host and operation; empty is what is wanted."""
        return {} if self.session is None else self.session.uncovered()

    def shutdown(self, timeout: float = FLUSH_TIMEOUT) -> bool:
        """Restores the libraries, sends what is left and closes the destinations. `init()` may follow again."""
        return _end(self, timeout)

    def uninstrument(self) -> None:
        """Restores the libraries' own functions; decorated functions stay traced."""
        if self.session is not None:
            self.session.uninstrument()


class _Current:
    """The handle in force, and the lock under which it changes."""

    handle: Handle | None = None
    lock = threading.RLock()


def init(
    *,
    service_name: str | None = None,
    environment: str | None = None,
    exporters: str | SpanExporter | Mapping[str, Any] | Sequence[str | SpanExporter | Mapping[str, Any]] | None = None,
    capture: str | None = None,
    integrations: str | Sequence[str] | None = None,
    tracer_provider: TracerProvider | None = None,
    redact: Callable[[str], str] | Mapping[str, str | re.Pattern[str]] | None = None,
    disabled: bool | None = None,
) -> Handle:
    """Starts tracing: from now on every call of a known library is a span.

    `exporters` says where spans go: names (`"jaeger"`, `"honeycomb"`, `"otlp"`, `"console"`, `"local"`), URLs, exporter
    objects, or several of them; without any, the local store. `capture` is `"full"` or `"none"`: whether prompts,
    completions, tool arguments and documents are recorded. `integrations` names the libraries to trace (`"-openai"`
    leaves one out). `tracer_provider` keeps llmtrace apart from the global provider. `redact` adds to the secrets that
    are always redacted. What is not given here comes from the environment, see the settings reference.

    Calling it again with the same settings changes nothing. Raises `SettingsError` for a wrong setting, by name.
    """
    given = {
        "service_name": service_name,
        "environment": environment,
        "exporters": exporters,
        "capture": capture,
        "integrations": integrations,
        "tracer_provider": tracer_provider,
        "redact": redact,
        "disabled": disabled,
    }
    settings = resolve({name: value for name, value in given.items() if value is not None})
    with _Current.lock:
        if _Current.handle is None:
            _Current.handle = Handle(settings, None if settings.disabled else _begin(settings))
            return _Current.handle
        if changed := differences(_Current.handle.settings, settings):
            message = "llmtrace is running with other settings; call llmtrace.shutdown() first. " + " ".join(changed)
            raise SettingsError(message)
        if _Current.handle.session is not None:
            _Current.handle.session.instrument()
        return _Current.handle


def _begin(settings: Settings) -> Session:
    # Deferred: with llmtrace disabled none of this is loaded, nor what it loads.
    from llmtrace.runtime.session import Session  # noqa: PLC0415

    return Session(settings)


def _end(handle: Handle, timeout: float) -> bool:
    with _Current.lock:
        if _Current.handle is handle:
            _Current.handle = None
        return handle.session is None or handle.session.shutdown(timeout)


def flush(timeout: float = FLUSH_TIMEOUT) -> bool:
    """Sends everything that is finished, and waits for it at most `timeout` seconds. True when all of it went out."""
    handle = _Current.handle
    return handle is None or handle.flush(timeout)


def shutdown(timeout: float = FLUSH_TIMEOUT) -> bool:
    """Ends tracing: restores the libraries, sends what is left within `timeout` seconds, closes the destinations."""
    handle = _Current.handle
    return handle is None or handle.shutdown(timeout)


def uninstrument() -> None:
    """Restores the libraries' own functions. `init()` with the same settings patches them again."""
    if _Current.handle is not None:
        _Current.handle.uninstrument()


def _at_exit() -> None:
    handle = _Current.handle
    if handle is not None:
        handle.shutdown(handle.settings.exit_timeout)


def _before_fork() -> None:
    handle = _Current.handle
    if handle is not None and handle.session is not None:
        handle.session.engine.worker.drain(FORK_TIMEOUT)


def _after_fork() -> None:
    handle = _Current.handle
    if handle is not None and handle.session is not None:
        handle.session.engine.worker.begin_anew()


FORK_TIMEOUT = 0.5
"""Seconds that a fork may wait for the calls that finished before it; the parent keeps what is left."""

atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
