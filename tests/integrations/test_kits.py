"""The kits' examples, run as their pages say, trace what they say that they trace."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import subprocess
import sys
from collections import Counter
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from llmtrace.integrations import BUILT_IN
from llmtrace.store import Filter, Store
from tests.documented import NO_WARNINGS

KITS = Path(__file__).parents[2] / "integrations"


def example(kit: str) -> ast.Module:
    return ast.parse((KITS / kit / "example.py").read_text())


def imported(tree: ast.Module) -> set[str]:
    """The packages that an example imports; of a namespace that several share, such as Google's, the one in it."""
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    parts = [
        (node.module or "", name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    ]
    shared = {module for module, _ in parts if (found := spec(module)) and found.origin is None}
    return plain | {f"{module}.{name}" if module in shared else module for module, name in parts}


def spec(module: str) -> ModuleSpec | None:
    """Where a module would come from; a package above it that is missing is an answer, too."""
    try:
        return importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None


def expected(tree: ast.Module) -> Counter[str]:
    """What the example says that its traces hold: operations, and how many of each at least."""
    (said,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "TRACED"
    ]
    return Counter(ast.literal_eval(said))


def stored(path: Path) -> list[Any]:
    with Store(path) as opened:
        return [span for trace in opened.traces(Filter()) for span in opened.spans(trace.trace_id)]


@pytest.mark.parametrize("kit", BUILT_IN)
def test_a_kits_example_runs_without_a_key_and_is_traced(kit: str, tmp_path: Path) -> None:
    tree, store = example(kit), tmp_path / "traces.db"
    if lacking := sorted(module for module in imported(tree) if not spec(module)):
        pytest.skip(f"not applicable: {lacking[0]} is tested in another environment")
    if kit == "pydantic-ai":
        importlib.import_module("tests.integrations.pydantic_ai.app")  # skips where the libraries do not go together
    done = subprocess.run(
        [sys.executable, *NO_WARNINGS, str(KITS / kit / "example.py")],
        env=os.environ | {"LLMTRACE_STORE": str(store)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Traced. Now: llmtrace show" in done.stdout
    spans = stored(store)
    assert expected(tree) <= Counter(span.operation for span in spans)
    assert not [span.name for span in spans if span.error_type]


def test_every_integration_has_a_kit() -> None:
    assert {path.name for path in KITS.iterdir() if path.is_dir()} == {*BUILT_IN}
    assert all((KITS / kit / file).is_file() for kit in BUILT_IN for file in ("README.md", "example.py"))
