"""Seats the contestants, each in a process of its own, and lets them measure in turns: noise meets all alike."""

from __future__ import annotations

import importlib
import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.promises import SENT, SLICES
from benchmarks.receiver import Post, receiving

IMPORT = "seconds to import it alone"
BEGIN = "seconds to begin in an app that has openai"
PEAK = "peak memory, all of the above"
DRAWS = 1000
PEERS = Path(__file__).resolve().parent.parent / ".cache" / "peers"
BYTECODE = PEERS.parent / "bytecode"
BARE, REFERENCE, CONTROL = "bare", "by hand", "by hand again"


T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """A contestant: what the table calls it, its module, and the interpreter of the environment it is installed in."""

    name: str
    module: str
    python: str = sys.executable
    zero: str = "bare"
    """The bare app that it is measured against: one with the same client libraries."""

    @property
    def peer(self) -> bool:
        """Whether it is somebody else's, in an environment of its own."""
        return Path(self.python).is_relative_to(PEERS) and self.name != OLDER

    @property
    def installed(self) -> bool:
        """Whether its environment is there."""
        return Path(self.python).exists()

    @property
    def lacks(self) -> Mapping[str, str]:
        """What it does not take part in, and why."""
        found: Mapping[str, str] = importlib.import_module(self.module).Contestant.lacks
        return found


def peer(name: str, folder: str, zero: str = "bare", module: str = "") -> Entry:
    """One of the others, in the environment that `make bench` builds for it from `locks/peers`."""
    python = PEERS / folder / "bin" / "python"
    return Entry(name, f"benchmarks.contestants.{module or folder}", str(python), zero)


OLDER = "bare, OpenLIT's clients"
"""OpenLIT holds both clients back: what it adds is counted from the app that has those."""

ENTRIES = (
    Entry(BARE, "benchmarks.contestants.bare"),
    Entry(REFERENCE, "benchmarks.contestants.hand_written"),
    Entry(CONTROL, "benchmarks.contestants.hand_written"),
    Entry("llmtrace", "benchmarks.contestants.llmtrace"),
    Entry("llmtrace, local store", "benchmarks.contestants.llmtrace_local"),
    peer("OpenLLMetry", "openllmetry"),
    peer("OpenInference", "openinference"),
    peer("official GenAI", "official"),
    peer("Logfire", "logfire"),
    peer("Langfuse", "langfuse"),
    peer("OpenLIT", "openlit", OLDER),
    peer("ddtrace", "ddtrace"),
    peer(OLDER, "openlit", OLDER, "bare"),
)
"""Who takes part. The control is the reference once more: what it differs by is noise."""


ZEROS = {entry.name: entry.zero for entry in ENTRIES}
"""Contestant → the bare app that it is measured against."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    The contestants sit down in fresh processes so many times, and each then has so many rounds; `length` is what part
    of its usual length a slice has.
    """

    sittings: int = 6
    rounds: int = 6
    length: float = 1.0
    gzip: bool = False
    only: str = ""

    def count(self, usual: int) -> int:
        """How many runs make a slice."""
        return max(1, round(usual * self.length))

    def wanted(self, table: Mapping[str, T]) -> dict[str, T]:
        """The measures whose names hold what was asked for."""
        return {name: how for name, how in table.items() if self.only in name}


FOREIGN = ("OTEL_", "LLMTRACE_", "TRACELOOP_", "LOGFIRE_", "LANGFUSE_", "OPENLIT_", "DD_", "PYTHONDONTWRITEBYTECODE")
"""What the variables begin with that would change what a contestant does."""

Found = dict[str, list[list[float]]]
"""Contestant → for each sitting the value of each round."""

Values = dict[str, Found]
"""What is measured → what was found."""


def surroundings() -> dict[str, str]:
    """The environment of a contestant's process: no setting of ours or of a peer's, and compiled modules are kept.

    An app in production starts from compiled modules; where none can be kept, compiling them is most of a start.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return own | {"PYTHONPYCACHEPREFIX": str(BYTECODE)}


class Seat:
    """The near side of a contestant's process."""

    def __init__(self, entry: Entry, post: Post, plan: Plan) -> None:
        self.address = f"{entry.name.replace(' ', '-').replace(',', '')}"
        command = [entry.python, "-m", "benchmarks.seat", entry.module, f"{post.url}/{self.address}"]
        compression = "gzip" if plan.gzip else "none"
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=surroundings() | {"OTEL_EXPORTER_OTLP_COMPRESSION": compression},
        )

    def ask(self, what: str, **given: Any) -> float:
        """Sends a request and waits for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **given}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"a contestant ended at {what} {given}; its own words are above")
        return float(json.loads(answer))

    def leave(self) -> None:
        """Lets the process end by itself."""
        self._process.communicate()


@contextmanager
def seated(entries: Sequence[Entry], post: Post, plan: Plan) -> Iterator[dict[str, Seat]]:
    """All contestants, ready. They come one after another, so that none holds up another's start."""
    with ExitStack() as leaving:
        seats = {}
        for entry in entries:
            seats[entry.name] = Seat(entry, post, plan)
            leaving.callback(seats[entry.name].leave)
            seats[entry.name].ask("started")
        yield seats


