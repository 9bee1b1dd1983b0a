"""What Python's own tools do with a decorated thing is what they do with the bare one."""

import abc
import asyncio
import contextlib
import copy
import dataclasses
import doctest
import functools
import inspect
import pickle
import sys
import textwrap
import traceback
import types
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from unittest import mock

import pytest

import llmtrace
from llmtrace.testing import Captured, capture
from llmtrace.testing.captured import decoded

pytest_plugins = ["pytester"]

DECORATORS: dict[str, Callable[[Any], Any]] = {
    "bare": llmtrace.step,
    "named": llmtrace.tool("named"),
    "said": llmtrace.conversation("c-1"),
    "stacked": lambda function: llmtrace.tags("a")(llmtrace.step(llmtrace.suppress()(function))),
}
every_decorator = pytest.mark.parametrize("decorate", DECORATORS.values(), ids=DECORATORS)


@pytest.fixture(params=["traced", "untraced"], autouse=True)
def tracing(request: pytest.FixtureRequest) -> Captured | None:
    return request.getfixturevalue("captured") if request.param == "traced" else None


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture(integrations=["-openai", "-anthropic"]) as block:
        yield block


def plain(a: int, *, b: str = "x") -> str:
    """Repeats a text.

    >>> plain(2)
    'xx'
    """
    return b * a


async def coroutine(a: int) -> int:
    """Waits."""
    await asyncio.sleep(0)
    return a


def generator(a: int) -> Iterator[int]:
    """Counts."""
    yield from range(a)


async def agenerator(a: int) -> AsyncIterator[int]:
    """Counts."""
    for n in range(a):
        yield n


class Callme:
    """Adds."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.kept = [to]

    def __call__(self, a: int) -> int:
        return self.to + a

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Callme) and other.to == self.to

    __hash__ = None


class Acallme(Callme):
    async def __call__(self, a: int) -> int:
        return self.to + a


@functools.lru_cache
def cached(a: int) -> list[int]:
    return [a]


SHAPES: dict[str, Any] = {
    "plain": plain,
    "coroutine": coroutine,
    "generator": generator,
    "agenerator": agenerator,
    "partial": functools.partial(plain, 2),
    "coroutine partial": functools.partial(coroutine, 2),
    "object": Callme(1),
    "async object": Acallme(1),
    "bound": Callme(1).__call__,
    "cached": cached,
    "builtin": len,
}
every_shape = pytest.mark.parametrize("target", SHAPES.values(), ids=SHAPES)

# Decorated at module level, as an app does it, so that pickle finds them.
pickled = llmtrace.step("pickled")


@pickled
def picklable(a: int) -> int:
    return a


@llmtrace.conversation("c-1")
def picklable_too(a: int) -> int:
    return a


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    name: getattr(inspect, name)
    for name in (
        "isgeneratorfunction",
        "iscoroutinefunction",
        "isasyncgenfunction",
        "isfunction",
        "ismethod",
        "isclass",
        "isroutine",
        "isbuiltin",
        "getdoc",
        "getsourcelines",
        "getmodule",
        "signature",
        "unwrap",
    )
} | {
    "callable": callable,
    "class": lambda thing: thing.__class__,
    "name": lambda thing: getattr(thing, "__name__", None),
    "qualified name": lambda thing: getattr(thing, "__qualname__", None),
    "doc": lambda thing: thing.__doc__,
    "hints": typing.get_type_hints,
    "called as a coroutine": lambda thing: inspect.iscoroutinefunction(thing.__call__),
}
DIFFERENT = {
    ("coroutine partial", "called as a coroutine"),
    ("bound", "getdoc"),
    ("builtin", "hints"),
    ("bound", "isfunction"),
    ("bound", "ismethod"),
    ("bound", "class"),
    ("builtin", "isfunction"),
    ("builtin", "isbuiltin"),
    ("builtin", "class"),
    ("builtin", "called as a coroutine"),
}
"""A function of ours stands in for these; and Python's own partial of a coroutine function does not say what it is."""


def answer(question: Callable[[Any], Any], thing: Any) -> Any:
    try:
        return question(thing)
    except (TypeError, OSError, AttributeError) as error:
        return type(error)


@every_decorator
@pytest.mark.parametrize("shape", SHAPES)
def test_inspect_is_told_the_same(shape: str, decorate) -> None:
    target = SHAPES[shape]
    asked = {name: ask for name, ask in QUESTIONS.items() if (shape, name) not in DIFFERENT}
    marked = decorate(target)
    assert {name: answer(ask, marked) for name, ask in asked.items()} == {
        name: answer(ask, target) for name, ask in asked.items()
    }


