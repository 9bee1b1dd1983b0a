"""Every form over every kind of function. The test reads it once for each kind of step, in place of `step`.

A line marked `same` must reveal the type of the line above it.
"""

import functools
from collections.abc import AsyncIterator, Generator
from typing import TypeVar, overload

from typing_extensions import assert_type, reveal_type

import llmtrace

T = TypeVar("T")


def plain(a: int, /, b: str, *rest: bytes, c: float = 1.0, **more: bool) -> list[int]:
    return [a]


async def coroutine(a: int, *, b: str = "") -> bytes:
    return b.encode() * a


def generator(a: int) -> Generator[str, int, bytes]:
    got = yield str(a)
    return b"" * got


async def agenerator(a: int) -> AsyncIterator[str]:
    yield str(a)


def generic(items: list[T], default: T) -> T:
    return items[0] if items else default


@overload
def overloaded(a: int) -> int: ...
@overload
def overloaded(a: str) -> str: ...
def overloaded(a: int | str) -> int | str:
    return a


class Callme:
    def __call__(self, a: int) -> str:
        return str(a)


class Plain:
    def method(self, a: int, *, b: str = "") -> float:
        return a + len(b)

    async def amethod(self, a: int) -> str:
        return str(a)

    @staticmethod
    def static(a: int) -> str:
        return str(a)

    @classmethod
    def of_class(cls, a: int) -> bytes:
        return bytes(a)

    @property
    def fact(self) -> int:
        return 1


partial = functools.partial(plain, 1, "b")
instance = Callme()


# -- bare: @step


@llmtrace.step
def bare_plain(a: int, /, b: str, *rest: bytes, c: float = 1.0, **more: bool) -> list[int]:
    return [a]


@llmtrace.step
async def bare_coroutine(a: int, *, b: str = "") -> bytes:
    return b.encode() * a


@llmtrace.step
def bare_generator(a: int) -> Generator[str, int, bytes]:
    got = yield str(a)
    return b"" * got


@llmtrace.step
async def bare_agenerator(a: int) -> AsyncIterator[str]:
    yield str(a)


@llmtrace.step
class Marked:
    def __call__(self, a: int) -> str:
        return str(a)


class Bare:
    @llmtrace.step
    def method(self, a: int, *, b: str = "") -> float:
        return a + len(b)

    @llmtrace.step
    async def amethod(self, a: int) -> str:
        return str(a)

    @llmtrace.step
    @staticmethod
    def static_below(a: int) -> str:
        return str(a)

    @staticmethod
    @llmtrace.step
    def static_above(a: int) -> str:
        return str(a)

    @llmtrace.step
    @classmethod
    def of_class_below(cls, a: int) -> bytes:
        return bytes(a)

    @classmethod
    @llmtrace.step
    def of_class_above(cls, a: int) -> bytes:
        return bytes(a)

    @property
    @llmtrace.step
    def fact(self) -> int:
        return 1


reveal_type(plain)
reveal_type(bare_plain)  # same
reveal_type(coroutine)
reveal_type(bare_coroutine)  # same
reveal_type(generator)
reveal_type(bare_generator)  # same
reveal_type(agenerator)
reveal_type(bare_agenerator)  # same
reveal_type(plain)
reveal_type(llmtrace.step(plain))  # same
reveal_type(overloaded)
reveal_type(llmtrace.step(overloaded))  # same
reveal_type(partial)
reveal_type(llmtrace.step(partial))  # same
reveal_type(instance)
reveal_type(llmtrace.step(instance))  # same
reveal_type(Plain().method)
reveal_type(Bare().method)  # same
reveal_type(Plain().amethod)
reveal_type(Bare().amethod)  # same
reveal_type(Plain.static)
reveal_type(Bare.static_below)  # same
reveal_type(Plain.static)
reveal_type(Bare.static_above)  # same
reveal_type(Plain().static)
reveal_type(Bare().static_below)  # same
reveal_type(Plain.of_class)
reveal_type(Bare.of_class_below)  # same
reveal_type(Plain.of_class)
reveal_type(Bare.of_class_above)  # same
reveal_type(Plain().fact)
reveal_type(Bare().fact)  # same
assert_type(llmtrace.step(generic)([1], 2), int)
assert_type(Marked()(1), str)
assert_type(partial(c=2.0), list[int])
assert_type(llmtrace.step(partial)(c=2.0), list[int])


