"""The demo, run as its users run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from llmtrace.semconv import names
from llmtrace.store import Filter, Store
from tests import documented

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
    (shown,) = [block.text for block in documented.blocks((ROOT / "README.md").read_text()) if block.language == "text"]
    assert documented.masked(shown) in documented.masked(traced), "README.md shows a turn of it"


def test_what_the_demo_says_of_its_steps_is_in_the_store(tmp_path):
    assert demo(tmp_path).returncode == 0
    with Store(tmp_path / "traces.db") as store:
        traces = [(store.spans(one.trace_id), store.scores(one.trace_id)) for one in store.traces(Filter())]
    assert [[(score.name, score.value, score.user) for score in scores] for _, scores in reversed(traces)] == [
        [],
        [("thumb up", 1.0, "mia")],
        [],
        [("thumb up", 1.0, "tom")],
    ]
    spans = [span for trace, _ in traces for span in trace]
    assert {span.tags for span in spans} == {("local",)}
    kinds = {span.attributes.get(names.STEP_KIND.key): span.name for span in spans if span.operation == names.STEP}
    assert kinds["chain"] == "look up"
    assert kinds["guardrail"] == "no card numbers"
    chats = [span for span in spans if span.operation == "chat"]
    prompts = {(span.attributes[names.PROMPT_NAME.key], span.attributes[names.PROMPT_VERSION.key]) for span in chats}
    assert prompts == {("search query", "2"), ("answer", "5")}


def test_the_demo_can_send_its_spans_elsewhere(tmp_path):
    run = demo(tmp_path, "--exporter", "console")
    assert run.returncode == 0, run.stderr
    assert "The traces went to console." in run.stdout
    assert not (tmp_path / "traces.db").exists()


def test_the_live_demo_asks_for_a_key_where_there_is_none(tmp_path):
    run = demo(tmp_path, "--live")
    assert run.returncode == 1
    assert "OPENAI_API_KEY" in run.stderr
