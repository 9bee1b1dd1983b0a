"""Sends an OTLP request over gRPC, through the client that is generated from OTLP's own definition."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from llmtrace.exporters.remote import Remote, Terms
from llmtrace.exporters.reply import Reply, Verdict, out_of_time, partly

_RETRYABLE = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
_REMEDIES = {
    grpc.StatusCode.UNAUTHENTICATED: "check the key, and that it belongs to this region",
    grpc.StatusCode.PERMISSION_DENIED: "check the key, its permissions, and that it belongs to this region",
    grpc.StatusCode.UNIMPLEMENTED: "it speaks gRPC, but does not take OTLP traces there",
    grpc.StatusCode.UNAVAILABLE: "is it running, and listening there for gRPC (usually on port 4317)?",
}


class GrpcWire:
    """One destination over gRPC. Thread-safe; a forked child gets a channel of its own."""

    def __init__(self, remote: Remote, terms: Terms) -> None:
        self._target = urlsplit(remote.url)
        self._terms = terms
        self._certificates = tuple(map(_read, (terms.certificate, terms.client_key, terms.client_certificate)))
        self._metadata = tuple((name.lower(), value) for name, value in remote.headers.items())
        self._channel: Any = None
        self._owner = 0

    def send(self, request: ExportTraceServiceRequest, seconds: float) -> Reply:
        """Sends the request once and says what became of it, within the given time."""
        try:
            service: Any = TraceServiceStub(self._connected())  # type: ignore[no-untyped-call] # generated code
            answer = service.Export(request, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            return self._judged(error)
        except ValueError:  # grpc's word for a channel that another thread has closed
            return Reply(Verdict.REFUSED, "shut down", "the exporter was shut down meanwhile")
        return partly(answer.partial_success.rejected_spans, answer.partial_success.error_message)

    def close(self) -> None:
        """Closes the channel; a request under way fails."""
        if self._channel is not None and self._owner == os.getpid():
            self._channel.close()

    def _connected(self) -> Any:
        if self._channel is None or self._owner != os.getpid():
            self._channel, self._owner = self._opened(), os.getpid()
        return self._channel

    def _opened(self) -> Any:
        compression = grpc.Compression.Gzip if self._terms.gzip else grpc.Compression.NoCompression
        if self._target.scheme == "grpc":
            return grpc.insecure_channel(self._target.netloc, compression=compression)
        credentials = grpc.ssl_channel_credentials(*self._certificates)
        return grpc.secure_channel(self._target.netloc, credentials, compression=compression)

    def _judged(self, error: Any) -> Reply:
        code = error.code()
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return out_of_time(self._terms.timeout)
        reason, remedy = f"gRPC {code.name}", _REMEDIES.get(code, "see what the destination's own log says")
        wait = _retry_delay(error)
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            # OTLP's specification: worth another try only if the server says when. Else it is about the size.
            return Reply(Verdict.TOO_LARGE if wait is None else Verdict.RETRY, reason, remedy, retry_after=wait)
        return Reply(Verdict.RETRY if code in _RETRYABLE else Verdict.REFUSED, reason, remedy, retry_after=wait)


def _retry_delay(error: Any) -> float | None:
    """The wait that the server asks for in its trailing metadata."""
    found = dict(error.trailing_metadata() or ()).get("google.rpc.retryinfo-bin")
    if not isinstance(found, bytes):
        return None
    try:
        delay = RetryInfo.FromString(found).retry_delay
    except DecodeError:
        return None
    return float(delay.seconds) + float(delay.nanos) / 1e9


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
