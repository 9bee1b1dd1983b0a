"""init loads what its destinations stand on, and nothing that only other destinations do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

OTLP = {"google.protobuf", "httpx"}
STORE = {"llmtrace.store", "sqlite3"}


@pytest.mark.parametrize(
    ("exporters", "needed", "spared"),
    [
        ("local", STORE, OTLP | {"grpc", "genai_prices", "tiktoken"}),
        ("http://127.0.0.1:9", OTLP, STORE | {"grpc", "genai_prices", "tiktoken"}),
        ("none", set(), OTLP | STORE | {"grpc", "genai_prices", "tiktoken"}),
    ],
)
def test_init_loads_what_its_destinations_need(
    exporters: str, needed: set[str], spared: set[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, llmtrace; llmtrace.init(exporters={exporters!r}); print(*sys.modules)"],
        capture_output=True,
        text=True,
        env={**os.environ, "LLMTRACE_STORE": str(tmp_path / "traces.db")},
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert needed <= loaded
    assert not spared & loaded
