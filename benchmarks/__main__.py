"""Measures what llmtrace costs, against the bare app and against spans written by hand, interleaved in one run."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import machine, report
from benchmarks.contest import ENTRIES, Contest, Plan

QUICK = Plan(sittings=1, rounds=3, length=0.2)


def main() -> None:
    """Runs everything, prints the table, and writes every value where asked."""
    options = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    options.add_argument("--sittings", type=int, default=Plan.sittings, help="how often processes are started afresh")
    options.add_argument("--rounds", type=int, default=Plan.rounds, help="how many turns each of them then has")
    options.add_argument("--quick", action="store_true", help="a short run, to see that all works")
    options.add_argument("--only", default="", metavar="TEXT", help="measure only what has this in its name")
    options.add_argument(
        "--gzip", action="store_true", help="compress what is sent, which most of the CPU then goes to"
    )
    options.add_argument("--json", type=Path, metavar="FILE", help="where every value is written")
    given = options.parse_args()
    plan = QUICK if given.quick else Plan(sittings=given.sittings, rounds=given.rounds)
    plan = replace(plan, gzip=given.gzip, only=given.only)
    facts = machine.facts()
    values = Contest(plan, lambda what: print(f"measuring: {what}", file=sys.stderr)).run()
    print(report.table(values, [entry.name for entry in ENTRIES if entry.installed]))
    print("\n" + "; ".join(f"{name} {value}" for name, value in facts.items()))
    print(f"\nPeers: {machine.peers({entry.name: Path(entry.python) for entry in ENTRIES if entry.peer})}.")
    if given.json is not None:
        given.json.write_text(json.dumps({"machine": facts, "values": values}, indent=1))


if __name__ == "__main__":
    main()
