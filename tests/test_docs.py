"""What is written down holds: examples compile, links lead somewhere, generated pages are up to date."""

import re
import textwrap
from pathlib import Path

import pytest

from docs.generate import DOCS, PAGES
from tests.sources import REPOSITORY

EVERY_PAGE = sorted([*DOCS.rglob("*.md"), *REPOSITORY.glob("*.md")])
every_page = pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.relative_to(REPOSITORY).as_posix())

CODE = re.compile(r"^( *)```python\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@every_page
def test_every_example_compiles(page: Path):
    text = page.read_text()
    for match in CODE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        compile("\n" * line + textwrap.dedent(match[2]), str(page), "exec")


@every_page
def test_every_link_leads_somewhere(page: Path):
    targets = [target.partition("#")[0] for target in LINK.findall(page.read_text()) if "://" not in target]
    assert not [target for target in targets if not (page.parent / target).exists()]


@every_page
def test_every_page_has_one_title(page: Path):
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    assert len(re.findall(r"^# ", prose, re.MULTILINE)) == 1


@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_says_what_the_code_says(path: str):
    assert (DOCS / path).read_text() == PAGES[path](), "`make docs` writes it anew"