@every_decorator
@every_shape
def test_a_copy_is_a_copy(target, decorate) -> None:
    marked = decorate(target)
    for copied, bare in ((copy.copy(marked), copy.copy(target)), (copy.deepcopy(marked), copy.deepcopy(target))):
        assert (copied is marked) == (bare is target) or not isinstance(target, types.FunctionType)
        assert inspect.signature(copied) == inspect.signature(bare)
    if isinstance(target, Callme):
        shallow, deep = copy.copy(marked), copy.deepcopy(marked)
        assert shallow == deep == target
        assert shallow.kept is target.kept
        assert deep.kept is not target.kept
        shallow.to = 40
        assert target.to == 1


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_what_could_be_pickled_can_be(protocol: int) -> None:
    for function in (picklable, picklable_too):
        assert pickle.loads(pickle.dumps(function, protocol)) is function
    for decorate in (
        llmtrace.step,
        llmtrace.tool("named"),
        llmtrace.conversation("c-1"),
        llmtrace.metadata(shard=3),
        llmtrace.tags("a"),
        llmtrace.prompt("p", version=1),
        llmtrace.capture("none"),
        llmtrace.suppress(),
        llmtrace.extract({"traceparent": "00"}),
    ):
        assert pickle.loads(pickle.dumps(decorate(Callme(1)), protocol))(2) == 3
        assert pickle.loads(pickle.dumps(decorate(functools.partial(plain, 2)), protocol))(b="y") == "yy"


DOCUMENTED = '''
@mark
def plain(a):
    """
    >>> plain(2)
    3
    """
    return a + begin(0) + 1

@mark
def generator(a):
    """
    >>> list(generator(2))
    [0, 1]
    """
    yield from range(a)

class Desk:
    @mark
    async def method(self):
        """
        >>> import asyncio
        >>> asyncio.run(Desk().method())
        1
        """
        return 1

def begin(n):
    return n
'''
"""A module one of whose names is one that our own modules use, too."""


@every_decorator
def test_doctest_finds_and_runs_the_examples(decorate) -> None:
    module = types.ModuleType("documented")
    vars(module)["mark"] = decorate
    exec(DOCUMENTED, vars(module))
    found = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert [test.name for test in found] == ["documented.Desk.method", "documented.generator", "documented.plain"]
    for test in found:
        assert doctest.DocTestRunner().run(test).failed == 0


@every_decorator
def test_mocks_are_made_and_put_in_place(decorate, monkeypatch) -> None:
    module = types.ModuleType("patched")
    module.plain, module.coroutine = decorate(plain), decorate(coroutine)
    monkeypatch.setitem(sys.modules, "patched", module)
    stand_in = mock.create_autospec(module.plain)
    stand_in(1, b="y")
    with pytest.raises(TypeError, match="missing a required argument"):
        stand_in()
    with mock.patch("patched.plain", autospec=True) as patched:
        patched.return_value = "mocked"
        assert module.plain(3) == "mocked"
    with mock.patch("patched.coroutine", autospec=True) as patched:
        assert isinstance(patched, types.FunctionType)
        patched.return_value = 5
        assert asyncio.run(module.coroutine(1)) == 5
    assert module.plain(2) == "xx"
    wrapping = mock.Mock(wraps=module.plain)
    assert wrapping(2, b="z") == "zz"


@every_decorator
def test_a_mock_itself_can_be_decorated(decorate) -> None:
    stand_in = mock.Mock(return_value=3)
    assert decorate(stand_in)(1, a=2) == 3
    stand_in.assert_called_once_with(1, a=2)
    decorate(stand_in).assert_called_once_with(1, a=2)
    waiting = mock.AsyncMock(return_value=4)
    assert asyncio.run(decorate(waiting)(1)) == 4


FIXTURES = """
import asyncio
import pytest
import pytest_asyncio
import llmtrace

mark = llmtrace.{decorator}

events = []

@pytest.fixture
@mark
def given(request):
    return request.node.name

@pytest.fixture(params=[1, 2])
@mark
def leased(request, given):
    events.append("open")
    yield request.param
    events.append("closed")

@pytest_asyncio.fixture
@mark
async def fetched():
    await asyncio.sleep(0)
    return 3

@pytest_asyncio.fixture
@mark
async def connected(fetched):
    yield fetched
    await asyncio.sleep(0)

@mark
def test_given(given, leased, connected):
    assert given == f"test_given[{{leased}}]"
    assert connected == 3

@pytest.mark.parametrize("n", [1, 2])
@mark
async def test_async(n, fetched):
    assert n < fetched

@mark
def test_last():
    assert events == ["open", "closed"] * 2
"""


@pytest.mark.parametrize("decorator", ["step", "conversation('c-1')"])
def test_pytest_runs_decorated_fixtures_and_tests(decorator, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FIXTURES.format(decorator=decorator))
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function")
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=5)


# -- functools, contextlib, classes


