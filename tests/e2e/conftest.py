"""A real Jaeger on this machine, and what its query API says."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

BINARY = Path(__file__).parents[2] / ".cache" / "go" / "bin" / "all-in-one"
PATIENCE_SECONDS = 30


class Jaeger(NamedTuple):
    """A running Jaeger: where it takes OTLP over HTTP and gRPC, and where it is asked."""

    http: str
    grpc: str
    query: str

    def trace(self, trace_id: str, spans: int = 1) -> dict[str, dict[str, Any]]:
        """The spans of a trace by name, once there are as many: their tags, service, parent and duration."""
        return self._awaited(lambda: self._spans(trace_id), spans)

    def traces(self, service: str, spans: int = 1) -> dict[str, dict[str, dict[str, Any]]]:
        """All traces of a service by id, once they have as many spans in all."""
        found: dict[str, dict[str, dict[str, Any]]] = {}

        def look() -> list[str]:
            for trace in self._get(f"/api/traces?service={service}&limit=1000"):
                found[trace["traceID"]] = _by_name(trace)
            return [name for spans in found.values() for name in spans]

        self._awaited(look, spans)
        return found

    def _awaited(self, look: Callable[[], Any], spans: int) -> Any:
        """Looks until there is enough: Jaeger shows what it was sent a moment later."""
        ends = time.monotonic() + PATIENCE_SECONDS
        found = look()
        while len(found) < spans and time.monotonic() < ends:
            time.sleep(0.05)
            found = look()
        assert len(found) >= spans, f"Jaeger shows {len(found)} of {spans} spans after {PATIENCE_SECONDS} s"
        return found

    def _spans(self, trace_id: str) -> dict[str, dict[str, Any]]:
        return {name: span for trace in self._get(f"/api/traces/{trace_id}") for name, span in _by_name(trace).items()}

    def _get(self, path: str) -> list[dict[str, Any]]:
        response = httpx.get(self.query + path)
        return (response.json()["data"] or []) if response.is_success else []


def _by_name(trace: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A trace of Jaeger's API as its spans by name. Parents are named too: a tree can be compared as it is read."""
    names = {span["spanID"]: span["operationName"] for span in trace["spans"]}
    return {
        span["operationName"]: {
            "tags": {tag["key"]: tag["value"] for tag in span["tags"]},
            "service": trace["processes"][span["processID"]]["serviceName"],
            "process": {tag["key"]: tag["value"] for tag in trace["processes"][span["processID"]]["tags"]},
            "parent": next((names.get(ref["spanID"]) for ref in span["references"]), None),
            "microseconds": span["duration"],
            "logs": [{field["key"]: field["value"] for field in log["fields"]} for log in span["logs"]],
        }
        for span in trace["spans"]
    }


@pytest.fixture(scope="session")
def jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    if not BINARY.exists():
        pytest.skip(f"no Jaeger at {BINARY}: `make jaeger` builds it where there is go")
    tcp = {flag: _free(socket.SOCK_STREAM) for flag in TCP_FLAGS}
    udp = {flag: _free(socket.SOCK_DGRAM) for flag in UDP_FLAGS}
    flags = [f"--{flag}=127.0.0.1:{port}" for flag, port in {**tcp, **udp}.items()]
    log = tmp_path_factory.mktemp("jaeger") / "log"
    with ExitStack() as stack:
        out = stack.enter_context(log.open("wb"))
        command = [BINARY, "--collector.otlp.enabled=true", *flags]
        environ = {"SPAN_STORAGE_TYPE": "memory", "PATH": ""}
        process = stack.enter_context(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environ))
        stack.callback(process.kill)
        url = "http://127.0.0.1:{}".format
        running = Jaeger(
            http=url(tcp["collector.otlp.http.host-port"]),
            grpc=f"grpc://127.0.0.1:{tcp['collector.otlp.grpc.host-port']}",
            query=url(tcp["query.http-server.host-port"]),
        )
        _wait_until_up(process, url(tcp["admin.http.host-port"]), log)
        yield running


TCP_FLAGS = (
    "admin.http.host-port",
    "collector.grpc-server.host-port",
    "collector.http-server.host-port",
    "collector.otlp.grpc.host-port",
    "collector.otlp.http.host-port",
    "http-server.host-port",
    "query.grpc-server.host-port",
    "query.http-server.host-port",
)
UDP_FLAGS = (
    "processor.jaeger-binary.server-host-port",
    "processor.jaeger-compact.server-host-port",
    "processor.zipkin-compact.server-host-port",
)
"""All that Jaeger listens on, so that two of them, or a developer's own, do not meet."""


def _free(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_until_up(process: subprocess.Popen[bytes], admin: str, log: Path) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        if _is_up(admin):
            return
        time.sleep(0.1)
    pytest.fail(f"Jaeger did not come up: {log.read_text()[-2000:]}")


def _is_up(admin: str) -> bool:
    try:
        return bool(httpx.get(admin, timeout=1).json().get("status") == "Server available")
    except (httpx.HTTPError, json.JSONDecodeError):
        return False
