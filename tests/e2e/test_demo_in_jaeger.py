"""The demo, sent to a real Jaeger over both wires, comes back from its query API as the tree that was run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]


SERVICE = "bike-desk"
TRACES = 4
"""Two conversations of two turns."""
THUMBS = 2
"""One at the end of each conversation, in the trace of its last turn."""


def sent(exporter: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "demo", "--exporter", exporter],
        cwd=ROOT,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def asked(query: str) -> list[dict[str, Any]]:
    """The demo's traces as Jaeger's API has them, each span with its tags as a mapping."""
    traces: list[dict[str, Any]] = httpx.get(f"{query}/api/traces?service={SERVICE}&limit=100").json()["data"] or []
    for trace in traces:
        for span in trace["spans"]:
            span["tags"] = {tag["key"]: tag["value"] for tag in span["tags"]}
    return traces


def rooted(trace: dict[str, Any]) -> bool:
    """Whether the root is there, which ends last of all that is no judgement."""
    return any(not span["references"] for span in trace["spans"])


def judged(traces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The spans that say what somebody thought."""
    return [span for trace in traces for span in trace["spans"] if "gen_ai.evaluation.name" in span["tags"]]


@pytest.mark.parametrize("wire", ["http", "grpc"])
def test_the_demo_arrives_whole(jaeger: Any, wire: str) -> None:
    before = {trace["traceID"] for trace in asked(jaeger.query)}
    sent(getattr(jaeger, wire))
    ends = time.monotonic() + 30
    traces: list[dict[str, Any]] = []
    while (sum(map(rooted, traces)), len(judged(traces))) != (TRACES, THUMBS) and time.monotonic() < ends:
        time.sleep(0.2)
        traces = [trace for trace in asked(jaeger.query) if trace["traceID"] not in before]

    assert len(traces) == TRACES
    for trace in traces:
        names = {span["spanID"]: span["operationName"] for span in trace["spans"]}
        parents = [ref["spanID"] for span in trace["spans"] for ref in span["references"]]
        assert len(parents) == len(trace["spans"]) - 1, "one root, and no orphan"
        assert set(parents) <= set(names)
        (root,) = [span for span in trace["spans"] if not span["references"]]
        assert root["operationName"].startswith("invoke_workflow ")
        assert root["duration"] >= max(span["duration"] for span in trace["spans"])

    thumbs = judged(traces)
    assert {span["tags"]["user.id"]: span["tags"]["gen_ai.evaluation.score.value"] for span in thumbs} == {
        "mia": 1,
        "tom": 1,
    }
    spans = [span for trace in traces for span in trace["spans"] if span not in thumbs]
    people = Counter((span["tags"]["gen_ai.conversation.id"][:3], span["tags"]["user.id"]) for span in spans)
    assert set(people) == {("mia", "mia"), ("tom", "tom")}
    assert {span["tags"]["llmtrace.metadata.channel"] for span in spans} == {"web", "phone"}

    chats = [span for span in spans if span["tags"].get("gen_ai.operation.name") == "chat"]
    answered = [span for span in chats if "error" not in span["tags"]]
    assert {span["tags"]["gen_ai.provider.name"] for span in answered} == {"openai", "anthropic"}
    for span in answered:
        assert json.loads(span["tags"]["gen_ai.input.messages"])
        assert json.loads(span["tags"]["gen_ai.output.messages"])
        assert span["duration"] > 0
    assert any(span["tags"].get("gen_ai.usage.input_tokens", 0) > 0 for span in answered)
    assert any("gen_ai.response.time_to_first_chunk" in span["tags"] for span in answered)
    assert [span for span in chats if span["tags"].get("error") is True], "the rate limit"
    assert [span for span in spans if span["tags"].get("gen_ai.operation.name") == "execute_tool"]
    assert [span for span in spans if span["tags"].get("gen_ai.operation.name") == "retrieval"]