@every_decorator
def test_a_cache_above_and_below(decorate) -> None:
    ran: list[int] = []

    def square(a: int) -> int:
        ran.append(a)
        return a * a

    for made in (functools.lru_cache(decorate(square)), decorate(functools.lru_cache(square))):
        ran.clear()
        assert [made(2), made(2), made(3)] == [4, 4, 9]
        assert ran == [2, 3]
        assert made.cache_info().hits == 1
        made.cache_clear()
        assert made(2) == 4
        assert ran == [2, 3, 2]


@every_decorator
def test_methods_under_other_decorators(decorate) -> None:
    class Desk:
        made = 0

        @functools.cached_property
        @decorate
        def once(self) -> int:
            self.made += 1
            return self.made

        @property
        @decorate
        def each(self) -> int:
            self.made += 1
            return self.made

        @each.setter
        @decorate
        def each(self, value: int) -> None:
            self.made = value

        @decorate
        @functools.lru_cache  # noqa: B019 - what an app may do
        def kept(self, a: int) -> list[int]:
            return [self.made, a]

        @functools.singledispatchmethod
        @decorate
        def kind(self, a: Any) -> str:
            return "any"

        @kind.register
        @decorate
        def _(self, a: int) -> str:
            return "int"

        half = functools.partialmethod(decorate(lambda self, a, b: (a, b)), 1)

    desk = Desk()
    assert (desk.once, desk.once) == (1, 1)
    assert (desk.each, desk.each) == (2, 3)
    desk.each = 7
    assert desk.made == 7
    assert desk.kept(1) is desk.kept(1)
    assert desk.kept.cache_info().hits == 1
    assert (desk.kind("a"), desk.kind(1)) == ("any", "int")
    assert desk.half(2) == (1, 2)


@every_decorator
def test_what_is_no_callable_is_refused_with_its_name(decorate) -> None:
    for refused in (property(lambda self: 1), functools.cached_property(lambda self: 1), 3):
        with pytest.raises(TypeError, match=f"not a {type(refused).__name__}"):
            decorate(refused)


@every_decorator
def test_single_dispatch_above_and_below(decorate) -> None:
    @functools.singledispatch
    @decorate
    def above(a: Any) -> str:
        return "any"

    @above.register
    @decorate
    def _(a: int) -> str:
        return "int"

    @decorate
    @functools.singledispatch
    def below(a: Any) -> str:
        return "any"

    below.register(int, decorate(lambda a: "int"))
    for made in (above, below):
        assert (made("a"), made(1)) == ("any", "int")
        assert made.dispatch(int)(2) == "int"


@every_decorator
def test_context_managers_above_and_below(decorate) -> None:
    events: list[Any] = []

    def managing(a: int) -> Iterator[int]:
        events.append("in")
        try:
            yield a
        except ValueError as error:
            events.append(error)
        finally:
            events.append("out")

    for made in (contextlib.contextmanager(decorate(managing)), decorate(contextlib.contextmanager(managing))):
        events.clear()
        fault = ValueError("kept")
        with made(3) as given:
            assert given == 3
            raise fault
        assert events == ["in", fault, "out"]

        @made(4)
        def inside() -> str:
            return "result"

        assert inside() == "result"
        with pytest.raises(KeyError, match="passed on"), made(3):
            raise KeyError("passed on")


@every_decorator
def test_async_context_managers_above_and_below(decorate) -> None:
    async def managing(a: int) -> AsyncIterator[int]:
        try:
            yield a
        except ValueError:
            await asyncio.sleep(0)

    async def main() -> None:
        for made in (
            contextlib.asynccontextmanager(decorate(managing)),
            decorate(contextlib.asynccontextmanager(managing)),
        ):
            async with made(3) as given:
                assert given == 3
                raise ValueError("kept")
            with pytest.raises(KeyError, match="passed on"):
                async with made(3):
                    raise KeyError("passed on")

    asyncio.run(main())


@every_decorator
def test_classes_of_every_sort(decorate) -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Point:
        x: int

        @decorate
        def moved(self, by: int) -> "Point":
            return dataclasses.replace(self, x=self.x + by)

    assert Point(1).moved(2) == Point(3)
    assert [field.name for field in dataclasses.fields(Point)] == ["x"]

    class Base(abc.ABC):
        @decorate
        @abc.abstractmethod
        def below(self) -> int: ...

        @abc.abstractmethod
        @decorate
        def above(self) -> int:
            return 1

        @classmethod
        @decorate
        def made(cls) -> "Base":
            return cls()

    with pytest.raises(TypeError, match=r"abstract methods '?above'?, '?below'?"):
        Base()

    class Whole(Base):
        @decorate
        def below(self) -> int:
            return 2

        @decorate
        def above(self) -> int:
            return super().above() + self.below()

    assert Whole.made().above() == 3

    @decorate
    class Called:
        def __call__(self, a: int) -> int:
            return a + 1

    class Below(Called):
        def __call__(self, a: int) -> int:
            return super().__call__(a) * 2

    assert Below()(2) == 6
    assert isinstance(Called, type)
    assert Called.__qualname__.endswith("Called")


