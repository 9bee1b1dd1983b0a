"""Puts an integration's points on its library when that is imported, and takes them off again."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import logging
import sys
import threading
import types
from collections.abc import Callable, Collection
from functools import partial
from types import ModuleType
from typing import Any

import wrapt

from llmtrace.engine.guard import Guard
from llmtrace.engine.guests import Readers
from llmtrace.engine.roles import wrapper
from llmtrace.engine.runs import Runs
from llmtrace.facts.operation import Hooked, Integration, Listed, Point

logger = logging.getLogger("llmtrace")


class Patch:
    """One point of one integration: knows its place, the function found there, and the one it put there instead."""

    __slots__ = ("attribute", "guard", "integration", "module", "original", "owner", "point", "undo", "wrapper")

    def __init__(self, integration: Integration, target: str, point: Point) -> None:
        self.integration = integration
        self.module, _, self.attribute = target.partition(":")
        self.point = point
        self.guard = Guard(target)
        self.owner: Any = None
        self.original: Any = None
        self.wrapper: Any = None
        self.undo: Callable[[], None] | None = None

    @property
    def target(self) -> str:
        """Where the point is, as the integration wrote it."""
        return f"{self.module}:{self.attribute}"

    def put_on(self, module: ModuleType) -> bool:
        """Replaces the function in its class or module, or hands a hook to it. False where there is none."""
        owner, name, original = _found(module, self.attribute)
        if not callable(original):
            return False
        point = self.point
        if isinstance(point, Hooked):
            self.undo = self.undo or point.put_on(original, Runs(self.guard))
        elif original is not self.wrapper:
            self.owner, self.original = owner, original
            self.wrapper = wrapper(point, self.guard, _bound(owner, original))
            setattr(owner, name, self.wrapper)
        return True

    def take_off(self) -> None:
        """Restores the function, unless somebody wrapped ours: then ours stays below theirs and just calls through."""
        name = self.attribute.rpartition(".")[2]
        if self.undo is not None:
            with self.guard:
                self.undo()
            self.undo = None
        if self.owner is not None and vars(self.owner).get(name) is self.wrapper:
            setattr(self.owner, name, self.original)
            self.wrapper = None


class Patcher:
    """All patches of a set of integrations: applied to what is imported already, and to the rest when it comes.

    An integration is loaded when the first of its modules is imported. A point that a library turns out not to have is
    a warning, and an error for the integrations in `asked`, those that the app asked for by name. `readers` takes
    up those of the spans that the loaded libraries make themselves, by instrumentation scope.
    """

    def __init__(
        self, integrations: Collection[Listed], asked: Collection[str] = (), readers: Readers | None = None
    ) -> None:
        self._patches: dict[str, list[Patch]] = {}
        self._readers: Readers = {} if readers is None else readers
        self._asked = asked
        self._on = True
        self._loading = threading.RLock()
        self._guard = Guard("the loading of an integration", tolerance=None)
        for listed in integrations:
            for module in listed.modules:
                wrapt.register_post_import_hook(partial(self._imported, listed), module)

    @property
    def patches(self) -> list[Patch]:
        """Those of the integrations that were loaded up to now."""
        return [patch for patches in list(self._patches.values()) for patch in patches]

    def _imported(self, listed: Listed, module: ModuleType) -> None:
        if not self._on:
            return
        with self._guard:
            for patch in self._of(listed):
                if patch.module == module.__name__:
                    with patch.guard:
                        if not patch.put_on(module):
                            self._absent(patch)

    def _of(self, listed: Listed) -> list[Patch]:
        """The patches of an integration, made once; libraries may be imported by several threads."""
        with self._loading:
            if listed.name not in self._patches:
                integration = listed.load()
                self._readers.update(integration.spans)
                self._patches[listed.name] = [Patch(integration, *each) for each in integration.points.items()]
            return self._patches[listed.name]

    def _absent(self, patch: Patch) -> None:
        if patch.target in patch.integration.optional:
            return
        level = logging.ERROR if patch.integration.name in self._asked else logging.WARNING
        logger.log(level, "llmtrace: %s", lack(patch.integration, patch.target))

    def take_off(self) -> None:
        """Takes every patch off; modules imported from now on are left alone."""
        self._on = False
        for patch in self.patches:
            if patch.module in sys.modules:
                patch.take_off()


def missing(listed: Listed) -> list[str]:
    """Says of each point that the library, as far as it is imported already, does not have though it should."""
    if not any(module in sys.modules for module in listed.modules):
        return []
    integration = listed.load()
    return [
        lack(integration, target)
        for target in integration.points
        if target not in integration.optional
        and (module := sys.modules.get(target.partition(":")[0])) is not None
        and not callable(_found(module, target.partition(":")[2])[2])
    ]


def lack(integration: Integration, target: str) -> str:
    """Says that a library has no such point, and which versions have it."""
    return (
        f"{integration.name} {_version(integration.distribution)} has no {target}, so some of its calls would go "
        f"untraced; supported is {integration.requires}."
    )


def _found(module: ModuleType, attribute: str) -> tuple[Any, str, Any]:
    """Who owns an attribute (`Class.method`, `function`) of the module, its last name, and what lies there itself."""
    *path, name = attribute.split(".")
    owner: Any = module
    for part in path:
        owner = getattr(owner, part, None)
    return owner, name, getattr(owner, "__dict__", {}).get(name)


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "(unknown version)"


def _bound(owner: Any, original: Any) -> Callable[..., Any]:
    """What was found, as a plain function: other tracers put descriptors into classes, which work as methods only."""
    if not isinstance(owner, type) or type(original) in (types.FunctionType, staticmethod):  # proxies claim to be one
        function: Callable[..., Any] = original
        return function

    @functools.wraps(original)
    def plain(this: Any, *args: Any, **kwargs: Any) -> Any:
        return original.__get__(this, type(this))(*args, **kwargs)

    @functools.wraps(original)
    async def awaiting(this: Any, *args: Any, **kwargs: Any) -> Any:
        return await plain(this, *args, **kwargs)

    return awaiting if inspect.iscoroutinefunction(original) else plain
