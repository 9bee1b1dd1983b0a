"""The error that stops `init()` when a setting is wrong, and how values are shown in it."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(r"//[^/@\s]*@")
_SHOWN = 80


class SettingsError(ValueError):
    """A setting is wrong; the message names the variable or argument and says what would be right."""


def show(value: object) -> str:
    """The value as a message may show it: short, and without the user and password of a URL."""
    text = _CREDENTIALS.sub("//***@", repr(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
