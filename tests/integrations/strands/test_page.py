"""What the page about agents says of Strands holds; the other pages are read where Strands cannot be installed."""

from pathlib import Path

import pytest

from docs.generate import DOCS
from tests.test_docs import read

pytest.importorskip("strands", reason="not applicable: strands is tested in another environment")


def test_the_example_of_the_page_about_agents_gives_what_it_says(tmp_path: Path) -> None:
    ran = read(DOCS / "how-to/trace-an-agent.md", tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "not applicable: " not in ran.stdout
