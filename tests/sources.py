"""The package's source files, read once, and which of its modules each of them imports."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "src" / "llmtrace"


class Source(NamedTuple):
    """One module: its dotted name, its file, text and syntax tree."""

    module: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        """The file's path inside the package, as the tests' tables and messages name it."""
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def room(self) -> str:
        """The first part of the name below `llmtrace`; empty for the face itself."""
        return ".".join(self.module.split(".")[1:2])


@cache
def sources() -> dict[str, Source]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("llmtrace", *path.relative_to(PACKAGE).with_suffix("").parts)
        module = ".".join(parts).removesuffix(".__init__")
        text = path.read_text()
        found[module] = Source(module, path, text, ast.parse(text))
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of ours that a module names: at its top, inside functions, for typing, and as a string."""
    source = sources()[module]
    package = module if source.path.name == "__init__.py" else module.rpartition(".")[0]
    named: set[str] = set()
    for node in ast.walk(source.tree):
        match node:
            case ast.Import():
                named |= {alias.name for alias in node.names}
            case ast.ImportFrom():
                base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
                base = ".".join(part for part in (base, node.module) if part)
                named |= {f"{base}.{alias.name}" for alias in node.names}
            case ast.Constant(value=str(text)) if text.partition(":")[0] in sources().keys() - {"llmtrace"}:
                named.add(text.partition(":")[0])
    return frozenset(map(_module, filter(_ours, named))) - {module}


def strings(tree: ast.Module) -> list[ast.Constant]:
    """The string constants that the code works with: all but docstrings and bare strings."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [node for node in nodes if isinstance(node.value, str) and id(node) not in bare]


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, the nested ones too."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _ours(name: str) -> bool:
    return name.partition(".")[0] == "llmtrace"


def _module(name: str) -> str:
    """`llmtrace.facts.records.Usage` is named by the module `llmtrace.facts.records`."""
    while name not in sources():
        name = name.rpartition(".")[0]
    return name
