"""The pytest plugin: a test that takes `llmtrace_spans` is traced into memory and can look at its spans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from llmtrace.testing.captured import Captured


@pytest.fixture
def llmtrace_spans() -> Iterator[Captured]:
    """The spans of this test: `spans.one("chat gpt-5-mini")`, `spans.roots`, `spans.tree()`."""
    # Deferred: pytest loads every installed plugin, also where no test asks for a span.
    from llmtrace.testing.captured import capture  # noqa: PLC0415

    with capture() as spans:
        yield spans
