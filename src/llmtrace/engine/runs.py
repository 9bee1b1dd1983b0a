"""Calls that a library's own hook tells of: known by the library's key, current while they run, then let go of."""

from __future__ import annotations

import time
from collections.abc import Hashable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, get_current
from opentelemetry.metrics import NoOpMeterProvider

from llmtrace.engine.call import Call
from llmtrace.engine.context import current_scope, enter, leave, left_over, outwards, place_in, suppressed, with_scope
from llmtrace.engine.engine import SWITCH
from llmtrace.facts.operation import Begin

if TYPE_CHECKING:
    from llmtrace.engine.guard import Guard
    from llmtrace.facts.operation import Start

MOST = 10_000
"""How many runs may be under way. Of more, the oldest is taken for abandoned."""

OLDEST = 6 * 3600.0
"""Seconds after which a run that nobody ended is taken for abandoned."""

_TOLD = Begin(lambda *_: None)
"""The point of a call that is no function's: it is told how it went."""


class Run:
    """One run: its call, or None where it is not shown, and the contexts around it and inside.

    `anchor` is the run whose place marks that code is inside: one that is not shown may share its parent's.
    `household` is the one that it began directly inside of.
    """

    __slots__ = ("anchor", "around", "began", "call", "context", "household", "key", "parent", "runs")

    def __init__(self, runs: Runs, key: Hashable, parent: Hashable | None, around: Context) -> None:
        self.runs = runs
        self.key = key
        self.parent = parent
        self.around = self.context = around
        self.call: Call | None = None
        self.anchor: Run | None = self
        self.household: Household | None = None
        self.began = time.monotonic()


class Household:
    """The runs that began directly inside of one run of a homed function."""

    __slots__ = ("closing", "runs")

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.closing = False

    def left(self, error: BaseException | None) -> None:
        """The function is over. A run that the library did not end, though the function was raised out of, ends too."""
        if error is not None:
            for run in self.runs:
                run.runs.failed(run.key, error)


class Runs:
    """The engine's side of one hook, as `facts.operation.Runs` has it. Many threads at once may tell of runs."""

    __slots__ = ("_guard", "_known")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._known: dict[Hashable, Run] = {}

    def __len__(self) -> int:
        return len(self._known)

    @property
    def tracer_provider(self) -> Any:
        """Where a library that makes its own spans is to make them; None while llmtrace is off."""
        return None if SWITCH.engine is None else SWITCH.engine.provider

    @property
    def meter_provider(self) -> Any:
        """Where a library that counts by itself is to count: nowhere, since what it counts is counted here."""
        return NoOpMeterProvider()

    @property
    def content(self) -> bool:
        """Whether content is recorded at all; the policy still applies to what is."""
        return SWITCH.engine is not None and SWITCH.engine.policy.capture != "none"

    def begun(self, key: Hashable, start: Start | None, parent: Hashable | None = None) -> None:
        """A run began; without a `start` it is not shown, and what it does is its parent's."""
        with self._guard:
            left_over()
            now = get_current()
            if SWITCH.engine is None or not self._guard.armed or suppressed(now):
                return
            household, inmost = _inside_of(now)
            beside = _beside(parent, household, inmost)
            run = Run(self, key, parent, self._around(parent, now, inmost) if beside is None else beside.around)
            run.household = household if beside is None else beside.household
            if start is not None:
                run.call = Call(SWITCH.engine, start, _TOLD, self._guard, run.around)
                run.call.outer = run.call.outer if beside is None else beside.call  # one request may be that of both
                run.context = run.call.context
            elif run.around is now:
                run.anchor = inmost
            else:
                run.context = with_scope(current_scope(run.around), run.around)
            self._enter(run)

    def heard(self, key: Hashable, chunk: Any) -> None:
        """A chunk of the run's answer came by."""
        with self._guard:
            run = self._known.get(key)
            if run is not None and run.call is not None and run.call.pending:
                run.call.hear(chunk)

    def ended(self, key: Hashable, result: Any = None) -> None:
        """The run is over; inside of a generator that is being closed that is before its time."""
        with self._guard:
            run = self._left(key)
            if run is not None and run.call is not None:
                closing = run.household is not None and run.household.closing
                run.call.back(result, "abandoned" if closing else "completed")

    def failed(self, key: Hashable, error: BaseException, result: Any = None) -> None:
        """The run is over, raised out of; `result` is as much as there was by then."""
        with self._guard:
            run = self._left(key)
            if run is not None and run.call is not None:
                run.call.returns(result)
                run.call.finish(error)

    def _around(self, parent: Hashable | None, now: Context, inmost: Run | None) -> Context:
        """Where a run begins: here, if here is inside of its parent, else where its parent is."""
        outer = None if parent is None else self._known.get(parent)
        return now if outer is None or outer.anchor is inmost else outer.context

    def _enter(self, run: Run) -> None:
        if run.household is not None:
            run.household.runs.append(run)
        self._known[run.key] = run
        if run.anchor is run:
            enter(run, run.context)
        while (oldest := self._oldest()) is not None and self._overdue(oldest):
            self._known.pop(oldest.key, None)
            if oldest.call is not None:
                oldest.call.finish(outcome="abandoned")

    def _oldest(self) -> Run | None:
        with suppress(RuntimeError):  # another thread told of a run at this very moment, and looks itself
            return next(iter(self._known.values()), None)
        return None

    def _overdue(self, run: Run) -> bool:
        return len(self._known) > MOST or time.monotonic() - run.began > OLDEST

    def _left(self, key: Hashable) -> Run | None:
        run = self._known.pop(key, None)
        if run is not None and run.anchor is run and leave(run) is None:  # told of elsewhere, as by another thread
            place = place_in(run.context)
            if place is not None:
                place.leave()
        return run


def _inside_of(context: Context) -> tuple[Household | None, Run | None]:
    """The innermost run that code here is inside of, and the household inside of that, if any."""
    household = None
    for place in outwards(place_in(context)):
        if isinstance(place.by, Run):
            return household, place.by
        if household is None and isinstance(place.by, Household):
            household = place.by
    return household, None


def _beside(parent: Hashable | None, household: Household | None, inmost: Run | None) -> Run | None:
    """The run that one with this parent begins beside, not inside of: libraries begin several, then run them."""
    known = household is None and inmost is not None and inmost.household is not None
    return inmost if known and inmost is not None and inmost.parent == parent else None
