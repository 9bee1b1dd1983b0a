"""Puts an integration's points on its library when that is imported, and takes them off again."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import logging
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import wrapt

from llmtrace.engine.call import Call, current_call
from llmtrace.engine.engine import SWITCH
from llmtrace.engine.guard import Guard
from llmtrace.engine.run import awaited, begin, run
from llmtrace.engine.stream import listen
from llmtrace.facts.operation import Answered, Begin, Integration, Point, Sent, Silenced

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
        owner: Any = module
        for part in path:
            owner = getattr(owner, part, None)
        original = None if owner is None else vars(owner).get(name)
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
        if patch.target in patch.integration.optional:
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
    match point:
        case Begin():
            made = _beginning(point, guard, original)
        case Sent():
            made = _sending(point, guard, original)
        case Answered():
            made = _answering(point, guard, original)
        case Silenced():
            made = _silencing(point, guard, original)
    return functools.wraps(original)(made)


def _beginning(point: Begin, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def start(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        engine = SWITCH.engine
        return begin(engine, point, guard, args, kwargs) if engine is not None and guard.armed else None

    def plain(*args: Any, **kwargs: Any) -> Any:
        call = start(args, kwargs)
        return original(*args, **kwargs) if call is None else run(call, guard, original, args, kwargs)

    async def awaiting(*args: Any, **kwargs: Any) -> Any:
        call = start(args, kwargs)
        coroutine = original(*args, **kwargs)
        return await (coroutine if call is None else awaited(call, guard, coroutine))

    return awaiting if inspect.iscoroutinefunction(original) else plain


def _under_way(guard: Guard) -> Call | None:
    """The call of ours that this runs inside of, unless it ended or the point is disarmed."""
    call = current_call() if SWITCH.engine is not None and guard.armed else None
    return call if call is not None and call.pending else None


def _sending(point: Sent, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def sent(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        call = _under_way(guard)
        if call is not None:
            with guard:
                call.sent(point.read(result))
        return result

    return sent


def _answering(point: Answered, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def answered(*args: Any, **kwargs: Any) -> Any:
        call = _under_way(guard)
        if call is not None:
            with guard:
                received = point.read(args, kwargs)
                if received is not None:
                    call.answered(received)
                    listen(call, received, guard)
        return original(*args, **kwargs)

    return answered


def _silencing(point: Silenced, guard: Guard, original: Callable[..., Any]) -> Callable[..., Any]:
    def silenced(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs) if _under_way(guard) is None else point.value

    return silenced
