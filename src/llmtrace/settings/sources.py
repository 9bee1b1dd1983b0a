"""Where a setting may come from: its argument, its environment variables in order of precedence, its fallback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Environ: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable. `read` turns its text into the setting's value, or None where it says nothing of it.

    `read` may raise ValueError with what is wrong, without quoting a value that may be secret.
    """

    name: str
    read: Callable[[str], Any] = str


@dataclass(frozen=True, slots=True)
class Source:
    """Where one setting's value may come from; the first that is given wins.

    `expects` says what would be right. `argument` tells whether `init()` takes the setting; `secret` values are never
    shown. `fallback` works out the default from the environment, and `fallback_text` describes it in the documentation.
    """

    expects: str
    variables: tuple[Variable, ...] = ()
    argument: bool = False
    secret: bool = False
    fallback: Callable[[Environ], Any] | None = None
    fallback_text: str = ""


def env(expects: str, *names: str | Variable, secret: bool = False) -> Source:
    """A source that is the environment alone."""
    return Source(expects, variables(*names), secret=secret)


def variables(*names: str | Variable) -> tuple[Variable, ...]:
    """Variables in order of precedence; a bare name is read as it stands."""
    return tuple(name if isinstance(name, Variable) else Variable(name) for name in names)