# -- what is raised, and by whom


def raising(depth: int) -> None:
    if depth:
        raising(depth - 1)
    raise LookupError("at the bottom")


async def araising(depth: int) -> None:
    await asyncio.sleep(0)
    raising(depth)


def yields_then_raises(depth: int) -> Iterator[int]:
    yield 1
    raising(depth)


async def ayields_then_raises(depth: int) -> AsyncIterator[int]:
    yield 1
    raising(depth)


async def exhausted(generator: Any) -> None:
    async for _ in generator:
        pass


RAISING: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "plain": (raising, lambda function: function(2)),
    "coroutine": (araising, lambda function: asyncio.run(function(2))),
    "generator": (yields_then_raises, lambda function: list(function(2))),
    "agenerator": (ayields_then_raises, lambda function: asyncio.run(exhausted(function(2)))),
}


@every_decorator
@pytest.mark.parametrize(("target", "run"), RAISING.values(), ids=RAISING)
def test_an_exception_comes_with_the_same_end_of_its_traceback(target, run, decorate) -> None:
    tails = []
    for function in (target, decorate(target)):
        with pytest.raises(LookupError, match="at the bottom") as raised:
            run(function)
        assert raised.value.__cause__ is raised.value.__context__ is None
        frames = traceback.extract_tb(raised.value.__traceback__)
        tails.append([(frame.filename, frame.lineno, frame.name) for frame in frames if frame.filename == __file__])
    assert tails[0][1:] == tails[1][1:]


def test_wrong_arguments_of_a_plain_function_are_refused_in_the_same_words() -> None:
    for function in (plain, llmtrace.step(plain)):
        with pytest.raises(TypeError, match=r"plain\(\) got an unexpected keyword argument 'c'"):
            function(1, c=2)


# -- trees


def test_recursion_gives_a_span_for_each_depth(tracing) -> None:
    @llmtrace.step
    def factorial(n: int) -> int:
        return 1 if n == 0 else n * factorial(n - 1)

    assert factorial(4) == 24
    if tracing is None:
        return
    assert tracing.tree() == textwrap.dedent("""\
        factorial
          factorial
            factorial
              factorial
                factorial""")
    deepest = decoded(tracing.spans[-1])
    assert deepest["llmtrace.step.path"] == "/".join(["factorial"] * 5)


def test_recursive_generators_nest_too(tracing) -> None:
    @llmtrace.step
    def walk(tree: list[Any]) -> Iterator[int]:
        for node in tree:
            if isinstance(node, list):
                yield from walk(node)
            else:
                yield node

    assert list(walk([1, [2, [3]], [4]])) == [1, 2, 3, 4]
    assert tracing is None or tracing.tree() == "walk\n  walk\n    walk\n  walk"


def test_one_object_called_while_it_runs_gives_the_right_tree(tracing) -> None:
    @llmtrace.step
    class Planner:
        def __call__(self, left: int) -> list[int]:
            return [left, *self(left - 1)] if left else []

    shared = llmtrace.step("block")

    def nested(left: int) -> None:
        with shared:
            if left:
                nested(left - 1)

    assert Planner()(2) == [2, 1]
    nested(2)
    assert tracing is None or tracing.tree() == "Planner\n  Planner\n    Planner\nblock\n  block\n    block"


def test_one_block_entered_by_many_tasks_ends_each_its_own(tracing) -> None:
    shared = llmtrace.step("shared")

    @llmtrace.step
    def inner() -> None: ...

    async def worker(n: int) -> None:
        with llmtrace.conversation(f"c-{n}"):
            async with shared as here:
                await asyncio.sleep(0.001 * (n % 5))
                here.output(n)
                inner()

    async def main() -> None:
        await asyncio.gather(*(worker(n) for n in range(25)))

    asyncio.run(main())
    if tracing is None:
        return
    spans = tracing.all("shared")
    assert len(spans) == 25
    for span in spans:
        (below,) = tracing.children(span)
        assert below.attributes["gen_ai.conversation.id"] == f"c-{decoded(span)['llmtrace.output']}"


def test_generators_taken_in_turns_keep_their_children_apart(tracing) -> None:
    @llmtrace.step
    def inner(n: int) -> int:
        return n

    @llmtrace.step
    def walk(n: int) -> Iterator[int]:
        yield inner(n)
        yield inner(n)

    assert list(zip(walk(1), walk(2), strict=True)) == [(1, 2), (1, 2)]
    if tracing is not None:
        for outer in tracing.all("walk"):
            below = [decoded(span)["llmtrace.output"] for span in tracing.children(outer)]
            assert below == [decoded(outer)["llmtrace.input"]["n"]] * 2
