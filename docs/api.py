"""Writes the reference of the Python API out of the signatures and docstrings of what `import llmtrace` gives."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llmtrace
from llmtrace.api import kinds
from llmtrace.api.context import Saying
from llmtrace.api.current import Current, Parameters

GROUPS = {
    "Start and stop": ("init", "flush", "shutdown", "uninstrument", "SettingsError"),
    "Mark steps": (
        *("workflow", "chain", "step", "agent", "tool", "retrieval", "guardrail"),
        *("llm", "embedding", "rerank"),
    ),
    "Inside of a step": ("current",),
    "Say something of all that is inside": ("conversation", "metadata", "tags", "prompt", "capture", "suppress"),
    "Across services, and later": ("inject", "extract", "feedback"),
}
"""Every public name, by what it is for."""


def api_body() -> str:
    """The page below its opening."""
    left = set(llmtrace.__all__).symmetric_difference(name for names in GROUPS.values() for name in names)
    assert not left, f"in a group and not public, or the other way round: {sorted(left)}"
    return "\n\n".join(part for title, names in GROUPS.items() for part in (f"## {title}", *_group(names))) + "\n"


def _group(names: tuple[str, ...]) -> Iterator[str]:
    if "step" in names:
        yield from _kinds(names)
        return
    if "conversation" in names:
        yield _text(Saying)
    for name in names:
        yield from _entry(name, getattr(llmtrace, name))
    if "current" in names:
        yield from _current()


def _kinds(names: tuple[str, ...]) -> Iterator[str]:
    yield _text(kinds.Kind)
    yield "\n".join(["| Decorator | For |", "| --- | --- |", *(f"| `{name}` | {_line(name)} |" for name in names)])
    yield f"```text\nstep{_first_overload('Kind')}\nllm{_first_overload('ModelKind')}\n```"
    yield f"`inputs`: {_documented('Inputs')}"
    yield f"`output`: {_documented('Output')}"


def _line(name: str) -> str:
    return _text(getattr(llmtrace, name)).replace("|", "\\|")


def _current() -> Iterator[str]:
    yield _text(Current)
    for name, member in vars(Current).items():
        if not name.startswith("_"):
            yield from _entry(f"current().{name}", member)
    given = ", ".join(f"`{name}`" for name in Parameters.__annotations__)
    yield f"The names that `current().parameters()` takes: {given}."


def _entry(name: str, thing: Any) -> Iterator[str]:
    yield f"### {name}"
    if not isinstance(thing, type | property):
        signature = inspect.signature(thing)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
        yield f"```text\n{name}{_wrapped(signature.replace(parameters=own))}\n```"
    yield _text(thing)


def _wrapped(signature: inspect.Signature) -> str:
    """The signature as its source has it: annotations are texts there, and the quotes around them are noise."""
    line = str(signature).replace("'", "")
    if len(line) <= 110:  # noqa: PLR2004 - what fits on a line
        return line
    shown = [str(parameter).replace("'", "") for parameter in signature.parameters.values()]
    first = next(
        (n for n, one in enumerate(signature.parameters.values()) if one.kind is inspect.Parameter.KEYWORD_ONLY), -1
    )
    if first >= 0:
        shown.insert(first, "*")
    inside = "".join(f"\n    {one}," for one in shown)
    return f"({inside}\n) -> {str(signature.return_annotation).strip(chr(39))}"


def _first_overload(protocol: str) -> str:
    tree = ast.parse(Path(inspect.getfile(kinds)).read_text())
    (found,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == protocol]
    call = next(node for node in found.body if isinstance(node, ast.FunctionDef))
    given = zip(call.args.kwonlyargs, call.args.kw_defaults, strict=True)
    shown = [f"{ast.unparse(call.args.args[1])} = {ast.unparse(call.args.defaults[0])}", "*"]
    shown += [f"{ast.unparse(one)} = {ast.unparse(default)}" for one, default in given if default]
    inside = "".join(f"\n    {one}," for one in shown)
    return f"({inside}\n)"


def _documented(constant: str) -> str:
    """The text that stands below a constant of the module."""
    body = ast.parse(Path(inspect.getfile(kinds)).read_text()).body
    for node, following in itertools.pairwise(body):
        named = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == constant
        if named and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            return " ".join(str(following.value.value).split())
    raise LookupError(constant)


def _text(thing: Any) -> str:
    found = inspect.getdoc(thing)
    assert found, f"{thing} has no docstring"
    return found
