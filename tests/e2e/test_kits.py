"""The kits' checks do what their pages say."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.exporters.receiver import Answer, receiving
from tests.sources import REPOSITORY


def check(backend, *arguments, **environ):
    command = [sys.executable, REPOSITORY / "exporters" / backend / "check.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ}, check=False)


@pytest.mark.parametrize("wire", ["http", "grpc"])
def test_the_jaeger_check_reads_back_what_it_sent(jaeger, wire):
    done = check("jaeger", "--query", jaeger.query, JAEGER_ENDPOINT=getattr(jaeger, wire))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"ok: {jaeger.query}/trace/")


def test_the_honeycomb_check_says_that_it_was_taken():
    with receiving() as honeycomb:
        done = check("honeycomb", HONEYCOMB_API_KEY="fake-key", HONEYCOMB_API_ENDPOINT=honeycomb.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert honeycomb.names == ["check"]


def test_the_honeycomb_check_says_why_it_was_refused_and_never_the_key():
    with receiving() as honeycomb:
        honeycomb.script = [Answer(401)]
        done = check("honeycomb", HONEYCOMB_API_KEY="sesame", HONEYCOMB_API_ENDPOINT=honeycomb.url)
    assert done.returncode == 1
    assert "HTTP 401" in done.stderr
    assert "sesame" not in done.stderr + done.stdout
    assert "HONEYCOMB_API_KEY" in check("honeycomb").stderr
