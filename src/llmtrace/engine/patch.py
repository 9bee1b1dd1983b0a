"""Puts an integration's points on its library when that is imported, and takes them off again."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import logging
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import wrapt
from opentelemetry.context import get_current

from llmtrace.engine.context import CALL_KEY
from llmtrace.engine.engine import SWITCH
from llmtrace.engine.guard import Guard
from llmtrace.engine.run import begin, run, steps
from llmtrace.engine.stream import listen
from llmtrace.facts.operation import Answered, Begin, Integration, Point, Sent, Silenced

if TYPE_CHECKING:
    from llmtrace.engine.call import Call

logger = logging.getLogger("llmtrace")


class Patch:
    """One point of one integration: knows its place, the function found there, and the one it put there instead."""

    __slots__ = ("attribute", "guard", "integration", "module", "original", "owner", "point", "wrapper")

    def __init__(self, integration: Integration, target: str, point: Point) -> None:
        self.integration = integration
        self.module, _, self.attribute = target.partition(":")
        self.point = point
        self.guard = Guard(target)
        self.owner: Any = None
        self.original: Any = None
        self.wrapper: Any = None

    @property
    def target(self) -> str:
        """Where the point is, as the integration wrote it."""
        return f"{self.module}:{self.attribute}"

    def put_on(self, module: ModuleType) -> bool:
        """Replaces the function in its class or module. False where there is none."""
        *path, name = self.attribute.split(".")
        owner = functools.reduce(lambda found, part: getattr(found, part, None), path, module)
        original = vars(owner).get(name) if owner is not None else None
        if not callable(original):
            return False
        if original is not self.wrapper:
            self.owner, self.original = owner, original
            self.wrapper = _wrapper(self.point, self.guard, original)
            setattr(owner, name, self.wrapper)
        return True

    def take_off(self) -> None:
        """Restores the function, unless somebody wrapped ours: then ours stays below theirs and just calls through."""
        name = self.attribute.rpartition(".")[2]
        if self.owner is not None and vars(self.owner).get(name) is self.wrapper:
            setattr(self.owner, name, self.original)
            self.wrapper = None


class Patcher:
    """All patches of a set of integrations: applied to what is imported already, and to the rest when it comes."""

    def __init__(self, integrations: list[Integration]) -> None:
        self.patches = [Patch(i, target, point) for i in integrations for target, point in i.points.items()]
        self.missing: list[str] = []
        self._on = True
        for module in dict.fromkeys(patch.module for patch in self.patches):
            wrapt.register_post_import_hook(self._imported, module)

    def _imported(self, module: ModuleType) -> None:
        if not self._on:
            return
        for patch in self.patches:
            if patch.module == module.__name__ and not patch.put_on(module):
                self._absent(patch)

    def _absent(self, patch: Patch) -> None:
        if f"{patch.target}" in patch.integration.optional:
            return
        self.missing.append(patch.target)
        logger.warning(
            "llmtrace: %s %s has no %s, so some of its calls go untraced; supported is %s.",
            patch.integration.name,
            _version(patch.integration.name),
            patch.target,
            patch.integration.requires,
        )

    def take_off(self) -> None:
        """Takes every patch off; modules imported from now on are left alone."""
        self._on = False
        for patch in self.patches:
            if patch.module in sys.modules:
                patch.take_off()


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "(unknown version)"


def _wrapper(point: Point, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that does what the point's role says around the original, and looks like the original."""
    if isinstance(point, Begin):
        return _beginning(point, guard, original)
    return _within(point, guard, original)


def _beginning(point: Begin, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def start(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        engine = SWITCH.engine
        return begin(engine, point, guard, args, kwargs) if engine is not None and guard.armed else None

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = start(args, kwargs)
        return original(*args, **kwargs) if call is None else run(call, guard, original, args, kwargs)

    @functools.wraps(original)
    async def awaiting(*args: Any, **kwargs: Any) -> Any:
        call = start(args, kwargs)
        coroutine = original(*args, **kwargs)
        return await (coroutine if call is None else steps(call, guard, coroutine))

    return awaiting if inspect.iscoroutinefunction(original) else wrapper


def _within(point: Sent | Answered | Silenced, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def call_under_way() -> Call | None:
        call: Any = get_current().get(CALL_KEY) if SWITCH.engine is not None and guard.armed else None
        return call if call is not None and call.pending else None

    @functools.wraps(original)
    def sent(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        call = call_under_way()
        if call is not None:
            with guard:
                call.sent(point.read(result))
        return result

    @functools.wraps(original)
    def answered(*args: Any, **kwargs: Any) -> Any:
        call = call_under_way()
        if call is not None:
            with guard:
                _hand_over(call, point.read(args, kwargs), guard)
        return original(*args, **kwargs)

    @functools.wraps(original)
    def silenced(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs) if call_under_way() is None else point.value

    return {Sent: sent, Answered: answered, Silenced: silenced}[type(point)]
