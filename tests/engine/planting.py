"""Plants a fault at every place where our code calls anything on the app's thread, found by watching it run."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import llmtrace

SRC = Path(llmtrace.__file__).parent
ENGINE = SRC / "engine"

DRIVERS = {
    "plain": "calls the app's or the library's function",
    "awaiting": "awaits the library's coroutine",
    "run": "calls the app's or the library's function",
    "awaited": "awaits the library's coroutine",
    "within": "steps the library's coroutine",
    "driving": "makes a function that is the app's generator",
    "generating": "is the app's generator",
    "first": "steps the app's asynchronous generator",
    "adriving": "makes a function that is the app's asynchronous generator",
    "sent": "calls the library's function",
    "sending": "calls the library's function",
    "answered": "calls the library's function",
    "silenced": "calls the library's function",
    "__iter__": "is the app's own iteration of the stream",
    "__aiter__": "is the app's own iteration of the stream",
    "_each": "is the app's own iteration of the stream",
    "_aeach": "is the app's own iteration of the stream",
    "reading": "calls the library's method",
    "_awaited": "awaits the library's coroutine",
    "__next__": "calls the library's method",
    "__enter__": "enters the app's stream",
    "__exit__": "leaves the app's stream",
    "set_exception": "tells the app's stream of its end",
    "close": "closes the app's stream",
    "aclose": "closes the app's stream",
    "__getattr__": "looks an attribute of the app's stream up",
    "__del__": "is run by the interpreter, which lets nothing out of it",
}
"""Functions of the engine inside which the library's own code runs: a fault of that must come through."""

UNFAILING = {
    "attach": "sets a context variable",
    "detach": "resets a context variable, and catches itself what goes wrong at that",
    "get_current": "reads a context variable",
}
"""What a driver may call of OpenTelemetry unguarded, and why it cannot fail."""

SAFE = {
    ("guard.py", "__enter__"): "gives None",
    ("guard.py", "__exit__"): "is what catches",
    ("stream.py", "__init__"): "assigns four fields",
    ("stream.py", "__setattr__"): "assigns a field",
    ("stream.py", "_reading"): "makes a function",
    ("drive.py", "__init__"): "assigns two fields",
    ("drive.py", "_adopted"): "makes a function",
    ("drive.py", "_nothing"): "does nothing",
    ("home.py", "__init__"): "makes three empty containers",
    ("home.py", "enter"): "reads, sets and resets context variables",
    ("home.py", "leave"): "sets and resets context variables",
    ("home.py", "_bring"): "sets and resets context variables",
    ("run.py", "watching"): "begins a call, which is guarded, and makes a record",
    ("run.py", "_watching"): "makes two functions and a record",
}
"""Functions of the engine that no fault is planted in, and why they cannot fail."""


class PlantedError(Exception):
    """The fault that tests plant."""

    def __init__(self) -> None:
        super().__init__("a planted fault")


class Site(NamedTuple):
    """One place that a call is made from, and what is called there."""

    file: str
    function: str
    line: int
    callee: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function} → {self.callee}"


ENGINES_OWN = [
    (path, node)
    for path in ENGINE.glob("*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
]
"""Every function in the engine's source, with its file."""


def _one_guard(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    body = [node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    if len(body) == 2 and isinstance(body[1], ast.Return) and isinstance(body[1].value, ast.Constant):
        body.pop()
    if len(body) != 1 or not isinstance(body[0], ast.With):
        return False
    context = body[0].items[0].context_expr
    name = context.id if isinstance(context, ast.Name) else getattr(context, "attr", "")
    return name.strip("_") in ("guard", "describing")


GUARDED = {(str(path), node.name) for path, node in ENGINES_OWN if _one_guard(node)}
"""The engine's functions whose whole body is one `with guard:`, by file and name."""


def _ours(code: CodeType) -> bool:
    return code.co_filename.startswith(str(SRC))


def _driver(code: CodeType) -> bool:
    return code.co_filename.startswith(str(ENGINE)) and code.co_name in DRIVERS


def _safe(code: CodeType) -> bool:
    path = Path(code.co_filename)
    return path.parent == ENGINE and (path.name, code.co_name) in SAFE


def _site(frame: FrameType) -> Site | None:
    """The site of a call that just began; None where it is not ours to fail."""
    caller, callee = frame.f_back, frame.f_code
    if caller is None or not _ours(caller.f_code) or "/testing/" in caller.f_code.co_filename:
        return None
    if _driver(callee) or (callee.co_filename, callee.co_name) in GUARDED:
        return None
    if _safe(callee) or _safe(caller.f_code):
        return None
    if _driver(caller.f_code):
        theirs = not _ours(callee)
        if theirs and ("opentelemetry" not in callee.co_filename or callee.co_name in UNFAILING):
            return None
    file = str(Path(caller.f_code.co_filename).relative_to(SRC))
    return Site(file, caller.f_code.co_name, caller.f_lineno, callee.co_name)


def watched(run: Callable[[], Any], only: Callable[[Site], bool] = lambda _: True) -> list[Site]:
    """Every site that is come by while `run` runs on this thread."""
    seen: dict[Site, None] = {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (site := _site(frame)) is not None and only(site):
            seen[site] = None

    _profiled(watch, run)
    return list(seen)


def _profiled(watch: Callable[[FrameType, str, Any], None], run: Callable[[], Any]) -> Any:
    """Runs with every call watched. No collection runs meanwhile: its callbacks would seem to be called by us."""
    gc.disable()
    sys.setprofile(watch)
    try:
        return run()
    finally:
        sys.setprofile(None)
        gc.enable()


class Plant:
    """Runs something with a fault raised at one site, the first time that it is come by."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.raised = 0

    def __call__(self, run: Callable[[], Any]) -> Any:
        """What `run` gives."""

        def watch(frame: FrameType, event: str, _: Any) -> None:
            if event == "call" and not self.raised and _site(frame) == self.site:
                self.raised += 1
                raise PlantedError  # which ends the watching, too

        return _profiled(watch, run)
