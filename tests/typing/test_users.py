"""Two type checkers read users' code: each form keeps the exact type of what it decorates, mistakes are found."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="not applicable: the type checkers come with the newest libraries alone")
pytest.importorskip("pyright", reason="not applicable: the type checkers come with the newest libraries alone")

USERS = Path(__file__).parent / "users"
KINDS = ["workflow", "chain", "agent", "tool", "retrieval", "guardrail", "embedding", "rerank", "llm"]
SAID = {
    "metadata": "shard=3",
    "tags": "'a', 'b'",
    "prompt": "'greet', version=3, template='Hi {name}', variables={'name': 'Mia'}",
    "capture": "'none'",
    "suppress": "",
    "extract": "{'traceparent': '00'}",
}
MYPY = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): (?P<kind>error|note): (?P<text>.*)$", re.MULTILINE)
REVEALED = re.compile(r"Revealed type is \"(.*)\"$|Type of \".*\" is \"(.*)\"$", re.DOTALL)


@pytest.fixture(scope="module")
def code(tmp_path_factory) -> Path:
    """The folder, with a file for each kind of step and each thing that is said of a block."""
    folder = tmp_path_factory.mktemp("users")
    for path in USERS.glob("*.py"):
        (folder / path.name).write_text(path.read_text())
    steps, blocks = (USERS / "steps.py").read_text(), (USERS / "blocks.py").read_text()
    for kind in KINDS:
        (folder / f"of_{kind}.py").write_text(steps.replace("llmtrace.step", f"llmtrace.{kind}"))
    for name, given in SAID.items():
        told = re.sub(r"^said = .*$", f"said = llmtrace.{name}({given})", blocks, flags=re.MULTILINE)
        (folder / f"of_{name}.py").write_text(told)
    return folder


def mypy(folder: Path) -> list[tuple[str, int, str, str]]:
    """(file, line, error or note, text) of each thing that mypy says."""
    (folder / "mypy.ini").write_text("[mypy]\nstrict = True\n")
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--no-error-summary", "."]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stderr + run.stdout
    return [(m["file"], int(m["line"]), m["kind"], m["text"]) for m in MYPY.finditer(run.stdout)]


def pyright(folder: Path) -> list[tuple[str, int, str, str]]:
    """As `mypy`."""
    settings = {"typeCheckingMode": "strict", "reportUnusedFunction": "none"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stderr + run.stdout
    kinds = {"error": "error", "warning": "error", "information": "note"}
    return [
        (Path(said["file"]).name, said["range"]["start"]["line"] + 1, kinds[said["severity"]], said["message"])
        for said in json.loads(run.stdout)["generalDiagnostics"]
    ]


def marked(code: Path, mark: str) -> set[tuple[str, int]]:
    """The places (file, line) of the lines that end with the mark."""
    return {
        (path.name, number)
        for path in code.glob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if line.endswith(f"# {mark}")
    }


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_each_form_keeps_the_type_and_each_mistake_is_found(checker, code: Path) -> None:
    said, same, wrong = checker(code), marked(code, "same"), marked(code, "wrong")
    errors = {(file, line): text for file, line, kind, text in said if kind == "error"}
    assert {place: text for place, text in errors.items() if place not in wrong} == {}
    assert wrong - set(errors) == set()
    found = [(file, line, REVEALED.search(text)) for file, line, kind, text in said if kind == "note"]
    types = {(file, line): match[1] or match[2] for file, line, match in found if match}
    assert len(same) > 350
    pairs = {(file, line): (types[file, line - 1], types[file, line]) for file, line in same}
    assert {place: pair for place, pair in pairs.items() if pair[0] != pair[1]} == {}
