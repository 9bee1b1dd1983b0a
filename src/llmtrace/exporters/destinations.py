"""Builds the destinations that the settings name: from names, URLs, mappings with options and exporter objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter

from llmtrace.exporters.presets import at, named
from llmtrace.exporters.remote import Limits, Remote, Terms
from llmtrace.exporters.tally import Tally
from llmtrace.settings import Settings, SettingsError

if TYPE_CHECKING:
    from llmtrace.exporters.otlp import Wire


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that spans go to: its name in messages, its exporter, and what it takes."""

    name: str
    exporter: SpanExporter
    limits: Limits

    def companion(self) -> SpanProcessor | None:
        """A processor that the exporter wants to stand beside it, where it wants one."""
        return self.exporter.companion() if isinstance(self.exporter, Accompanied) else None

    def keeper(self) -> Keeping | None:
        """What keeps the bytes that are taken out of messages, where the exporter does."""
        return self.exporter if isinstance(self.exporter, Keeping) else None

    @property
    def lost(self) -> int:
        """Spans that it did not take, as far as its exporter counts them."""
        tally = getattr(self.exporter, "tally", None)
        return sum(tally.dropped.values()) if isinstance(tally, Tally) else 0


@runtime_checkable
class Accompanied(Protocol):
    """An exporter that learns of spans not only at their end, but through a processor of its own."""

    def companion(self) -> SpanProcessor:
        """A new processor, to be shut down before the exporter is."""


@runtime_checkable
class Keeping(Protocol):
    """An exporter that keeps bytes which no span can carry."""

    def keep(self, sha256: str, body: bytes, mime_type: str) -> None:
        """Keeps them under their digest."""


def build(settings: Settings) -> list[Destination]:
    """One destination for each entry of the setting `exporters`, in order; `SettingsError` where one is wrong."""
    made: list[Destination] = []
    for spec in settings.exporters:
        taken = {destination.name for destination in made}
        made.append(_built(spec, settings, taken))
    return made


def _built(spec: Any, settings: Settings, taken: set[str]) -> Destination:
    """The destination that one entry means. A mapping has a `kind` (a name or a URL), perhaps a `name`, and options."""
    if not isinstance(spec, (str, Mapping)):
        return Destination(_free(type(spec).__name__, taken), spec, Limits())
    options = dict(spec) if isinstance(spec, Mapping) else {"kind": spec}
    kind = options.pop("kind", None)
    if not isinstance(kind, str):
        raise SettingsError("exporters: a mapping needs a `kind`: the name of an exporter, or a URL.")
    name = str(options.pop("name", kind))
    preset = at(kind) if "://" in kind else named(kind)
    _only(kind, options, preset.options)
    place = preset.connect(settings, options)
    if isinstance(place, Remote):
        return _speaking_otlp(name, place, preset.limits, settings, taken)
    return Destination(_free(name, taken), place, preset.limits)


def _speaking_otlp(name: str, place: Remote, limits: Limits, settings: Settings, taken: set[str]) -> Destination:
    from llmtrace.exporters.otlp import OtlpExporter  # noqa: PLC0415 - loads protobuf only where it is spoken

    free = _free(place.shown if "://" in name else name, taken)
    wire = _wire(place, settings)
    return Destination(free, OtlpExporter(free, place, wire, limits=limits, timeout=settings.otlp_timeout), limits)


def _wire(place: Remote, settings: Settings) -> Wire:
    """What carries requests there; certificates are read now, so that a wrong one stops `init()`."""
    try:
        return _opened(place, Terms.of(settings))
    except OSError as error:
        names = ("otlp_certificate", "otlp_client_certificate", "otlp_client_key")
        given = ", ".join(settings.origin(name) for name in names if getattr(settings, name))
        raise SettingsError(f"{given}: a certificate or key cannot be used ({error}).") from error


def _opened(place: Remote, terms: Terms) -> Wire:
    if place.wire == "http":
        from llmtrace.exporters.wire_http import HttpWire  # noqa: PLC0415 - loads the HTTP client only where it is used

        return HttpWire(place, terms)
    try:
        from llmtrace.exporters.wire_grpc import GrpcWire  # noqa: PLC0415 - gRPC is an extra
    except ImportError as error:
        raise SettingsError(f"{place.shown} needs gRPC ({error}): pip install 'llmtrace[grpc]'") from error
    return GrpcWire(place, terms)


def _only(kind: str, options: Mapping[str, Any], known: frozenset[str]) -> None:
    """Refuses options that the destination does not have."""
    if unknown := sorted(set(options) - known):
        allowed = ", ".join(sorted(known | {"name"}))
        raise SettingsError(f"exporters: {kind} has no option {', '.join(map(repr, unknown))}; it has {allowed}.")


def _free(name: str, taken: set[str]) -> str:
    """The name, numbered where another destination has it."""
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
