"""The tests' own safety net holds: what conftest promises to fail on does fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py").read_text()
CONFIGURATION = Path(__file__).parents[1] / "pyproject.toml"

CASES = {
    "a warning from OpenTelemetry": (
        "logging.getLogger('opentelemetry.sdk').warning('boo')",
        "",
        "1 passed, 1 error in",
    ),
    "a warning of ours": ("logging.getLogger('llmtrace.x').warning('boo')", "", "1 passed, 1 error in"),
    "a warning that another marker allows": (
        "logging.getLogger('llmtrace').error('boo')",
        "@pytest.mark.allows_log('other')",
        "1 passed, 1 error in",
    ),
    "an allowed warning": (
        "logging.getLogger('llmtrace').error('boo')",
        "@pytest.mark.allows_log('boo')",
        "1 passed in",
    ),
    "a log line below warning": ("logging.getLogger('llmtrace').info('boo')", "", "1 passed in"),
    "a skip in CI": ("pytest.skip('no go here')", "", "1 failed in"),
    "a skip by marker in CI": ("pass", "@pytest.mark.skip(reason='no recordings')", "1 error in"),
    "a skip that is no gap": ("pytest.skip('not applicable: openai 2 has no such method')", "", "1 skipped in"),
    "an expected failure": ("raise OSError", "@pytest.mark.xfail", "1 xfailed in"),
}


@pytest.mark.parametrize(("body", "marker", "outcome"), CASES.values(), ids=CASES)
def test_this_has_the_outcome_it_should(tmp_path, body, marker, outcome):
    assert outcome in run(tmp_path, f"import logging, pytest\n{marker}\ndef test_it():\n    {body}\n", ci="true")


def test_a_module_that_skips_itself_fails_in_ci(tmp_path):
    assert "1 error in" in run(tmp_path, "import pytest\npytest.importorskip('no_such_module')\n", ci="true")


def test_elsewhere_a_skip_is_a_skip(tmp_path):
    assert "1 skipped in" in run(tmp_path, "import pytest\ndef test_it():\n    pytest.skip('no go here')\n", ci="")


def run(folder, source, *, ci):
    """The last line of a pytest of its own, which has our conftest and this one test file."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(CONFIGURATION), str(folder)]
    done = subprocess.run(command, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False)
    return done.stdout.strip().rpartition("\n")[2]
