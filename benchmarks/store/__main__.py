"""Measures the local store: spans written a second, bytes a span, and how long its questions take.

`python -m benchmarks.store --spans 1000000` fills a store with made-up conversations of ten turns, each turn a trace of
five spans, two of them model calls that carry the whole conversation so far.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from llmtrace.semconv import names
from llmtrace.store import Filter, Origin, SpanRow, Store

BATCH = 512
TURNS = 10
WORDS = [f"word{number}" for number in range(5000)]
ORIGIN = Origin({"service.name": "benchmark", "service.instance.id": "one"}, "llmtrace", "1")
TOOLS = json.dumps([{"type": "function", "name": f"tool{n}", "description": "does things " * 20} for n in range(5)])

TENANT = names.METADATA.of("tenant").key

chance = random.Random(1)  # noqa: S311 - the same store every time, nothing secret


def message(role: str, words: int) -> dict[str, object]:
    """A message of so many words."""
    return {"role": role, "parts": [{"type": "text", "content": " ".join(chance.choices(WORDS, k=words))}]}


def turn(number: int, began: int, history: list[dict[str, object]]) -> Iterator[SpanRow]:
    """One turn of a conversation: a workflow, two steps and two model calls."""
    trace_id, ids = f"{chance.getrandbits(128):032x}", [f"{chance.getrandbits(64):016x}" for _ in range(5)]
    who = {"conversation_id": f"conversation-{number // TURNS}", "user_id": f"user-{number % 97}"}
    tenant = names.METADATA.of("tenant").key
    said = {
        tenant: f"tenant-{number % 13}",
        names.CONVERSATION_ID.key: who["conversation_id"],
        names.USER_ID.key: who["user_id"],
    }
    content = {
        names.INPUT_MESSAGES.key: json.dumps([*history, message("user", 30)]),
        names.OUTPUT_MESSAGES.key: json.dumps([message("assistant", 80)]),
        names.TOOL_DEFINITIONS.key: TOOLS,
    }
    history += json.loads(content[names.INPUT_MESSAGES.key])[-1:] + json.loads(content[names.OUTPUT_MESSAGES.key])
    call = {
        names.OPERATION_NAME.key: "chat",
        names.PROVIDER_NAME.key: "openai",
        names.PROVIDER_NAME.formerly or "": "openai",
        names.REQUEST_MODEL.key: "gpt-x",
        names.RESPONSE_MODEL.key: "gpt-x-2026-01-01",
        names.RESPONSE_ID.key: f"resp_{chance.getrandbits(96):x}",
        names.FINISH_REASONS.key: ["stop"],
        names.INPUT_TOKENS.key: 1000,
        names.OUTPUT_TOKENS.key: 200,
        names.COST_TOTAL.key: 0.0123,
        names.SERVER_ADDRESS.key: "api.example.com",
    }
    usage = {"input_tokens": 1000, "output_tokens": 200, "cost": 0.0123, "currency": "USD"}
    model = {"operation": "chat", "provider": "openai", "model": "gpt-x" if number % 1000 else "rare", "kind": "client"}
    for place, span_id in enumerate(ids):
        calls = place in (2, 4)
        yield SpanRow(
            trace_id=trace_id,
            span_id=span_id,
            parent_id=ids[0] if place else None,
            name="chat gpt-x" if calls else f"step {place}",
            started=began + place * 10**6,
            ended=began + place * 10**6 + 10**8,
            status="unset" if number % 50 or place else "error",
            tags=("nightly",) if number % 10 == 0 and not place else (),
            attributes=said | ((call | content) if calls else {names.STEP_NAME.key: f"step {place}"}),
            origin=ORIGIN,
            **who,
            **((model | usage) if calls else {"operation": names.STEP}),
        )


def fill(store: Store, count: int) -> float:
    """Writes about `count` spans; gives the seconds that the writing took."""
    spans: list[SpanRow] = []
    took, history = 0.0, []
    for number in range(count // 5):
        history = history if number % TURNS else []
        spans += turn(number, time.time_ns() - (count // 5 - number) * 10**9, history)
        if len(spans) >= BATCH or number == count // 5 - 1:
            began = time.perf_counter()
            store.write(spans)
            took += time.perf_counter() - began
            spans = []
    return took


def timed(what: str, question: Callable[[], object]) -> None:
    """Prints the median of five runs."""
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        question()
        taken.append(time.perf_counter() - began)
    print(f"{what:<42} {statistics.median(taken) * 1e3:10.1f} ms")


def once(what: str, work: Callable[[], object]) -> None:
    """Prints how long one run takes."""
    began = time.perf_counter()
    work()
    print(f"{what:<42} {time.perf_counter() - began:10.1f} s")


def measure(path: Path, count: int) -> None:
    """Fills a store and asks it things."""
    with Store(path) as store:
        took = fill(store, count)
        store.close()
        print(f"{'written':<42} {count / took:10,.0f} spans/s")
        print(f"{'on disk':<42} {path.stat().st_size / count:10,.0f} bytes/span")
        last = store.traces(Filter(), 1)[0].trace_id
        timed("the last 20 traces", lambda: store.traces(Filter(), 20))
        timed("one trace with its content", lambda: store.spans(last))
        timed("an id's first digits", lambda: store.find(last[:8]))
        timed("whether anything is new, as a follower asks", store.last)
        for what, wanted in (
            ("of a conversation", Filter(conversation="conversation-17")),
            ("of a user", Filter(user="user-9")),
            ("of a rare model", Filter(model="rare")),
            ("of many models", Filter(model="gpt-*")),
            ("with an error", Filter(errors=True)),
            ("with a tag", Filter(tags=("nightly",))),
            ("of which none cost so much", Filter(min_cost=1.0)),
            ("of which none took so long", Filter(min_duration=3600)),
            ("with metadata", Filter(attributes=((TENANT, "tenant-7"),))),
            ("with a text that is nowhere", Filter(text="word1 word2 word3")),
        ):
            timed(f"the last 20 traces {what}", lambda wanted=wanted: store.traces(wanted, 20))
    command = [sys.executable, "-m", "llmtrace", "show", "--store", str(path)]
    timed("the command llmtrace show", lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    with Store(path) as store:
        once("forgetting a user, 1% of it", lambda: (store.forget(user="user-9"), store.vacuum()))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--spans", type=int, default=100_000)
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder) / "traces.db", options.parse_args().spans)
