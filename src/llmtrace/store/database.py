"""The store: writes spans in batches, and answers what a terminal or a page asks about them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from llmtrace.store import forgetting, listing, reading, retention, writing
from llmtrace.store.connection import Connection
from llmtrace.store.rows import Blob, Filter, Forgotten, Found, Score, SpanRow, Stats, TraceSummary


class Store:
    """One SQLite file of spans, shared by any number of processes, threads and forks.

    The file is opened at the first use, and created if need be. Errors of the file are `sqlite3.Error` and `OSError`; a
    file that is not a store, or one from a newer llmtrace, is a `StoreError`.
    """

    def __init__(self, path: Path, *, busy_timeout: float = 60.0) -> None:
        """`busy_timeout` is how many seconds to wait while another process writes."""
        self.path = path
        self._connection = Connection(path, busy_timeout=busy_timeout)

    def write(self, spans: Sequence[SpanRow], scores: Sequence[Score] = ()) -> None:
        """Adds all or none. A span that is there is replaced, but never a finished one by an open one."""
        batch = writing.prepare(spans)
        with self._connection.writing() as db:
            writing.write(db, batch)
            for score in scores:
                writing.add_score(db, score)

    def add(self, spans: Sequence[SpanRow], scores: Sequence[Score] = ()) -> int:
        """Adds those of the spans that are not there yet; says how many it were."""
        batch = writing.prepare(spans)
        with self._connection.writing() as db:
            for score in scores:
                writing.add_score(db, score)
            return writing.write(db, batch, replace=False)

    def hold_open(self, writer: bytes, spans: Sequence[SpanRow], given_up: Sequence[tuple[str, str]] = ()) -> None:
        """Says that the process known by `writer` is alive, and what it has open: to be said again within 10 seconds.

        `given_up` are (trace and span ids of) spans that were open and will never be finished.
        """
        batch = writing.prepare(spans)
        with self._connection.writing() as db:
            writing.be_seen(db, writer)
            writing.write(db, batch, writer=writer)
            writing.leave(db, writer, given_up)

    def let_go(self, writer: bytes) -> None:
        """Says that this process ends: what it still has open was interrupted."""
        with self._connection.writing() as db:
            writing.go(db, writer)

    def traces(self, wanted: Filter, limit: int | None = None, *, since: int | None = None) -> list[TraceSummary]:
        """The traces that began last, newest first; of those alone that changed since `last()` said so, where given."""
        with self._connection.reading() as db:
            return listing.traces(db, wanted, limit, since)

    def last(self) -> int:
        """A number that grows with every span written, never to be given again."""
        with self._connection.reading() as db:
            return reading.last(db)

    def add_score(self, score: Score) -> None:
        """Keeps what somebody thought: one score for each trace, span, name and user, the latest."""
        self.write((), [score])

    def scores(self, trace_id: str) -> list[Score]:
        """The scores of a trace and of its calls, in order of time."""
        with self._connection.reading() as db:
            return reading.scores(db, trace_id)

    def spans(
        self, trace_id: str, *, content: bool = True, limit: int | None = None, written: tuple[int, int] | None = None
    ) -> list[SpanRow]:
        """The spans of a trace in the order they began; without `content` the big attributes are left out.

        `written` leaves only those that were written after the first and not after the second of two numbers that
        `last()` gave.
        """
        with self._connection.reading() as db:
            return reading.spans(db, trace_id, content=content, limit=limit, written=written)

    def find(self, prefix: str, limit: int = 10) -> list[Found]:
        """The traces and spans whose hex id begins with `prefix`; none when it isn't hex."""
        with self._connection.reading() as db:
            return reading.find(db, prefix, limit)

    def put_blob(self, sha256: str, body: bytes, mime_type: str) -> None:
        """Keeps bytes under their SHA-256 (hex); the same bytes again cost nothing."""
        with self._connection.writing() as db:
            writing.put_blob(db, sha256, body, mime_type)

    def blob(self, sha256: str) -> Blob | None:
        """The bytes that were put under this SHA-256."""
        with self._connection.reading() as db:
            return reading.blob(db, sha256)

    def prune(self, *, max_age: float | None = None, max_bytes: int | None = None) -> int:
        """Removes traces that began over `max_age` seconds ago, then the oldest until the rest fits; says how many."""
        before = None if max_age is None else time.time_ns() - int(max_age * 1e9)
        return retention.prune(self._connection, before, max_bytes)

    def census(self, *, conversation: str | None = None, user: str | None = None) -> Forgotten:
        """What `forget` would remove."""
        return forgetting.census(self._connection, conversation, user)

    def forget(self, *, conversation: str | None = None, user: str | None = None) -> Forgotten:
        """Removes the traces, whole, in which some span is the user's or the conversation's, and all that they held.

        What is removed is overwritten; what SQLite left of it in the file before goes with `vacuum`.
        """
        return forgetting.forget(self._connection, conversation, user)

    def vacuum(self) -> bool:
        """Writes the file anew, as small as can be, and empties its log; False while another reader needs the log."""
        return forgetting.rewrite(self._connection)

    def stats(self) -> Stats:
        """How much there is."""
        with self._connection.reading() as db:
            return reading.stats(db, self.path)

    def close(self) -> None:
        """Lets go of the file; using the store again opens it again."""
        self._connection.close()

    def __enter__(self) -> Store:  # noqa: PYI034 - `Self` is not in Python 3.10, and nothing derives from this
        """The store itself, to be closed at the block's end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the store."""
        self.close()
