"""The commands that take spans out of the store and in: JSONL that comes back exactly, Parquet for data frames."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import IO, Annotated

import typer

from llmtrace.cli import parquet
from llmtrace.cli.filters import filtered
from llmtrace.cli.output import fail, opened, say
from llmtrace.cli.places import StorePath, existing, named
from llmtrace.store import Filter, Score, SpanRow, Store
from llmtrace.store.forgetting import BLOB_NAME
from llmtrace.store.interchange import Item, NamedBlob, line, read

BATCH = 500
"""Lines that are written together."""

LONGEST_LINE = 256 << 20
"""Bytes; a longer line is none that was exported."""


class Format(str, Enum):
    """What is written."""

    jsonl = "jsonl"
    parquet = "parquet"


File = Annotated[Path, typer.Argument(metavar="FILE", help="The file; - is the standard stream.", show_default="-")]


@filtered
def export(
    wanted: Filter,
    file: File = Path("-"),
    form: Annotated[Format, typer.Option("--format", help="JSONL keeps all and can be imported.")] = Format.jsonl,
    *,
    store: StorePath = None,
) -> None:
    """Write traces to a file or a pipe, the oldest first."""
    path = existing(store)
    if path is None:
        return
    if form is Format.parquet and str(file) == "-" and sys.stdout.isatty():
        fail("Parquet is nothing for a terminal: name a file")
    with opened(path) as source, _writing(file) as out:
        if form is Format.parquet:
            counts = Counter({"spans": parquet.write(_judged(source, wanted), out)})
        else:
            counts = _export(source, wanted, out)
    say(f"{_told(counts)} exported.")


def import_(file: File = Path("-"), *, store: StorePath = None) -> None:
    """Read what `export` wrote as JSONL into the store; what is there already stays as it is."""
    counts: Counter[str] = Counter()
    wrong: ValueError | None = None
    with opened(named(store)) as target, _reading(file) as stream:
        lines = _lines(stream)
        while wrong is None:
            batch: list[Item] = []
            try:
                batch.extend(islice(lines, BATCH))
            except ValueError as error:
                wrong = error
            if not batch:
                break
            _keep(target, batch, counts)
    if wrong is not None:
        fail(f"{file}, {wrong}.\nThe lines before it are imported ({_told(counts)}); they may be given again.")
    say(f"{_told(counts)} imported; {counts['known spans']:,} were there already.")


def _export(source: Store, wanted: Filter, out: IO[bytes]) -> Counter[str]:
    counts: Counter[str] = Counter()
    blobs: set[str] = set()
    for item in _items(source, wanted):
        text = line(item)
        blobs.update(BLOB_NAME.findall(text))
        out.write(text.encode() + b"\n")
        counts["spans" if isinstance(item, SpanRow) else "scores"] += 1
    for name in sorted(blobs):
        found = source.blob(name)
        if found is not None:
            out.write(line(NamedBlob(name, found)).encode() + b"\n")
            counts["blobs"] += 1
    return counts


def _items(source: Store, wanted: Filter) -> Iterator[Item]:
    for trace in reversed(source.traces(wanted)):
        yield from source.spans(trace.trace_id)
        yield from source.scores(trace.trace_id)


def _judged(source: Store, wanted: Filter) -> Iterator[tuple[SpanRow, Sequence[Score]]]:
    for trace in reversed(source.traces(wanted)):
        scores = source.scores(trace.trace_id)
        for span in source.spans(trace.trace_id):
            yield span, [score for score in scores if score.span_id == span.span_id]


def _keep(target: Store, items: list[Item], counts: Counter[str]) -> None:
    spans = [item for item in items if isinstance(item, SpanRow)]
    scores = [item for item in items if isinstance(item, Score)]
    added = target.add(spans, scores)
    for item in items:
        if isinstance(item, NamedBlob):
            target.put_blob(item.sha256, item.blob.body, item.blob.mime_type)
            counts["blobs"] += 1
    counts.update({"spans": added, "known spans": len(spans) - added, "scores": len(scores)})


@contextmanager
def _writing(file: Path) -> Iterator[IO[bytes]]:
    """The file to write: whole or not at all, and its owner's alone, since prompts go into it."""
    if str(file) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            yield out
        draft.replace(file)
    except OSError as error:
        fail(f"{file} can't be written: {error}")
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _reading(file: Path) -> Iterator[IO[bytes]]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        fail(f"{file} can't be read: {error}")
    with stream:
        yield stream


def _lines(stream: IO[bytes]) -> Iterator[Item]:
    """The items; ValueError, naming the line, at the first that is wrong."""
    number = 0
    while raw := stream.readline(LONGEST_LINE):
        number += 1
        if raw.strip():
            try:
                yield _item(raw)
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None


def _item(raw: bytes) -> Item:
    if len(raw) == LONGEST_LINE:
        raise ValueError("it is too long")
    try:
        return read(raw.decode())
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8 text") from None


def _told(counts: Counter[str]) -> str:
    return ", ".join(
        f"{counts[what]:,} {what if counts[what] != 1 else re.sub('s$', '', what)}"
        for what in ("spans", "scores", "blobs")
        if counts[what] or what == "spans"
    )
