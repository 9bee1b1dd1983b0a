"""What a local model server says and is asked, in words that belong to no vendor."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from llmtrace.facts.records import Json

_IMAGE_TOKENS = 85
_TOKEN = re.compile(r"\s*(?:\w{1,6}|[^\w\s]{1,4})|\s+")


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The model asks for a tool. `arguments` is an object, or a string that is sent as it is (JSON or not)."""

    name: str
    arguments: dict[str, Json] | str = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """An error answer. The vendor's type follows from `status`; `retry_after` is sent as a header, in seconds."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says. A stream that meets `then` breaks off halfway with that error, in the vendor's own event.

    `drop_after` closes the connection once so many bytes of the body are out, as a network would: no end, no error.
    """

    text: str = ""
    tool_calls: tuple[ToolUse, ...] = ()
    thinking: str = ""
    refusal: str | None = None
    finish: Literal["stop", "length", "filtered"] = "stop"
    then: Fault | None = None
    drop_after: int | None = None


Scripted: TypeAlias = Answer | Fault | str
"""One entry of a script; a bare string is an `Answer` of that text."""

RATE_LIMITED = Fault(
    429, "Rate limit reached for requests. Please try again shortly.", "rate_limit_exceeded", retry_after=0.01
)
"""A rate limit after which clients may retry almost at once."""


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool that a request offers, with the JSON schema of its arguments."""

    name: str
    parameters: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Turn:
    """One request to a model. `results` are those of tools that ran since the user's last words, the `question`.

    `tool_choice` is `auto`, `none`, `required` or the name of the one tool to call; `limit` bounds the output's tokens.
    """

    model: str
    question: str
    instructions: str = ""
    earlier: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    tools: tuple[OfferedTool, ...] = ()
    tool_choice: str = "auto"
    parallel: bool = True
    schema: dict[str, Json] | None = None
    thinks: bool = False
    limit: int | None = None
    input_tokens: int = 0


Mint: TypeAlias = Callable[[str, int], str]
"""(prefix, length) → an id nobody else of this server has."""


def mint() -> Mint:
    """A maker of ids that look like a vendor's and are the same in every run."""
    numbers = itertools.count()

    def make(prefix: str, length: int) -> str:
        return prefix + hashlib.sha256(str(next(numbers)).encode()).hexdigest()[:length]

    return make


Types: TypeAlias = dict[str, type | tuple[type, ...]]
"""Field of a request → what it must be."""


def mistyped(body: dict[str, Json], types: Types) -> str | None:
    """The first field that is there and of another type than it must be."""
    given = (name for name, kind in types.items() if body.get(name) is not None and not isinstance(body[name], kind))
    return next(given, None)


def tokens(text: str) -> list[str]:
    """The text cut into pieces about as long as a tokeniser's; joined they are the text again."""
    return _TOKEN.findall(text)


def weight(value: Json, key: str = "") -> int:
    """About how many tokens a request's part amounts to: all its texts, with a flat rate for inline data."""
    if isinstance(value, str):
        return _IMAGE_TOKENS if key == "data" or value.startswith("data:") else len(tokens(value))
    if isinstance(value, dict):
        return sum(weight(part, name) for name, part in value.items())
    if isinstance(value, list):
        return sum(weight(part) for part in value)
    return 0


def within(answer: Answer, limit: int | None) -> Answer:
    """The answer as far as the request's limit lets it speak."""
    pieces = tokens(answer.text)
    if limit is None or len(pieces) <= limit:
        return answer
    return Answer(
        "".join(pieces[:limit]),
        thinking=answer.thinking,
        finish="length",
        then=answer.then,
        drop_after=answer.drop_after,
    )
