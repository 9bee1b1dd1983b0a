"""Takes an AWS event stream (`application/vnd.amazon.eventstream`) apart into its messages."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

PRELUDE = struct.Struct(">III")
"""Length of the message, length of its headers, checksum of these two numbers."""

CHECKSUM = struct.Struct(">I")
LENGTH = struct.Struct(">H")
VALUE_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""By type of a header's value; those of the types 6 (bytes) and 7 (string) say their own length."""

STRING = 7


class Frame(NamedTuple):
    """One message: those of its headers that are strings, and its payload."""

    headers: dict[str, str]
    payload: bytes


def frames(body: bytes) -> Iterator[Frame]:
    """The messages from the first that begins in `body`, up to one that is cut short or whose checksums do not hold.

    A body whose own beginning is missing is so read from the next message on.
    """
    start = _first(body)
    while (end := _end(body, start)) is not None:
        headers_start = start + PRELUDE.size
        payload_start = headers_start + PRELUDE.unpack_from(body, start)[1]
        yield Frame(_headers(body[headers_start:payload_start]), body[payload_start : end - CHECKSUM.size])
        start = end


def _first(body: bytes) -> int:
    """Where the first message begins. Its length is below 2**24, so only a zero byte can be its first."""
    start = body.find(b"\0")
    while start >= 0:
        prelude = body[start : start + PRELUDE.size]
        if len(prelude) < PRELUDE.size or PRELUDE.unpack(prelude)[2] == crc32(prelude[:8]):
            return start
        start = body.find(b"\0", start + 1)
    return len(body)


def _end(body: bytes, start: int) -> int | None:
    """Where the message that begins at `start` ends; None unless it is whole and its checksums hold."""
    if len(body) - start < PRELUDE.size:
        return None
    length, headers_length, checksum = PRELUDE.unpack_from(body, start)
    end: int = start + length
    whole = PRELUDE.size + headers_length + CHECKSUM.size <= length <= len(body) - start
    if not whole or checksum != crc32(body[start : start + 8]):
        return None
    held = CHECKSUM.unpack_from(body, end - CHECKSUM.size)[0] == crc32(body[start : end - CHECKSUM.size])
    return end if held else None


def _headers(block: bytes) -> dict[str, str]:
    """The string headers of a message, as far as the block holds."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            name_end = at + 1 + block[at]
            name, kind, at = block[at + 1 : name_end], block[name_end], name_end + 1
            size = VALUE_SIZES.get(kind)
            if size is None:
                at, size = at + LENGTH.size, LENGTH.unpack_from(block, at)[0]
            if kind == STRING:
                found[name.decode(errors="replace")] = block[at : at + size].decode(errors="replace")
            at += size
    except (IndexError, struct.error):
        pass  # the checksums held, so the sender wrote it like this
    return found
