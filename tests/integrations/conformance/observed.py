"""Describes what an app sees of a call, so that two runs of the same call can be compared: values, errors, warnings."""

from __future__ import annotations

import copy
import pickle
import re
import traceback
import warnings
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tests.integrations.conformance.network import Network

LIBRARIES = ("openai", "anthropic", "google", "httpx", "httpx2")
RANDOM = ("idempotency-key", "x-amz-date", "authorization", "x-stainless-read-timeout")
"""Headers whose values differ from one call to the next, with or without us. Their names must still be the same."""

_ADDRESS = re.compile(r"0x[0-9a-f]+")


@dataclass
class Observed:
    """All that an app sees of one call, and what left for the provider."""

    notes: list[tuple[str, Any]] = field(default_factory=list)
    error: Any = None
    warned: list[tuple[str, str, str, int]] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)


async def observe(run: Callable[[Callable[[str, Any], None]], Awaitable[None]], network: Network) -> Observed:
    """Runs a call, keeping what it notes, raises, warns of and sends."""
    seen = Observed()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            await run(lambda name, value: seen.notes.append((name, described(value))))
        except Exception as error:  # noqa: BLE001 - whatever the library raises is what is compared
            seen.error = failed(error)
    seen.warned = [(w.category.__name__, str(w.message), w.filename, w.lineno) for w in warned]
    seen.sent = [(one.method, one.url, _lines(one.headers), one.body) for one in network.requests]
    return seen


def described(value: Any) -> Any:
    """A value as what an app can tell of it."""
    if isinstance(value, BaseModel):
        return (_type(value), value.model_dump(), sorted(value.model_fields_set), repr(value))
    if isinstance(value, list | tuple):
        return [described(item) for item in value]
    if isinstance(value, Mapping):
        return (_type(value), sorted((str(key), str(item)) for key, item in value.items()))
    if value is None or isinstance(value, str | bytes | int | float):
        return (_type(value), value)
    return (_type(value), public(value), _ADDRESS.sub("0x", repr(value)))


def public(value: Any) -> list[str]:
    """The names that a value offers."""
    return sorted(name for name in dir(value) if not name.startswith("_"))


def carried(value: Any) -> list[Any]:
    """What becomes of a value that is pickled, and of one that is copied: an equal one, or an error."""
    return [_tried(lambda: pickle.loads(pickle.dumps(value))), _tried(lambda: copy.deepcopy(value))]


def failed(error: BaseException | None, known: tuple[BaseException, ...] = ()) -> Any:
    """An exception as what an app can tell of it: itself, what it carries, where it came from, and what caused it."""
    if error is None or any(error is one for one in known):  # some libraries raise one from itself
        return error and "one of those above"
    known = (*known, error)
    attributes = {name: item for name, item in vars(error).items() if name not in ("request", "response")}
    response = getattr(error, "response", None)
    return {
        "type": _type(error),
        "args": [_ADDRESS.sub("0x", repr(item)) for item in error.args],
        "text": str(error),
        "attributes": {name: described(item) for name, item in attributes.items()},
        "headers": _headers(response),
        "content": getattr(response, "_content", None) if getattr(response, "is_closed", False) else None,
        "frames": _frames(error),
        "cause": failed(error.__cause__, known),
        "context": failed(error.__context__, known),
        "suppressed": error.__suppress_context__,
    }


def _headers(response: Any) -> list[tuple[str, str]] | None:
    headers = getattr(response, "headers", None)
    return None if headers is None else sorted(getattr(headers, "multi_items", headers.items)())


def _frames(error: BaseException) -> list[tuple[str, str, int | None]]:
    """Where in the libraries an exception passed; our own frames between are the one difference."""
    found = []
    for frame in traceback.extract_tb(error.__traceback__):
        parts = Path(frame.filename).parts
        if "site-packages" in parts and parts[parts.index("site-packages") + 1] in LIBRARIES:
            found.append((parts[-1], frame.name, frame.lineno))
    return found


def _tried(action: Callable[[], Any]) -> Any:
    try:
        return described(action())
    except Exception as error:  # noqa: BLE001 - what cannot be done without us must fail the same with us
        return (_type(error), _ADDRESS.sub("0x", str(error)))


def _type(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _lines(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, "…" if name.lower() in RANDOM else value) for name, value in headers]
