"""What must not leave does not leave, by any door: unique strings planted everywhere, and looked for in every sink."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.canary_app import CONTENT, METADATA, SECRETS, UNRECORDED

ROOT = Path(__file__).parents[2]
SINKS = ("spans", "otlp", "store", "events", "console", "logs", "metrics")


def run(capture: str, folder: Path) -> dict[str, str]:
    """What each sink got when the app ran with this setting."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.e2e.canary_app", capture],
        cwd=ROOT,
        env={**os.environ, "LLMTRACE_STORE": str(folder / "traces.db"), "LLMTRACE_EVENTS": "true"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "console": done.stderr}


@pytest.fixture(scope="module", params=["none", "full"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    return request.param, run(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def capture(ran: tuple[str, dict[str, str]]) -> str:
    return ran[0]


@pytest.fixture
def sinks(ran: tuple[str, dict[str, str]]) -> dict[str, str]:
    return ran[1]


def found(canaries: dict[str, str], text: str) -> set[str]:
    return {name for name, canary in canaries.items() if canary in text}


def test_every_sink_got_something(sinks: dict[str, str]) -> None:
    assert "chat gpt-5-mini" in sinks["spans"]
    for sink in ("otlp", "store"):
        assert "chat claude-test" in sinks[sink]
    assert "claude-test" in sinks["console"]
    assert "gen_ai.client.inference.operation.details" in sinks["events"]
    assert "gen_ai.client.operation.duration" in sinks["metrics"]
    assert {"OPENAI_KEY", "ANTHROPIC_KEY", "BEARER", "HEADER"} <= found(SECRETS, sinks["sent"])


def test_content_is_in_the_sinks_only_if_it_is_captured(capture: str, sinks: dict[str, str]) -> None:
    if capture == "full":
        for sink in ("spans", "otlp", "store"):
            assert found(CONTENT, sinks[sink]) == set(CONTENT) - UNRECORDED, sink
        assert {"PROMPT", "COMPLETION", "TOOL_RESULT", "SYSTEM"} <= found(CONTENT, sinks["events"])
    else:
        assert {sink: found(CONTENT, sinks[sink]) for sink in SINKS} == {sink: set() for sink in SINKS}


def test_secrets_are_in_no_sink_whatever_is_captured(sinks: dict[str, str]) -> None:
    assert {sink: found(SECRETS, sinks[sink]) for sink in SINKS} == {sink: set() for sink in SINKS}


def test_content_is_in_no_log_and_no_metric_whatever_is_captured(sinks: dict[str, str]) -> None:
    assert not found(CONTENT, sinks["logs"] + sinks["metrics"])


def test_what_the_app_said_to_be_recorded_is_recorded(sinks: dict[str, str]) -> None:
    for sink in ("spans", "otlp", "store"):
        assert METADATA in sinks[sink]


def test_nothing_of_the_trace_is_sent_to_a_model_provider(sinks: dict[str, str]) -> None:
    names = {line.partition(":")[0].lower() for line in sinks["sent"].splitlines()}
    assert not names & {
        "traceparent",
        "tracestate",
        "baggage",
        "b3",
        "x-b3-traceid",
        "uber-trace-id",
        "x-amzn-trace-id",
    }
    assert not found(CONTENT, sinks["sent"])
