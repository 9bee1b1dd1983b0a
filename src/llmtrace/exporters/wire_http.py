"""Sends an OTLP request over HTTP and reads what the answer means."""

from __future__ import annotations

import gzip
import json
import os
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies
from weakref import WeakSet

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from llmtrace.exporters.remote import Remote, Terms
from llmtrace.exporters.reply import ACCEPTED, Reply, Verdict, out_of_time, partly

if TYPE_CHECKING:
    import httpx

_RETRYABLE = frozenset({429, 502, 503, 504})
_TOO_LARGE = 413
_LONGEST_ANSWER = 1 << 16
_REMEDIES = {
    400: "it could not read the request: check the headers and that this is an OTLP endpoint",
    401: "check the key, and that it belongs to this region",
    403: "check the key, its permissions, and that it belongs to this region",
    404: "check the URL's path",
    405: "check the URL's path",
    415: "it does not take OTLP as protobuf there: check the URL",
}


class HttpWire:
    """One destination over HTTP. Thread-safe; a forked child gets connections of its own."""

    def __init__(self, remote: Remote, terms: Terms) -> None:
        self._remote = remote
        self._terms = terms
        self._headers = {"content-type": "application/x-protobuf", "user-agent": "llmtrace"}
        if terms.gzip:
            self._headers["content-encoding"] = "gzip"
        self._headers.update(remote.headers)
        self._http = _http()
        self._trust = _trust(terms, remote.url)
        self._client: httpx.Client | None = None
        self._owner = 0
        self._sockets: WeakSet[socket.socket] = WeakSet()
        # It loads what it stands on with its first transport. Loaded at the first export, off the app's thread, that
        # could be seen half-made by client libraries that look for it.
        self._http.HTTPTransport(verify=self._trust).close()

    def send(self, request: ExportTraceServiceRequest, seconds: float) -> Reply:
        """Sends the request once and says what became of it, within about the given time."""
        body = request.SerializeToString()
        body = gzip.compress(body, compresslevel=5) if self._terms.gzip else body
        ends = time.monotonic() + seconds
        try:
            with self._connected().stream(
                "POST",
                self._remote.url,
                content=body,
                headers=self._headers,
                timeout=seconds,
                extensions={"trace": self._noted},
            ) as response:
                return self._judged(response, _answer(response, ends))
        except self._http.TimeoutException:
            return out_of_time(self._terms.timeout)
        except self._http.HTTPError as error:
            if "CERTIFICATE" in str(error):
                return Reply(
                    Verdict.REFUSED, "certificate not trusted", "OTEL_EXPORTER_OTLP_CERTIFICATE names whom to trust"
                )
            return Reply(Verdict.RETRY, "no connection", f"{type(error).__name__}: {self._unreachable()}")
        except RuntimeError:  # httpx's word for a client that another thread has closed
            return Reply(Verdict.REFUSED, "shut down", "the exporter was shut down meanwhile")

    def close(self) -> None:
        """Closes the connections; a request under way fails."""
        if self._client is None or self._owner != os.getpid():
            return
        for each in list(self._sockets):
            # Closing a socket does not wake a thread that reads from it; shutting it down does.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._client.close()

    def _noted(self, event: str, info: Mapping[str, Any]) -> None:
        """Remembers each socket that the client opens, which httpx tells whoever asks for its trace."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.add(info["return_value"].get_extra_info("socket"))

    def _connected(self) -> httpx.Client:
        """This process's client: a connection shared with a forked parent would mix their answers up."""
        if self._client is None or self._owner != os.getpid():
            self._client, self._owner = self._http.Client(verify=self._trust, follow_redirects=False), os.getpid()
        return self._client

    def _judged(self, response: httpx.Response, body: bytes) -> Reply:
        status = response.status_code
        if response.is_success:
            return _accepted(response.headers.get("content-type", ""), body)
        if status in _RETRYABLE:
            wait = retry_after(response.headers.get("retry-after", ""))
            return Reply(Verdict.RETRY, f"HTTP {status}", "it is overloaded or down", retry_after=wait)
        if status == _TOO_LARGE:
            return Reply(Verdict.TOO_LARGE, "HTTP 413", "one span alone is larger than it takes")
        return Reply(Verdict.REFUSED, f"HTTP {status}", self._remedy(response))

    def _remedy(self, response: httpx.Response) -> str:
        if response.is_redirect:
            target = urlsplit(response.headers.get("location", ""))
            return f"it redirects to {target.scheme}://{target.hostname}: give the URL it means, whole"
        if "html" in response.headers.get("content-type", ""):
            return "a web page answered: check that host and path are an OTLP endpoint's"
        return _REMEDIES.get(response.status_code, "see what the destination's own log says")

    def _unreachable(self) -> str:
        if urlsplit(self._remote.url).port == 4317:  # noqa: PLR2004 - the port that OTLP assigns to gRPC
            return "port 4317 usually speaks gRPC: write grpc:// for http://"
        return "is it running, and listening there?"


def retry_after(text: str) -> float | None:
    """The seconds that a `Retry-After` header asks to wait, given as such or as a date; None where it says neither."""
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return max(0.0, (aware - datetime.now(timezone.utc)).total_seconds())


def _http() -> Any:
    """The HTTP client: that of the app, where it has loaded the newer twin of ours, which takes its time to load."""
    if (loaded := sys.modules.get("httpx2")) is not None:
        return loaded
    import httpx  # noqa: PLC0415 - only where there is no other

    return httpx


def _trust(terms: Terms, url: str) -> ssl.SSLContext | bool:
    """Which servers are trusted: the usual ones, or those that the terms' certificates stand for.

    To read the usual certificates takes its time, too: they are left where nothing will ask for them.
    """
    if url.startswith("http://") and not getproxies():
        return False
    if terms.certificate is None and terms.client_certificate is None:
        return True
    context = ssl.create_default_context(cafile=terms.certificate)
    if terms.client_certificate is not None:
        context.load_cert_chain(terms.client_certificate, terms.client_key)
    return context


def _answer(response: httpx.Response, ends: float) -> bytes:
    """The start of the body: as much as says something, and no longer than the time allows."""
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > _LONGEST_ANSWER or time.monotonic() > ends:
            break
    return body


def _accepted(content_type: str, body: bytes) -> Reply:
    """What a 2xx answer says: all was taken, a part was, or this was never an OTLP endpoint."""
    if "html" in content_type:
        remedy = "a web page answered: check that host and path are an OTLP endpoint's"
        return Reply(Verdict.REFUSED, "not OTLP", remedy)
    if "json" in content_type:
        return _partly_json(body)
    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError:  # an `OK` in words: the status has said it
        return ACCEPTED
    return partly(partial.rejected_spans, partial.error_message)


def _partly_json(body: bytes) -> Reply:
    try:
        document: Any = json.loads(body or b"{}")
        partial = document["partialSuccess"]
        # Protobuf's JSON form writes 64-bit integers as strings.
        return partly(int(partial.get("rejectedSpans", 0)), str(partial.get("errorMessage", "")))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ACCEPTED