# -- called and named: @step(), @step("name"), @step(name="name", ...)


def picked(a: int) -> dict[str, int]:
    return {"a": a}


@llmtrace.step()
def called_plain(a: int, /, b: str, *rest: bytes, c: float = 1.0, **more: bool) -> list[int]:
    return [a]


@llmtrace.step("named")
async def named_coroutine(a: int, *, b: str = "") -> bytes:
    return b.encode() * a


@llmtrace.step(name="named", inputs=["a"], output=False, capture="none", metadata={"shard": 3})
def named_generator(a: int) -> Generator[str, int, bytes]:
    got = yield str(a)
    return b"" * got


@llmtrace.step(inputs=picked, output=len)
async def called_agenerator(a: int) -> AsyncIterator[str]:
    yield str(a)


@llmtrace.step("named")
class Named:
    def __call__(self, a: int) -> str:
        return str(a)


class Called:
    @llmtrace.step()
    def method(self, a: int, *, b: str = "") -> float:
        return a + len(b)

    @llmtrace.step("named")
    async def amethod(self, a: int) -> str:
        return str(a)

    @llmtrace.step("named")
    @staticmethod
    def static_below(a: int) -> str:
        return str(a)

    @staticmethod
    @llmtrace.step("named")
    def static_above(a: int) -> str:
        return str(a)

    @llmtrace.step("named")
    @classmethod
    def of_class_below(cls, a: int) -> bytes:
        return bytes(a)

    @classmethod
    @llmtrace.step("named")
    def of_class_above(cls, a: int) -> bytes:
        return bytes(a)


reveal_type(plain)
reveal_type(called_plain)  # same
reveal_type(coroutine)
reveal_type(named_coroutine)  # same
reveal_type(generator)
reveal_type(named_generator)  # same
reveal_type(agenerator)
reveal_type(called_agenerator)  # same
reveal_type(overloaded)
reveal_type(llmtrace.step("named")(overloaded))  # same
reveal_type(partial)
reveal_type(llmtrace.step("named")(partial))  # same
reveal_type(instance)
reveal_type(llmtrace.step("named")(instance))  # same
reveal_type(Plain().method)
reveal_type(Called().method)  # same
reveal_type(Plain().amethod)
reveal_type(Called().amethod)  # same
reveal_type(Plain.static)
reveal_type(Called.static_below)  # same
reveal_type(Plain.static)
reveal_type(Called.static_above)  # same
reveal_type(Plain.of_class)
reveal_type(Called.of_class_below)  # same
reveal_type(Plain.of_class)
reveal_type(Called.of_class_above)  # same
assert_type(llmtrace.step("named")(generic)([1], 2), int)
assert_type(Named()(1), str)


# -- as a block


def blocks() -> str | None:
    with llmtrace.step("named") as here:
        reveal_type(llmtrace.current())
        reveal_type(here)  # same
        here.metadata(shard=3)
    with llmtrace.step():
        pass
    return here.handle


async def ablocks() -> None:
    async with llmtrace.step("named") as here:
        reveal_type(llmtrace.current())
        reveal_type(here)  # same


def returns() -> int:
    with llmtrace.step("a block lets every exception through, so what follows is not reached"):
        return 1


# -- what is wrong is said


llmtrace.step(3)  # wrong
llmtrace.step("named")("no function")  # wrong
llmtrace.step(label="named")  # wrong
llmtrace.step(capture=True)  # wrong
bare_plain("a", "b")  # wrong
bare_plain(1)  # wrong
Bare().method("a")  # wrong
