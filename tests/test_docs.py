"""What is written down holds: examples run, links lead somewhere, generated pages are up to date."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate import DOCS, PAGES
from tests import documented
from tests.sources import REPOSITORY

EVERY_PAGE = sorted([*DOCS.rglob("*.md"), *REPOSITORY.glob("*.md")])
every_page = pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.relative_to(REPOSITORY).as_posix())

WITH_EXAMPLES = [
    page
    for page in EVERY_PAGE
    if any(block.language == "python" or [*documented.commands(block)] for block in documented.blocks(page.read_text()))
]

NOT_RUN = dict.fromkeys(
    (
        '"""The client library of Parrot\'s models."""',
        '"""Parrot\'s client, traced: chats, sync and async, whole and streamed."""',
        "import json",
    ),
    "files of a package, which a test of its own builds, installs and runs",
)
"""Of each example that is not run, marked as ```python no-run: its first line, and why."""

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def read(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *documented.NO_WARNINGS, "-m", "tests.documented", page],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1", "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_a_reader_who_types_the_examples_gets_what_the_page_says(page: Path, tmp_path):
    ran = read(page, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    if passed_over := re.search(r"not applicable: .* is tested in another environment$", ran.stdout):
        pytest.skip(passed_over[0])


@pytest.mark.parametrize(
    ("example", "complaint"),
    [
        ("```python\nprint(undefined)\n```", 'page.md", line 2'),
        ("```python\nimport logging\nlogging.getLogger('llmtrace').warning('what is that?')\n```", "what is that?"),
        ("```python\nimport socket\nsocket.create_connection(('198.51.100.1', 80))\n```", "talk to 198.51.100.1"),
        ("```sh\nllmtrace show --colour\n```", "No such option"),
        ("```sh\nllmtrace show\n```\n\n```text\nnothing of the kind\n```", "is not in"),
    ],
)
def test_a_reader_complains_of_an_example_that_is_wrong(example: str, complaint: str, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(example)
    ran = read(page, tmp_path)
    assert ran.returncode == 1
    assert complaint in ran.stderr


@pytest.mark.parametrize(
    ("library", "passed_over"), [("qdrant_client.nowhere", True), ("anthropic.nowhere", False), ("quadrant", False)]
)
def test_a_reader_passes_over_what_needs_a_traced_library_that_is_not_there(library, passed_over, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"```python\nfrom {library} import anything\n```\n\n```sh\nllmtrace show --colour\n```")
    ran = read(page, tmp_path)
    assert (ran.returncode == 0, f"not applicable: {library} is" in ran.stdout) == (passed_over, passed_over)


@every_page
def test_an_example_that_is_not_run_says_why(page: Path):
    python = [block for block in documented.blocks(page.read_text()) if block.language == "python"]
    assert len(python) == page.read_text().count("```python"), "one is fenced in a way that the tests do not know"
    skipped = [block for block in python if not block.runs]
    assert {block.text.partition("\n")[0] for block in skipped} <= NOT_RUN.keys()


@every_page
def test_every_link_leads_somewhere(page: Path):
    targets = [target.partition("#")[0] for target in LINK.findall(page.read_text()) if "://" not in target]
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_the_index_links_every_page_or_its_folder():
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in LINK.findall((DOCS / "index.md").read_text())}
    pages = {*DOCS.rglob("*.md")} - {DOCS / "index.md"}
    assert not {page for page in pages if not {page, page.parent} & (linked - {DOCS})}


@every_page
def test_every_page_has_one_title(page: Path):
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    assert len(re.findall(r"^# ", prose, re.MULTILINE)) == 1


@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_says_what_the_code_says(path: str):
    assert (DOCS / path).read_text() == PAGES[path](), "`make docs` writes it anew"


FILES = re.compile(r"^`([\w.]+)`\n\n```\w+(?: no-run)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
"""A file that a page shows: its name, and below it its text."""


def test_a_third_partys_package_made_from_its_page_is_found_and_holds(tmp_path: Path):
    files = dict(FILES.findall((DOCS / "how-to/add-an-integration.md").read_text()))
    assert {*files} == {"parrot.py", "llmtrace_parrot.py", "pyproject.toml", "test_parrot.py"}
    assert files["llmtrace_parrot.py"].count("\n") <= 150
    package, site, app = (tmp_path / name for name in ("package", "site", "app"))
    for folder, names in ((package, ("llmtrace_parrot.py", "pyproject.toml")), (app, ("parrot.py", "test_parrot.py"))):
        folder.mkdir()
        for name in names:
            (folder / name).write_text(files[name])
    own = ["--no-deps", "--no-build-isolation", "--offline", "--no-cache", "--python", sys.executable]
    ran([sys.executable, "-m", "uv", "pip", "install", *own, "--target", site, package])
    paths = os.pathsep.join(map(str, (site, app)))
    ours = ["-c", REPOSITORY / "pyproject.toml", "-p", "no:cacheprovider", "--rootdir", app]
    tested = ran([sys.executable, "-m", "pytest", "-q", *ours, app / "test_parrot.py"], PYTHONPATH=paths)
    assert "3 passed" in tested
    listed = ran([sys.executable, "-m", "llmtrace", "integrations"], PYTHONPATH=paths, COLUMNS="200")
    assert re.search(r"^parrot +parrot>=1 +- +traced +chats +recorded answers", listed, re.MULTILINE)


def ran(command: list[object], **variables: str) -> str:
    done = subprocess.run(
        [*map(str, command)], env={**os.environ, **variables}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
