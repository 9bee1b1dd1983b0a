"""Text that is safe to show in a terminal, and figures as people read them."""

from __future__ import annotations

import re
from datetime import datetime

LONGEST = 200
"""How much of a name or an error's message a line shows."""

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]?"  # colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"  # titles, links, device strings; an open one hides nothing
    r"|\x1b[ -/]*[0-~]?"
)
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
    "|[\U000e0000-\U000e007f]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def plain(text: str) -> str:
    """Text that a terminal shows and does not obey: no escape sequences, control characters or turned directions."""
    text = _LINE_ENDS.sub("\n", _ESCAPES.sub("", text))
    return _SURROGATES.sub("\ufffd", _INVISIBLE.sub("", text))


def one_line(text: str, longest: int = LONGEST) -> str:
    """Plain text in one line, cut where it is long."""
    flat = " ".join(plain(text[: 4 * longest]).split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def duration(nanoseconds: float) -> str:
    """A span of time."""
    seconds = nanoseconds / 1e9
    if seconds >= 60:  # noqa: PLR2004 - a minute
        return f"{seconds // 60:.0f}m {seconds % 60:02.0f}s"
    if seconds >= 1:
        return f"{seconds:.2f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 0.001 else f"{seconds * 1e6:.0f}µs"  # noqa: PLR2004 - a millisecond


def elapsed(nanoseconds: float) -> str:
    """A span of time that goes on: no finer than seconds, or its end would flicker."""
    seconds = int(max(nanoseconds, 0) / 1e9)
    return f"{seconds} s" if seconds < 60 else duration(seconds * 1e9)  # noqa: PLR2004 - a minute


def moment(nanoseconds: int) -> str:
    """A point in time, on this machine's clock."""
    return datetime.fromtimestamp(max(0, nanoseconds) / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def money(amount: float, currency: str | None) -> str:
    """What something cost, with as many digits as cheap calls need."""
    digits = 2 if amount >= 1 else 4 if amount >= 0.01 else 6  # noqa: PLR2004 - a unit, a hundredth
    figure = f"{amount:,.{digits}f}"
    return f"${figure}" if currency == "USD" else f"{figure} {one_line(currency or '', 8)}".rstrip()


def tokens(given: int | None, cached: int | None, answered: int | None) -> str:
    """Tokens in and out; of a call that has only the one (an embedding, say), only that."""
    inward = "" if given is None else f"{given:,}{f' ({cached:,} cached)' if cached else ''}"
    if answered is None:
        return f"{inward or '?'} tokens in"
    return f"{inward} → {answered:,} tokens" if inward else f"{answered:,} tokens out"
