"""What is said of a block, as a decorator and as a block. The test reads it once for each, in place of `said`.

A line marked `same` must reveal the type of the line above it.
"""

import functools
from collections.abc import AsyncIterator, Generator

from typing_extensions import assert_type, reveal_type

import llmtrace

said = llmtrace.conversation("c-1", user="ada", plan="pro")


def plain(a: int, /, b: str, *rest: bytes, c: float = 1.0, **more: bool) -> list[int]:
    return [a]


async def coroutine(a: int, *, b: str = "") -> bytes:
    return b.encode() * a


def generator(a: int) -> Generator[str, int, bytes]:
    got = yield str(a)
    return b"" * got


async def agenerator(a: int) -> AsyncIterator[str]:
    yield str(a)


class Callme:
    def __call__(self, a: int) -> str:
        return str(a)


class Plain:
    def method(self, a: int, *, b: str = "") -> float:
        return a + len(b)

    @staticmethod
    def static(a: int) -> str:
        return str(a)

    @classmethod
    def of_class(cls, a: int) -> bytes:
        return bytes(a)


@said
class Marked:
    def __call__(self, a: int) -> str:
        return str(a)


class Said:
    @said
    def method(self, a: int, *, b: str = "") -> float:
        return a + len(b)

    @said
    @staticmethod
    def static_below(a: int) -> str:
        return str(a)

    @staticmethod
    @said
    def static_above(a: int) -> str:
        return str(a)

    @said
    @classmethod
    def of_class_below(cls, a: int) -> bytes:
        return bytes(a)

    @classmethod
    @said
    def of_class_above(cls, a: int) -> bytes:
        return bytes(a)


partial = functools.partial(plain, 1, "b")
instance = Callme()

reveal_type(plain)
reveal_type(said(plain))  # same
reveal_type(coroutine)
reveal_type(said(coroutine))  # same
reveal_type(generator)
reveal_type(said(generator))  # same
reveal_type(agenerator)
reveal_type(said(agenerator))  # same
reveal_type(partial)
reveal_type(said(partial))  # same
reveal_type(instance)
reveal_type(said(instance))  # same
reveal_type(Plain().method)
reveal_type(Said().method)  # same
reveal_type(Plain.static)
reveal_type(Said.static_below)  # same
reveal_type(Plain.static)
reveal_type(Said.static_above)  # same
reveal_type(Plain.of_class)
reveal_type(Said.of_class_below)  # same
reveal_type(Plain.of_class)
reveal_type(Said.of_class_above)  # same
assert_type(Marked()(1), str)


def returns() -> int:
    with said:
        return 1


async def areturns() -> int:
    async with said:
        return 1


said("no function")  # wrong
said(plain)("a", "b")  # wrong
