"""Runs a page as somebody does who types all of it: `python -m tests.documented PAGE`, in an empty folder of its own.

The providers are a model server and the backends a receiver on this machine, and nothing can leave it. Python blocks
share one namespace; a block that calls `init()` stands for an app of its own, and one with tests is given to pytest.
Where no block calls `init()` first, it was called already. `llmtrace` commands look into what the blocks before stored.
A block that imports a traced library which this environment lacks is passed over, with all up to the next Python block;
where that is every one, what is printed says so.
"""

from __future__ import annotations

import ast
import logging
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import llmtrace
from llmtrace.engine.guard import Guard
from llmtrace.integrations import BUILT_IN
from llmtrace.testing import ModelServer
from tests.exporters.receiver import receiving
from tests.sources import REPOSITORY

BLOCK = re.compile(r"^( *)```(\w+)( no-run)?\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
ELSEWHERE = re.compile(r"(?:https?|grpcs?)://[\w.-]+\.(?:example|internal)(?::\d+)?")
"""The made-up addresses of backends in examples."""
UNENDING = ("-f", "--follow")
NO_WARNINGS = ("-W", "error", "-W", "ignore:invalid escape sequence")
"""How Python is run for examples: it warns by itself when it compiles some of the older libraries."""
EVERYWHERE = {"anthropic", "openai"}
FAMILY = {"langchain", "langchain_openai", "langchain_qdrant"}
LIBRARIES = ({module.partition(".")[0] for ours in BUILT_IN.values() for module in ours.modules} | FAMILY) - EVERYWHERE
"""The packages around what is traced that not every environment has, or not in that version."""


class Block(NamedTuple):
    """A fenced block: its language, whether it is run, its first line's number and its text."""

    language: str
    runs: bool
    line: int
    text: str


def blocks(page: str) -> list[Block]:
    """A page's fenced blocks in order, each without the indentation of the list that it may stand in."""
    return [
        Block(found[2], not found[3], page.count("\n", 0, found.start(4)), textwrap.dedent(found[4]))
        for found in BLOCK.finditer(page)
    ]


def commands(block: Block) -> Iterator[list[str]]:
    """The `llmtrace` commands of a block that end by themselves, up to the first pipe into another one."""
    if block.language in ("sh", "console"):
        for line in block.text.splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            words = words[: words.index("|")] if "|" in words else words
            if words[:1] == ["llmtrace"] and not {*words} & {*UNENDING}:
                yield words[1:]


def lacking(block: Block) -> str | None:
    """The library that a block imports from and that is not there, or has nothing of that name in this version."""
    for node in ast.parse(block.text).body:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name.partition(".")[0] in LIBRARIES:
                try:
                    exec(ast.unparse(node), {})
                except ImportError:
                    return name
    return None


def masked(shown: str) -> str:
    """What is shown, without what differs from run to run: ids, times, counts, costs, and the padding of columns."""
    return re.sub(r" *(?:\b[0-9a-f]{6,32}\b|\$?\d[\d,.:-]*(?:µs|ms|s)?)", " #", shown)


@contextmanager
def surroundings() -> Iterator[str]:
    """Providers and backends on this machine, where the environment says they are; gives the backend's address."""
    sys.addaudithook(_kept_here)
    with ModelServer() as server, receiving() as receiver:
        os.environ |= {
            "ANTHROPIC_API_KEY": "not-a-key",
            "ANTHROPIC_BASE_URL": server.anthropic_url,
            "HONEYCOMB_API_ENDPOINT": receiver.url,
            "HONEYCOMB_API_KEY": "not-a-key",
            "JAEGER_ENDPOINT": receiver.url,
            "LLMTRACE_STORE": str(Path.cwd() / "traces.db"),
            "OPENAI_API_KEY": "not-a-key",
            "OPENAI_BASE_URL": server.openai_url,
        }
        yield receiver.url


def _kept_here(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo"):
        address = arguments[1] if event == "socket.connect" else arguments
        host = address[0] if isinstance(address, tuple) else ""
        if host not in ("", "127.0.0.1", "localhost", "::1", None):
            raise PermissionError(f"an example wants to talk to {host}")


class Reader:
    """Does what a page says, block after block."""

    def __init__(self, page: Path, backend: str) -> None:
        self.page, self.backend = page, backend
        self.app = sys.modules["__main__"] = ModuleType("__main__")
        self.printed = ""

    def read(self) -> None:
        """Runs all of the page."""
        found = blocks(self.page.read_text())
        python = [block.text for block in found if block.language == "python"]
        if not python or "llmtrace.init(" not in python[0]:
            llmtrace.init()
        if not python:
            _something()
        lacked = {id(block): lacking(block) for block in found if block.language == "python" and block.runs}
        passed_over = False
        for block in found:
            if id(block) in lacked:
                passed_over = lacked[id(block)] is not None
            if passed_over:
                continue
            if block.language == "python" and block.runs:
                self.run(block)
            elif block.language == "text" and self.printed:
                assert masked(block.text) in masked(self.printed), f"{block.text}\nis not in\n{self.printed}"
                self.printed = ""
            else:
                self.printed = "".join(map(self.command, commands(block)))
        if lacked and all(lacked.values()):
            sys.stdout.write(f"not applicable: {next(iter(lacked.values()))} is tested in another environment")

    def run(self, block: Block) -> None:
        """Runs Python, with the page's line numbers in tracebacks."""
        text = ELSEWHERE.sub(self.backend, block.text)
        if "def test_" in text:
            Path("test_page.py").write_text(text)
            ours = ["-c", str(REPOSITORY / "pyproject.toml"), "-p", "no:cacheprovider"]
            subprocess.run([sys.executable, "-m", "pytest", "-q", *ours, "test_page.py"], check=True)
            return
        if "llmtrace.init(" in text:
            llmtrace.shutdown()
        exec(compile("\n" * block.line + text, self.page, "exec", dont_inherit=True), self.app.__dict__)

    def command(self, words: list[str]) -> str:
        """Runs a command; an id on the page is not one of this run, whose latest model call takes its place."""
        # Deferred: an app does not load the commands either, and these blocks run as an app does.
        from typer.testing import CliRunner

        from llmtrace.cli import app

        llmtrace.flush()
        words = [_latest() if re.fullmatch("[0-9a-f]{4,32}", word) else word for word in words]
        words = [word.replace("/tmp/", f"{Path.cwd()}/") for word in words]
        done = CliRunner().invoke(app, words, input="y\n", catch_exceptions=False)
        assert done.exit_code == 0, f"llmtrace {shlex.join(words)}: {done.output}"
        return done.stdout


def _something() -> None:
    """A trace to look at, for pages that are about commands alone."""
    with llmtrace.conversation("ticket-4711", user="ada"), llmtrace.llm("guess", model="our-own") as call:
        call.messages(input="Is it raining?", output="No.")


def _latest() -> str:
    """The id of the latest model call, or of the latest span where there is none."""
    with closing(sqlite3.connect(os.environ["LLMTRACE_STORE"])) as store:
        query = "SELECT hex(span_id) FROM spans ORDER BY operation = 'chat' DESC, started DESC LIMIT 1"
        (latest,) = store.execute(query).fetchone()
    return str(latest).lower()


class Warned(logging.Handler):
    """Keeps what is logged at WARNING and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def main(page: Path) -> None:
    """Runs the page; fails on an exception, a warning, or a word of complaint in our logs or OpenTelemetry's."""
    Guard.strict = True
    warned = Warned()
    for name in ("llmtrace", "opentelemetry"):
        logging.getLogger(name).addHandler(warned)
    with surroundings() as backend:
        Reader(page, backend).read()
        assert llmtrace.shutdown(), "not everything was sent"
    assert not warned.said, warned.said


if __name__ == "__main__":
    main(Path(sys.argv[1]))
