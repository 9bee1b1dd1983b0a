"""Hypothesis builds any record from the dataclasses themselves, with the values a hostile server or app could send."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from llmtrace.facts import records

RECORDS = (
    records.Record,
    records.Inference,
    records.Embedding,
    records.Rerank,
    records.ProviderRequest,
    records.Retrieval,
    records.StoreCall,
    records.McpCall,
    records.ToolCall,
    records.AgentRun,
    records.Step,
)
NUMBERS = st.integers(-5, 5000) | st.integers() | st.just(1 << 70)
TEXTS = st.text(max_size=12) | st.sampled_from(["", "\ud800", "a\udfffb", "\ud83d\ude00", '{"a": 1}', "[1]", "é"])
FLOATS = st.floats()
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | FLOATS | TEXTS | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PLAIN = {str: TEXTS, int: NUMBERS, float: FLOATS, bool: st.booleans(), type(None): st.none(), Any: JSON}


def anything_of(kind):
    """Values of a type as the records annotate it."""
    if kind in PLAIN:
        return PLAIN[kind]
    if is_dataclass(kind):
        return facts(kind)
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.one_of(*(anything_of(one) for one in inside))
    if origin is list:
        return st.lists(anything_of(inside[0]), max_size=3)
    if origin is tuple:
        return st.lists(anything_of(inside[0]), max_size=3).map(tuple)
    assert origin in (dict, Mapping), kind
    return st.dictionaries(anything_of(inside[0]), anything_of(inside[1]), max_size=3)


def facts(cls):
    """Any instance of a record's class."""
    hints = get_type_hints(cls)
    said = {column.name: st.deferred(lambda kind=hints[column.name]: anything_of(kind)) for column in fields(cls)}
    assert not any(get_origin(hints[name]) is ClassVar for name in said)
    return st.builds(cls, **said)


any_record = st.one_of(*(facts(cls) for cls in RECORDS))
seconds = st.floats(0, 1e6)
any_course = st.builds(  # measured by the engine itself, so that only its words can be anything
    records.Course,
    started=st.integers(0, 1 << 61),
    ended=st.integers(1 << 61, 1 << 62),
    outcome=st.sampled_from(["completed", "failed", "cancelled", "abandoned", "interrupted", "timed_out"]),
    failure=st.none() | facts(records.Failure),
    first_chunk=st.none() | seconds,
    chunk_gaps=st.lists(seconds, max_size=3),
    attempts=st.integers(0, 9),
    content_dropped=st.none() | TEXTS,
)
any_scope = facts(records.Scope)
