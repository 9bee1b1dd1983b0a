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

NOT_RUN: dict[str, str] = {}
"""Of each example that is not run, marked as ```python no-run: its first line, and why."""

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def read(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.documented", page],
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
