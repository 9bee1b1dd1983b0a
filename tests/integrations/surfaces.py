"""Walks the public methods of a client, and calls each with arguments that only look right."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from operator import attrgetter
from typing import Any, NamedTuple

STAND_INS: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("Iterable", "List", "list", "Sequence", "SequenceNotStr", "collections.abc."), []),
    (("FileTypes", "bytes", "IO["), b"x"),
    (("str", "Literal", "Union[str", "Optional[str"), "x"),
    (("bool",), True),
    (("int", "float"), 1),
)
"""How the text of an annotation begins → what is given for it; a mapping for all others."""


class Surface(NamedTuple):
    """One library's public methods, as a fresh client has them that reaches nobody.

    `inside` says what hangs on a client and has methods of its own. `excluded` says why methods are not traced: by
    their dotted path, or by its beginning up to a dot. `given` is what a method needs to send anything at all.
    """

    library: str
    client: Callable[[], Any]
    inside: Callable[[Any], bool]
    excluded: Mapping[str, str]
    given: Mapping[str, Mapping[str, Any]]

    def paths(self) -> list[str]:
        """The dotted path of every public method."""
        return [*_paths(self.client(), self.inside)]

    def call(self, path: str) -> None:
        """Calls a method of a fresh client, whatever it answers or raises; what it opens is closed again."""
        method = attrgetter(path)(self.client())
        try:
            result = _call(method, self.given.get(path, {}))
            if isinstance(result, AbstractContextManager):
                with result:
                    pass
            elif inspect.isgenerator(result):
                next(result)
        except Exception:  # noqa: BLE001 - nobody answers, and arguments are stand-ins: what counts is the span
            pass


def matches(path: str, exclusion: str) -> bool:
    """Whether the exclusion names that path."""
    return path.startswith(exclusion) if exclusion.endswith(".") else path == exclusion


def _paths(holder: Any, inside: Callable[[Any], bool], above: str = "") -> Iterator[str]:
    for name in dir(holder):
        if not name.startswith(("_", "with_")):
            value = getattr(holder, name, None)
            if inside(value):
                yield from _paths(value, inside, f"{above}{name}.")
            elif inspect.isroutine(value):
                yield above + name


def _call(method: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """Calls the method with `given`, and with something of the right kind for whatever else it insists on."""
    wanted = [
        each
        for each in inspect.signature(method).parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    ]
    filled = {each.name: given.get(each.name, _stand_in(each)) for each in wanted}
    positional = [filled.pop(each.name) for each in wanted if each.kind is each.POSITIONAL_ONLY]
    return method(*positional, **{**given, **filled})


def _stand_in(parameter: inspect.Parameter) -> Any:
    """Something that a parameter may be given, as far as its name and its annotation tell."""
    if parameter.name == "model":
        return "x"
    kind = parameter.annotation
    text = kind if isinstance(kind, str) else kind.__name__ if isinstance(kind, type) else str(kind)
    text = text.removeprefix("typing.").removeprefix("Optional[")
    return next((value for starts, value in STAND_INS if text.startswith(starts)), {})
