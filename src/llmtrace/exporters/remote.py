"""Where an OTLP destination is and how it is spoken to: URL, wire, headers, limits and terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from llmtrace.settings import Settings, SettingsError
from llmtrace.settings.errors import show

TRACES_PATH = "/v1/traces"
_GRPC_PORT = 4317
_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a destination takes, in bytes before compression: in one request, and as one attribute's value."""

    max_request_bytes: int = 4 * _MEBIBYTE
    max_value_bytes: int = _MEBIBYTE


@dataclass(frozen=True, slots=True)
class Remote:
    """An OTLP address. `headers` are all that is sent, and never shown; `url` is whole, its path included.

    `by_service` says that the destination files spans under `service.name`, so that one without is worth a warning.
    """

    url: str
    wire: Literal["http", "grpc"] = "http"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    by_service: bool = False

    @property
    def shown(self) -> str:
        """The URL without what may be secret in it: user, password and query."""
        parts = urlsplit(self.url)
        return SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "").geturl()


@dataclass(frozen=True, slots=True)
class Terms:
    """What operators set for every destination alike: the time for one export, compression and certificates."""

    timeout: float = 10.0
    gzip: bool = True
    certificate: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> Terms:
        """The terms that the settings give."""
        return cls(
            timeout=settings.otlp_timeout,
            gzip=settings.otlp_compression == "gzip",
            certificate=settings.otlp_certificate,
            client_certificate=settings.otlp_client_certificate,
            client_key=settings.otlp_client_key,
        )


def remote(url: str, headers: Mapping[str, str] | None = None, *, origin: str, by_service: bool = False) -> Remote:
    """The address that a user's URL means; `origin` is the variable or argument that an error names.

    `http(s)://` is OTLP over HTTP, to `/v1/traces` unless the URL has a path of its own; `grpc(s)://` is gRPC.
    """
    parts = _split(url, origin)
    sent = dict(headers or {})
    if parts.scheme in ("http", "https"):
        path = parts.path if parts.path.strip("/") else TRACES_PATH
        return Remote(parts._replace(path=path, fragment="").geturl(), "http", sent, by_service)
    if parts.path.strip("/") or parts.query or "@" in parts.netloc:
        raise SettingsError(f"{origin}={show(url)} is wrong: a gRPC URL has a host and a port, and nothing else.")
    netloc = parts.netloc if parts.port else f"{parts.netloc.rstrip(':')}:{_GRPC_PORT}"
    return Remote(f"{parts.scheme}://{netloc}", "grpc", sent, by_service)


def _split(url: str, origin: str) -> SplitResult:
    """The URL's parts, or an error that names it."""
    remedy = "it should be a URL such as http://localhost:4318 or grpc://localhost:4317"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(f"{origin}={show(url)} is wrong: {remedy}.") from None
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if parts.scheme not in ("http", "https", "grpc", "grpcs") or not parts.hostname or not plain or port == 0:
        raise SettingsError(f"{origin}={show(url)} is wrong: {remedy}.")
    return parts
