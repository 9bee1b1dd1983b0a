"""The repository speaks of itself alone: of no machine that it was written on, and of no place to install from."""

import re
import subprocess
from pathlib import Path

import pytest

from docs.generate import locked, ordered
from llmtrace.integrations import BUILT_IN
from tests.sources import REPOSITORY

HOST = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|yarnpkg|anaconda|crates|rubygems|goproxy)\.(?:org|com|io|cn)\b|\bproxy\.[a-z]+\.org\b"
)
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:root|work|Users)/\w")


def tracked() -> list[Path]:
    """The files under version control; an unpacked archive has none, and all of its files count."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    files = listed.stdout.split("\0") if listed.returncode == 0 else [path.name for path in REPOSITORY.glob("*.*")]
    return [REPOSITORY / name for name in files if (REPOSITORY / name).is_file()]


@pytest.mark.parametrize("path", tracked(), ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_no_registry_and_no_path_of_a_machine_is_named(path: Path):
    text = path.read_text(errors="ignore")
    assert not HOST.findall(text)
    assert not MACHINE_PATH.findall(text)


def test_a_lock_names_no_address():
    for lock in (REPOSITORY / "locks").glob("*.txt"):
        assert not re.search(r"://|--(?:extra-)?index-url|--find-links", lock.read_text())


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_oldest_version_that_an_integration_supports_is_one_that_it_is_tested_with(name):
    integration = BUILT_IN[name].load()
    lowest = ordered(integration.requires.removeprefix(f"{integration.distribution}>="))
    assert ordered(locked(integration.distribution, "oldest"))[: len(lowest)] == lowest
