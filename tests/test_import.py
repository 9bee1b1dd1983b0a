"""`import llmtrace` costs next to nothing and shows a small face."""

import subprocess
import sys

import llmtrace

HEAVY = (
    "pydantic",
    "pydantic_core",
    "opentelemetry.sdk",
    "httpx",
    "httpx2",
    "tiktoken",
    "genai_prices",
    "rich",
    "typer",
)
FACE = (
    "SettingsError agent capture chain conversation current embedding extract feedback flush guardrail "
    "init inject llm metadata prompt rerank retrieval shutdown step suppress tags tool uninstrument "
    "workflow"
)
"""A name is added here on purpose, and there are never more than 25."""
CLIENTS = ("openai", "anthropic", "boto3", "botocore", "google.auth")


def test_importing_loads_nothing_heavy_and_no_client_library():
    show = "import llmtrace, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "llmtrace" in loaded
    assert not loaded & {*HEAVY, *CLIENTS}


def test_the_face_is_pinned_sorted_and_small():
    assert llmtrace.__all__ == sorted(FACE.split())
    assert len(llmtrace.__all__) <= 25


def test_every_name_of_the_face_is_there_and_says_what_it_is():
    for name in llmtrace.__all__:
        assert name == "__version__" or getattr(llmtrace, name).__doc__
    assert set(llmtrace.__all__) <= set(dir(llmtrace))
