"""The table of destinations that have a name: where each is, how it is spoken to, and what it takes.

A backend is one row of `PRESETS` and one function from settings and options to an address. Another package adds its
own through the entry-point group `llmtrace.exporters`: each entry is a `Preset`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any

from opentelemetry.sdk.trace.export import SpanExporter

from llmtrace.exporters.remote import Limits, Remote, remote
from llmtrace.settings import Settings, SettingsError

# Classic keys route by dataset, all others by the service's name.
_HONEYCOMB_CLASSIC = re.compile(r"[0-9a-f]{32}|hc[a-z]ic_[0-9a-z]{58}")
_HONEYCOMB_HOSTS = {"us": "https://api.honeycomb.io", "eu": "https://api.eu1.honeycomb.io"}


@dataclass(frozen=True, slots=True)
class Preset:
    """A row: names, limits, and `connect`, which says where to send, or gives an exporter that does not speak OTLP.

    `connect` gets the settings and the user's options, whose keys are all in `options`; it raises `SettingsError`
    naming the variable or option that is missing or wrong.
    """

    name: str
    connect: Callable[[Settings, Mapping[str, Any]], Remote | SpanExporter]
    limits: Limits = field(default_factory=Limits)
    options: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = ()


def _otlp(settings: Settings, options: Mapping[str, Any]) -> Remote:
    """The standard variables; the only row that sends `OTEL_EXPORTER_OTLP_HEADERS`."""
    headers = {name: value.get_secret_value() for name, value in settings.otlp_headers.items()}
    headers.update(_headers(options))
    if options.get("endpoint"):
        return remote(options["endpoint"], headers, origin="endpoint")
    setting = "otlp_traces_endpoint" if settings.otlp_traces_endpoint else "otlp_endpoint"
    url, origin = getattr(settings, setting), settings.origin(setting)
    if settings.otlp_protocol == "grpc":
        # The standard writes https:// for gRPC with TLS and http:// for gRPC without.
        url = re.sub(r"^http(s?)://", r"grpc\1://", url or "grpc://localhost:4317")
    elif setting == "otlp_endpoint" and url:
        url = f"{url.rstrip('/')}/v1/traces"
    return remote(url or "http://localhost:4318", headers, origin=origin)


def _jaeger(settings: Settings, options: Mapping[str, Any]) -> Remote:
    origin = "endpoint" if options.get("endpoint") else settings.origin("jaeger_endpoint")
    url = options.get("endpoint") or settings.jaeger_endpoint or "http://localhost:4318"
    return remote(url, _headers(options), origin=origin)


def _honeycomb(settings: Settings, options: Mapping[str, Any]) -> Remote:
    stored = settings.honeycomb_api_key
    key = options.get("api_key") or (stored.get_secret_value() if stored else "")
    if not key:
        raise SettingsError("honeycomb needs a key: set HONEYCOMB_API_KEY (Honeycomb: Environment settings, API keys).")
    headers = {"x-honeycomb-team": key, **_headers(options)}
    if _HONEYCOMB_CLASSIC.fullmatch(key):
        dataset = options.get("dataset") or settings.honeycomb_dataset
        if not dataset:
            raise SettingsError("this Honeycomb key is a Classic one, which needs a dataset: set HONEYCOMB_DATASET.")
        headers["x-honeycomb-dataset"] = dataset
    region = options.get("region") or settings.honeycomb_region
    if region not in _HONEYCOMB_HOSTS:
        raise SettingsError(f"region={region!r} is wrong: Honeycomb's regions are us and eu.")
    origin = "endpoint" if options.get("endpoint") else settings.origin("honeycomb_api_endpoint")
    url = options.get("endpoint") or settings.honeycomb_api_endpoint or _HONEYCOMB_HOSTS[region]
    return remote(url, headers, origin=origin, by_service=True)


def _console(settings: Settings, options: Mapping[str, Any]) -> SpanExporter:  # noqa: ARG001 - a row's signature
    from llmtrace.exporters.console import ConsoleExporter  # noqa: PLC0415 - loads a terminal's drawing only where it draws

    return ConsoleExporter()


def _local(settings: Settings, options: Mapping[str, Any]) -> SpanExporter:
    from llmtrace.exporters.local import LocalExporter  # noqa: PLC0415 - loads the database only where it writes

    return LocalExporter(options.get("path") or settings.store)


def _headers(options: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in (options.get("headers") or {}).items()}


PRESETS = (
    Preset("console", _console),
    # 20 MiB is the limit of Honeycomb's own OTLP library; 65,535 bytes that of a string field.
    Preset(
        "honeycomb",
        _honeycomb,
        Limits(max_request_bytes=20 << 20, max_value_bytes=65_535),
        options=frozenset({"api_key", "dataset", "endpoint", "headers", "region"}),
    ),
    Preset("jaeger", _jaeger, options=frozenset({"endpoint", "headers"})),
    Preset("local", _local, options=frozenset({"path"})),
    Preset("otlp", _otlp, options=frozenset({"endpoint", "headers"})),
)


def at(url: str) -> Preset:
    """The nameless preset of a bare URL."""
    return Preset(
        url,
        lambda settings, options: remote(url, _headers(options), origin="exporters"),  # noqa: ARG005 - a row's signature
        options=frozenset({"headers"}),
    )


def named(name: str) -> Preset:
    """The preset of that name or alias: one of ours, or one that an installed package adds."""
    for preset in PRESETS:
        if name in (preset.name, *preset.aliases):
            return preset
    added = {entry.name: entry for entry in entry_points(group=__package__)}
    if name in added:
        preset = added[name].load()
        if isinstance(preset, Preset):
            return preset
        raise SettingsError(f"the exporter {name!r} of {added[name].value} is no llmtrace.exporters.Preset.")
    known = sorted({word for preset in PRESETS for word in (preset.name, *preset.aliases)} | added.keys())
    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise SettingsError(f"no exporter is called {name!r}. {hint}There are: {', '.join(known)}; or give a URL.")