@dataclass
class Contest:
    """One run of everything; `say` is told what comes next."""

    plan: Plan
    say: Callable[[str], None]
    entries: Sequence[Entry] = tuple(entry for entry in ENTRIES if entry.installed)
    values: Values = field(default_factory=dict)

    def run(self) -> Values:
        """Measures all that there is to measure."""
        with receiving() as post:
            if not self.plan.only:
                self._warm(post)
            for number in range(self.plan.sittings):
                self.say(f"sitting {number + 1} of {self.plan.sittings}")
                self._sit(post)
        return self.values

    def _warm(self, post: Post) -> None:
        self.say("every start once, for the modules to be compiled")
        for entry in self.entries:
            with seated([entry], post, self.plan):
                _import_time(entry)

    def _sit(self, post: Post) -> None:
        """Fresh processes: two of the same code differ by some per cent, because their memory lies differently."""
        with seated(self.entries, post, self.plan) as seats:
            for measure, how in self.plan.wanted(SLICES).items():
                self._slices(seats, measure, self.plan.count(how.usual))
            for measure, (call, usual) in self.plan.wanted(SENT).items():
                self._sent(seats, post, measure, (call, self.plan.count(usual)))
            if not self.plan.only:
                for entry in self.entries:
                    self._note(PEAK, entry.name, [seats[entry.name].ask("peak")])
                    self._note(BEGIN, entry.name, [seats[entry.name].ask("started")])
                    self._note(IMPORT, entry.name, [_import_time(entry)])

    def _note(self, measure: str, name: str, values: list[float]) -> None:
        self.values.setdefault(measure, {}).setdefault(name, []).append(values)

    def _slices(self, seats: dict[str, Seat], measure: str, count: int) -> None:
        without = {entry.name for entry in self.entries if measure in entry.lacks}
        taken: dict[str, list[float]] = {name: [] for name in seats if name not in without}
        for _ in range(self.plan.rounds + 1):
            for name in random.sample(list(taken), len(taken)):
                taken[name].append(seats[name].ask("slice", name=measure, count=count))
        for name, values in taken.items():
            self._note(measure, name, values[1:])  # the first one was for caches to fill

    def _sent(self, seats: dict[str, Seat], post: Post, measure: str, calls: tuple[str, int]) -> None:
        for name, seat in seats.items():
            before = post.got(seat.address)["bytes"]
            seat.ask("slice", name=calls[0], count=calls[1])
            if sent := post.got(seat.address)["bytes"] - before:
                self._note(measure, name, [sent / calls[1]])


def _import_time(entry: Entry) -> float:
    """The seconds that a fresh interpreter takes to import what the contestant's users import first."""
    code = (
        f"import importlib, time; from {entry.module} import Contestant; began = time.perf_counter(); "
        "Contestant.package and importlib.import_module(Contestant.package); print(time.perf_counter() - began)"
    )
    command = [entry.python, "-c", code]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=surroundings()).stdout
    return float(told.splitlines()[-1])


def costs(found: Found, name: str) -> list[list[float]]:
    """What a contestant added to the bare app, sitting by sitting and round by round."""
    bare = found.get(ZEROS.get(name, BARE)) or [[0.0] * len(values) for values in found[name]]
    return [
        [value - zero for value, zero in zip(values, zeros, strict=True)]
        for values, zeros in zip(found[name], bare, strict=True)
    ]


def median(sittings: Iterable[list[float]]) -> float:
    """The median of all rounds of all sittings."""
    return statistics.median(chain.from_iterable(sittings))


@dataclass(frozen=True)
class Ratio:
    """What a contestant cost, as a part of the reference's cost, and between what 95 % of the re-drawn ratios lie."""

    middle: float
    low: float
    high: float


def ratio(found: Found, name: str) -> Ratio | None:
    """The ratio of the median costs. None where the reference costs nothing.

    The spread is the bootstrap's: sittings are drawn again and again, each with all its contestants and rounds.
    """
    pairs = list(zip(costs(found, name), costs(found, REFERENCE), strict=True))
    chance = random.Random(1)  # noqa: S311 - the same table from the same values
    drawn = sorted(filter(None, (_of_medians(chance.choices(pairs, k=len(pairs))) for _ in range(DRAWS))))
    middle = _of_medians(pairs)
    return None if middle is None else Ratio(middle, drawn[len(drawn) // 40], drawn[-1 - len(drawn) // 40])


def _of_medians(pairs: Sequence[tuple[list[float], list[float]]]) -> float | None:
    cost, measure = map(median, zip(*pairs, strict=True))
    return cost / measure if measure > 0 else None
