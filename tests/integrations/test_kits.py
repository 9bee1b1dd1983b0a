"""The kits' examples, run as their pages say, trace every call they make."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmtrace.store import Filter, Store

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("kit", "models"), [("openai", 5), ("anthropic", 3)])
def test_a_kits_example_runs_without_a_key_and_is_traced(kit: str, models: int, tmp_path: Path) -> None:
    store = tmp_path / "traces.db"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "integrations" / kit / "example.py")],
        env=os.environ | {"LLMTRACE_STORE": str(store)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Traced. Now: llmtrace show" in done.stdout
    with Store(store) as opened:
        (trace,) = opened.traces(Filter(conversation=f"{kit}-example"))
        spans = opened.spans(trace.trace_id)
    assert len([span for span in spans if span.model]) >= models
    assert not [span for span in spans if span.error_type]


def test_every_integration_has_a_kit() -> None:
    from llmtrace.integrations import BUILT_IN

    assert {path.name for path in (ROOT / "integrations").iterdir() if path.is_dir()} == set(BUILT_IN)
