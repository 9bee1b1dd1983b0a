"""The types that settings have beyond Python's own, and how values given in several forms come to one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, ByteSize, Field, FilePath

from llmtrace.settings import text

Redactor: TypeAlias = Callable[[str], str]
"""Takes a text and gives it back without what must not be seen."""


def listed(value: Any) -> Any:
    """A list, however it was given: one entry, a comma-separated text or several entries."""
    if isinstance(value, str):
        return text.words(value)
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def destination(value: Any) -> Any:
    """One entry of `exporters`, if it has the looks of one."""
    if (
        (isinstance(value, str) and value.strip())
        or isinstance(value, Mapping)
        or callable(getattr(value, "export", None))
    ):
        return value
    raise ValueError("not a destination")


def provider(value: Any) -> Any:
    """A tracer provider, if it has the looks of one."""
    if callable(getattr(value, "get_tracer", None)):
        return value
    raise ValueError("not a tracer provider")


def redaction(value: Any) -> Any:
    """A redactor, or named patterns compiled."""
    if callable(value):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("neither callable nor mapping")  # noqa: TRY004 - pydantic turns only ValueError into its own
    return {name: _pattern(str(name), pattern) for name, pattern in value.items()}


def _pattern(name: str, pattern: Any) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ValueError(f"the pattern of {name!r} is no regular expression ({error})") from error


def lower(value: Any) -> Any:
    """A word in lower case; anything else as it is, to be refused."""
    return value.strip().lower() if isinstance(value, str) else value


def hosts(value: Any) -> Any:
    """Names of hosts in lower case, `*.` before a name for all below it; no URLs, no other wildcards."""
    found = listed(value)
    return tuple(_host(entry) for entry in found)


def _host(entry: Any) -> str:
    name = lower(entry).strip("[].") if isinstance(entry, str) else ""
    if not name or not _HOST.fullmatch(name):
        raise ValueError(f"{entry!r} is no name of a host: no scheme, port or path, no wildcard but a leading *.")
    return str(name)


_HOST = re.compile(r"(\*\.)?[\w.-]+|[0-9a-f:.]+")

Bytes: TypeAlias = Annotated[ByteSize, Field(gt=0)]
Words: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(listed)]
Hosts: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(hosts)]
File: TypeAlias = FilePath | None
