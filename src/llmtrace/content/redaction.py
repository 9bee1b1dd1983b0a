"""Replaces secrets in text, and whatever else the app wants out, by `[redacted:kind]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from llmtrace.content.patterns import RULES, shown

_SHORTEST: Final = 6
"""No known secret is shorter, with what announces it."""


class Redactor:
    """Applies the built-in rules to a text, then the app's own: named patterns, or a function from text to text.

    What the app's function raises goes through to the caller, who must then drop the text.
    """

    def __init__(self, own: Callable[[str], str] | Mapping[str, re.Pattern[str]] | None = None) -> None:
        self._suspicious = _detector("|".join(f"(?:{rule.hint})" for rule in RULES))
        self._rules = [
            (_detector(rule.hint), re.compile(rule.pattern), rf"\g<1>{shown(rule.kind)}{rule.after}") for rule in RULES
        ]
        self._function = own if callable(own) else None
        self._patterns = {} if own is None or callable(own) else {shown(name): own[name] for name in own}

    def known(self, text: str) -> str:
        """The text without the secrets that llmtrace knows."""
        if len(text) < _SHORTEST or not self._suspicious(text):
            return text
        for found, pattern, replacement in self._rules:
            if found(text):
                text = pattern.sub(replacement, text)
        return text

    def text(self, text: str) -> str:
        """The text as it may be recorded. It must not hold lone surrogates."""
        text = self.known(text)
        for replacement, pattern in self._patterns.items():
            # Through a function: the name is the app's, and may hold what a template would interpret.
            text = pattern.sub(lambda match, mark=replacement: mark, text)  # type: ignore[misc]  # noqa: ARG005
        return text if self._function is None else self._function(text)


@lru_cache(maxsize=64)
def _detector(pattern: str) -> Callable[[str], bool]:
    """A test whether a text holds the pattern, some fifty times as fast as `re.search`.

    It is Rust's engine, through pydantic, which looks for all alternatives at once and in linear time.
    """
    # Deferred: `import llmtrace` must not load pydantic.
    from pydantic_core import SchemaValidator, core_schema  # noqa: PLC0415

    schema: Any = core_schema.str_schema(pattern=pattern, regex_engine="rust-regex")
    return SchemaValidator(schema).isinstance_python
