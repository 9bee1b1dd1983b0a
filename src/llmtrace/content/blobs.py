"""Takes bytes out of records: what stays says what they were and names them by their hash.

The name is a URI, `llmtrace-blob:sha256:<hex>?bytes=<count>&type=<media type>`; the bytes go to the sink, if there is
one.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeAlias

from llmtrace.facts.records import BlobPart, UriPart

Sink: TypeAlias = Callable[[str, bytes, str], None]
"""Keeps bytes: (their SHA-256 in hex, the bytes, their media type)."""

_UNKNOWN: Final = "application/octet-stream"
_MARK: Final = ";base64,"
_LONGEST_HEAD: Final = 128
_HEAD: Final = re.compile(r"data:([\w.+/-]*)(?:;[\w.+-]+=[\w.+-]*)*\Z")
_RUN: Final = re.compile(r"[A-Za-z0-9+/_=-]*")
_SHORTEST_BARE: Final = 1024
_BARE: Final = re.compile(r"[A-Za-z0-9+/_\r\n-]+={0,2}\s{0,2}\Z")
_SIGNS_OF_BASE64: Final = tuple(re.compile(sign) for sign in ("[A-Z]", "[a-z]", "[0-9]", "[+/_-]"))
_WEB_SAFE: Final = str.maketrans("-_", "+/")


def part(source: BlobPart, sink: Sink | None) -> UriPart:
    """What stands for inline bytes."""
    reference = _reference(source.content, source.mime_type, sink)
    return UriPart(modality=source.modality, uri=reference, mime_type=source.mime_type)


def text(text: str, sink: Sink | None) -> str:
    """The text with its `data:` URLs replaced, or the whole of it where it is nothing but bytes in base64."""
    if len(text) >= _SHORTEST_BARE and _is_base64(text):
        return _reference(text, None, sink)
    at = text.find(_MARK)
    if at < 0:
        return text
    pieces: list[str] = []
    done = 0
    while at >= 0:
        end = at + len(_MARK)
        start = text.rfind("data:", max(done, at - _LONGEST_HEAD), at)
        head = _HEAD.match(text[start:at]) if start >= 0 else None
        if head and (run := _RUN.match(text, end)):
            pieces += text[done:start], _reference(run.group(), head.group(1) or None, sink)
            done = end = run.end()
        at = text.find(_MARK, end)
    return "".join((*pieces, text[done:]))


def _is_base64(text: str) -> bool:
    # Any thousand characters of base64 have a capital, a small letter, a digit and a sign; words and hex do not.
    start = text[:_SHORTEST_BARE]
    return " " not in start and all(sign.search(start) for sign in _SIGNS_OF_BASE64) and bool(_BARE.match(text))


def _reference(base64: str, mime_type: str | None, sink: Sink | None) -> str:
    content = _decoded(base64)
    digest = sha256(content).hexdigest()
    if sink is not None:
        sink(digest, content, mime_type or _UNKNOWN)
    return f"llmtrace-blob:sha256:{digest}?bytes={len(content)}" + (f"&type={mime_type}" if mime_type else "")


def _decoded(base64: str) -> bytes:
    """The bytes that the text spells; the text itself as bytes where it is not base64."""
    plain = base64.translate(_WEB_SAFE).rstrip("=")
    try:
        return binascii.a2b_base64(plain + "=" * (-len(plain) % 4))
    except ValueError:
        return base64.encode("utf-8", "replace")
