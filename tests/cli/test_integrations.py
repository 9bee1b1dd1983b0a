"""The command that says which libraries are traced, and how far one can rely on it."""

import importlib.metadata
import json
import subprocess
import sys
from importlib.resources import files

import pytest
from typer.testing import CliRunner

from llmtrace.cli import app
from llmtrace.integrations import BUILT_IN, installed


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")


def said(*arguments):
    done = CliRunner().invoke(app, ["integrations", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def row(name):
    (found,) = [line for line in said().splitlines() if line.split()[:1] == [name]]
    return found


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_table_says_what_an_integration_captures_and_with_which_versions_it_was_tested(name):
    integration = BUILT_IN[name].load()
    tested = json.loads((files("llmtrace.integrations") / "tested.json").read_text())[name]
    assert integration.captures
    assert integration.verified
    for part in (integration.requires, ", ".join(tested), *integration.captures, *integration.verified):
        assert part in row(name)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_table_says_what_holds_here(name):
    if installed(BUILT_IN[name]):
        assert f"  {importlib.metadata.version(BUILT_IN[name].load().distribution)}, traced  " in row(name)
    else:
        assert "  not installed  " in row(name)


@pytest.mark.parametrize(
    ("variable", "value", "state"),
    [
        ("LLMTRACE_INTEGRATIONS", "-openai", "off, by LLMTRACE_INTEGRATIONS"),
        ("LLMTRACE_INTEGRATIONS", "anthropic", "off, by LLMTRACE_INTEGRATIONS"),
        ("LLMTRACE_NATIVE_SPANS", "openai", "its own spans, by LLMTRACE_NATIVE_SPANS"),
    ],
)
def test_the_settings_of_the_shell_are_seen(monkeypatch, variable, value, state):
    monkeypatch.setenv(variable, value)
    assert state in row("openai")


@pytest.mark.parametrize("name", BUILT_IN)
def test_one_integration_is_shown_with_every_point(name):
    lines = said(name).splitlines()
    integration = BUILT_IN[name].load()
    for place in (*integration.points, *integration.spans):
        assert [line for line in lines if place in line]


@pytest.mark.parametrize("wrong", [("opnai",), ()], ids=["argument", "setting"])
def test_what_is_unknown_is_refused_with_what_is_known(monkeypatch, wrong):
    if not wrong:
        monkeypatch.setenv("LLMTRACE_INTEGRATIONS", "opnai")
    done = CliRunner().invoke(app, ["integrations", *wrong])
    assert done.exit_code == 1
    assert "'opnai'" in done.stderr
    assert "openai" in done.stderr


def test_no_library_is_imported_to_be_told_of():
    code = (
        "import sys\n"
        "from llmtrace.cli import app\n"
        "before = set(sys.modules)\n"
        "app(['integrations'], standalone_mode=False)\n"
        "print('new', *set(sys.modules) - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    new = {*done.stdout.splitlines()[-1].split()}
    assert not new & {module for listed in BUILT_IN.values() for module in listed.modules}
