"""The demo, run as its users run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def demo(tmp_path, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_"))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "demo", *arguments],
        cwd=ROOT,
        env=environment | {"LLMTRACE_STORE": str(tmp_path / "traces.db"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_demo_talks_shows_what_it_traced_and_says_what_to_type_next(tmp_path):
    run = demo(tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    talk, traced = run.stdout.split("What was traced")
    assert "drop the key in the red box" in talk
    assert "euros: 114" in talk
    assert len(re.findall(r"flow help desk", traced)) == 4
    for fact in ("conversation mia-", "conversation tom-", "tool price_quote", "rate_limit_exceeded", "gpt-5-nano"):
        assert fact in traced
    assert re.search(r"llm claude-haiku-4-5  \d+ → \d+ tokens  \$0\.0\d+  \d+ms", traced)
    assert str(tmp_path / "traces.db") in traced
    assert "show --conversation mia-" in traced


def test_the_demo_can_send_its_spans_elsewhere(tmp_path):
    run = demo(tmp_path, "--exporter", "console")
    assert run.returncode == 0, run.stderr
    assert "The traces went to console." in run.stdout
    assert not (tmp_path / "traces.db").exists()


def test_the_live_demo_asks_for_a_key_where_there_is_none(tmp_path):
    run = demo(tmp_path, "--live")
    assert run.returncode == 1
    assert "OPENAI_API_KEY" in run.stderr
