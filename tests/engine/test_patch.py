"""Points on a library: what is missing is said and hurts nothing, and what is restored is the original."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import wrapt
from opentelemetry.sdk.trace import TracerProvider

import llmtrace
from llmtrace.engine.patch import Patcher
from llmtrace.facts.operation import Begin, Integration, Sent, Silenced
from llmtrace.integrations import load

LIBRARIES = ("anthropic", "openai")
"""They stand for all: they are there in every environment, and at their points functions are exchanged."""

POINTS = [(name, target) for name in LIBRARIES for target in load(name).points if target not in load(name).optional]


@pytest.fixture(autouse=True)
def shut_down() -> Iterator[None]:
    yield
    llmtrace.shutdown()


def init(**settings: Any) -> None:
    llmtrace.init(tracer_provider=TracerProvider(shutdown_on_exit=False), exporters="none", **settings)


def place(target: str) -> tuple[Any, str]:
    module, _, attribute = target.partition(":")
    owner, _, name = attribute.rpartition(".")
    found = importlib.import_module(module)
    return (getattr(found, owner) if owner else found), name


def patched(target: str) -> bool:
    owner, name = place(target)
    return hasattr(vars(owner)[name], "__wrapped__")


@pytest.mark.allows_log("so some of its calls would go untraced")
@pytest.mark.parametrize(("library", "target"), POINTS)
def test_init_works_without_a_point_and_says_so_once(
    library: str, target: str, logs: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(*place(target))
    init()
    (record,) = logs
    assert record.levelno == logging.WARNING
    said = record.getMessage()
    assert all(word in said for word in (library, version(library), target, load(library).requires))
    others = [(name, other) for name, other in POINTS if other != target]
    assert all(patched(other) for _, other in others)
    llmtrace.shutdown()
    assert not any(patched(other) for _, other in others)


@pytest.mark.parametrize(("library", "target"), POINTS)
def test_a_point_missing_from_a_library_that_was_asked_for_stops_init(
    library: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(*place(target))
    with pytest.raises(llmtrace.SettingsError) as caught:
        init(integrations=[library])
    said = str(caught.value)
    assert all(word in said for word in ("argument", version(library), target, load(library).requires))
    assert not any(patched(other) for _, other in POINTS if other != target)
    init(integrations=[f"-{library}"])


def test_a_point_that_only_some_versions_have_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    (target,) = load("anthropic").optional
    owner, name = place(target)
    monkeypatch.delattr(owner, name, raising=False)
    init(integrations=["anthropic"])


def test_a_library_that_was_left_out_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(*place("openai._base_client:SyncAPIClient.request"))
    init(integrations=["-openai"])


def test_a_library_imported_later_that_lacks_a_point_is_an_error_in_the_log_where_it_was_asked_for(
    tmp_path: Path,
) -> None:
    (tmp_path / "openai").mkdir()
    (tmp_path / "openai" / "__init__.py").write_text("from ._base_client import SyncAPIClient\n")
    (tmp_path / "openai" / "_base_client.py").write_text("class SyncAPIClient:\n    def request(self): return 'me'\n")
    code = """
        import logging, sys
        logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)
        import llmtrace
        llmtrace.init(exporters="none", integrations=sys.argv[1:] or None)
        import openai
        print("BaseClient:", openai.SyncAPIClient.request.__wrapped__(None))
    """

    def run(*asked: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *asked],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stderr == ""
        return [line.partition(" ")[0] for line in done.stdout.splitlines()]

    assert run("openai") == ["ERROR"] * 4 + ["BaseClient:"]
    assert run() == ["WARNING"] * 4 + ["BaseClient:"]


# -- a library of our own, to be broken in every way


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module that has not been imported yet."""
    name = f"acme_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(
        textwrap.dedent("""
        class Strict(type):
            def __setattr__(cls, name, value):
                raise TypeError("hands off")
        class Closed(metaclass=Strict):
            def call(self): return "closed"
        class Open:
            def call(self): return "open"
        class Child(Open):
            pass
        number = 3
        def function(): return "function"
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def integration(module: str, *attributes: str) -> Integration:
    return Integration("acme", "acme>=1", {f"{module}:{name}": Sent(lambda _: None) for name in attributes})


def test_patches_wait_for_the_import_and_never_cause_it(acme: str) -> None:
    patcher = Patcher([integration(acme, "Open.call", "function")])
    assert acme not in sys.modules
    module = importlib.import_module(acme)
    assert module.function.__wrapped__() == module.function() == "function"
    assert module.Open().call() == "open"
    patcher.take_off()
    assert not hasattr(module.function, "__wrapped__")
    assert not hasattr(module.Open.call, "__wrapped__")


def test_after_take_off_an_import_is_left_alone(acme: str) -> None:
    Patcher([integration(acme, "Open.call")]).take_off()
    assert not hasattr(importlib.import_module(acme).Open.call, "__wrapped__")


@pytest.mark.allows_log("has no acme_.*, so some of its calls would go untraced; supported is acme>=1")
@pytest.mark.parametrize("odd", ["number", "number.real", "Gone.call", "Open.gone", "Open.call.deeper", "Child.call"])
def test_a_point_that_is_no_function_of_its_own_class_is_missing(
    acme: str, odd: str, logs: list[logging.LogRecord]
) -> None:
    patcher = Patcher([integration(acme, odd, "function")])
    module = importlib.import_module(acme)
    assert len(logs) == 1
    assert module.function() == "function"
    assert hasattr(module.function, "__wrapped__")
    patcher.take_off()


@pytest.mark.usefixtures("lenient")
@pytest.mark.allows_log("a fault of its own at acme_.*:Closed.call was kept")
def test_a_class_that_refuses_to_be_patched_is_imported_all_the_same(acme: str) -> None:
    patcher = Patcher([integration(acme, "Closed.call", "function")])
    module = importlib.import_module(acme)
    assert module.Closed().call() == "closed"
    assert hasattr(module.function, "__wrapped__")
    patcher.take_off()
    assert not hasattr(module.function, "__wrapped__")


def test_the_wrapper_calls_through_while_tracing_is_off(acme: str) -> None:
    points = {
        f"{acme}:Open.call": Begin(lambda args, kwargs: pytest.fail("looked at a call while off")),
        f"{acme}:function": Silenced("silenced"),
    }
    patcher = Patcher([Integration("acme", "acme>=1", points)])
    module = importlib.import_module(acme)
    assert module.Open().call() == "open"
    assert module.function() == "function"
    patcher.take_off()


class Connection:
    def send(self, text: str) -> Any:
        return self, text

    async def asend(self, text: str) -> Any:
        return self, text


def test_a_method_that_another_tracer_wrapped_before_is_called_as_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        assert isinstance(instance, Connection)
        return wrapped(*args, **kwargs)

    for name in ("send", "asend"):
        monkeypatch.setattr(Connection, name, wrapt.FunctionWrapper(vars(Connection)[name], theirs))
    begin = Begin(lambda args, _: None)
    patcher = Patcher(
        [Integration("acme", "acme>=1", {f"{__name__}:Connection.{name}": begin for name in ("send", "asend")})]
    )
    connection = Connection()
    assert connection.send("a") == (connection, "a")
    assert inspect.iscoroutinefunction(connection.asend)
    assert asyncio.run(connection.asend(text="b")) == (connection, "b")
    patcher.take_off()
    assert type(vars(Connection)["send"]) is wrapt.FunctionWrapper
