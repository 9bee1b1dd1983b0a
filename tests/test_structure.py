"""The package keeps its shape: floors, circles, what only one room may do, and how large things grow."""

import ast
import re

import pytest

from tests.sources import Source, functions, imports, sources, strings

FLOORS = {
    "facts": 1,
    "settings": 1,
    "store": 1,
    "content": 2,
    "insight": 2,
    "integrations": 2,
    "pricing": 2,
    "semconv": 2,
    "tokens": 2,
    "engine": 3,
    "exporters": 3,
    "ui": 3,
    "api": 4,
    "runtime": 4,
    "cli": 5,
    "testing": 5,
    "": 5,
    "__main__": 6,
}
"""A file imports from its own room and from lower floors. The face is the room without a name."""

LONG_FILES = {
    "facts/operation.py": "the contract with integrations, whole: one record after another and no logic",
    "facts/records.py": "one record after another and no logic; to split them would only hide them",
    "semconv/names.py": "the one table of attributes: a row each and no logic",
}
"""Files over 250 lines, each with its reason."""

BROAD_CATCHES = {
    "engine/guard.py": "the one place that catches what our own code raises",
    "engine/drive.py": "what is thrown into a coroutine or a generator is thrown on into the one inside",
}
"""Files with an `except Exception` or broader that does not raise again, each with its reason."""

every_module = pytest.mark.parametrize("source", sources().values(), ids=lambda source: source.module)


@every_module
def test_imports_run_down(source: Source):
    upward = [
        f"{source.module} imports {name}"
        for name in imports(source.module)
        if (room := sources()[name].room) != source.room and FLOORS[room] >= FLOORS[source.room]
    ]
    assert not upward


def test_no_modules_import_each_other_in_a_circle():
    reached = {module: reach(module) for module in sources()}
    circles = {tuple(sorted(m for m in reached[module] if module in reached[m])) for module in sources()} - {()}
    assert not circles


def reach(start: str) -> set[str]:
    """What a module imports, and what that imports, and so on."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        found = imports(todo.pop()) - seen
        seen |= found
        todo += found
    return seen


@every_module
def test_nobody_inside_imports_the_face(source: Source):
    assert source.module == "llmtrace" or "llmtrace" not in imports(source.module)


@every_module
def test_an_integration_knows_facts_and_its_siblings_alone(source: Source):
    if source.room == "integrations":
        assert {sources()[name].room for name in imports(source.module)} <= {"facts", "integrations"}
        assert not re.search(r"opentelemetry|gen_ai\.", source.text)


@every_module
def test_only_semconv_spells_a_key(source: Source):
    spelled = [f"{source.place}:{node.lineno} {node.value}" for node in strings(source.tree) if "gen_ai." in node.value]
    assert source.room == "semconv" or not spelled


@every_module
def test_only_settings_reads_the_environment(source: Source):
    read = [
        f"{source.place}:{node.lineno}"
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (isinstance(node, ast.alias) and node.name in ("environ", "environb", "getenv"))
    ]
    assert source.room == "settings" or not read


@every_module
def test_only_the_guard_catches_everything(source: Source):
    caught = [
        f"{source.place}:{node.lineno}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and not ends_in_raise(node)
    ]
    assert source.place in BROAD_CATCHES or not caught


def is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")) for kind in kinds
    )


def ends_in_raise(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None


@every_module
def test_a_file_is_at_most_250_lines_long(source: Source):
    assert (source.text.count("\n") > 250) == (source.place in LONG_FILES)


@every_module
def test_a_function_is_at_most_60_lines_long(source: Source):
    assert not [f"{node.name} {size}" for node in functions(source.tree) if (size := lines(node)) > 60]


def lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@every_module
def test_a_module_opens_by_saying_its_job(source: Source):
    opening = (ast.get_docstring(source.tree) or "").partition("\n")[0]
    assert re.fullmatch(r".+[.:]", opening), "a module's docstring begins with one sentence"


@every_module
def test_public_names_are_explained(source: Source):
    scopes = [source.tree, *(node for node in source.tree.body if isinstance(node, ast.ClassDef))]
    named = [node for scope in scopes for node in scope.body if isinstance(node, NAMED) and is_public(scope, node)]
    assert not [f"{source.place}:{node.lineno} {node.name}" for node in named if not ast.get_docstring(node)]


NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def is_public(scope: ast.Module | ast.ClassDef, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A method that a base class explained, or an overload of one that is, needs no words of its own."""
    hidden = isinstance(scope, ast.ClassDef) and scope.name.startswith("_")
    inherited = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list} & {
        "override",
        "overload",
    }
    return not (node.name.startswith("_") or hidden or inherited)


@every_module
def test_everything_is_annotated(source: Source):
    assert not [
        f"{source.place}:{node.lineno} {node.name}" for node in functions(source.tree) if not is_annotated(node)
    ]


def is_annotated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = node.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    return node.returns is not None and all(arg.annotation for arg in arguments if arg.arg not in ("self", "cls"))
