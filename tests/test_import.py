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
CLIENTS = ("openai", "anthropic", "boto3", "botocore", "google.auth")


def test_importing_loads_nothing_heavy_and_no_client_library():
    show = "import llmtrace, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "llmtrace" in loaded
    assert not loaded & {*HEAVY, *CLIENTS}


def test_the_face_is_sorted_and_small():
    assert llmtrace.__all__ == sorted(llmtrace.__all__)
    assert len(llmtrace.__all__) <= 25


def test_every_name_of_the_face_is_there_and_says_what_it_is():
    for name in llmtrace.__all__:
        assert name == "__version__" or getattr(llmtrace, name).__doc__
    assert set(llmtrace.__all__) <= set(dir(llmtrace))
