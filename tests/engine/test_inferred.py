"""What is inferred of tools that nobody traced, from the facts of model calls alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.trace import SpanContext, TraceFlags

from llmtrace.engine import inferred
from llmtrace.engine.inferred import Inferred, Seen, Tools
from llmtrace.facts.records import (
    Course,
    Inference,
    McpCall,
    McpRequest,
    Message,
    Scope,
    ToolCall,
    ToolCallPart,
    ToolResponsePart,
)

SECOND = 10**9


def span(number: int, trace: int = 1) -> SpanContext:
    return SpanContext(trace, number, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def where(number: int = 10, parent: int | None = 1, trace: int = 1, **more: Any) -> Seen:
    around = None if parent is None else span(parent, trace)
    return Seen(span(number, trace), around, more.get("scope", Scope()), more.get("secret", False))


def call(name: str, identity: str | None = "call-1", arguments: Any = None) -> ToolCallPart:
    return ToolCallPart(name, identity, {"city": "Paris"} if arguments is None else arguments)


def asking(*calls: ToolCallPart, conversation: str | None = None) -> Inference:
    said = [Message("assistant", list(calls))]
    return Inference(operation="chat", output_messages=said, conversation_id=conversation)


def answering(*parts: Any, conversation: str | None = None) -> Inference:
    return Inference(operation="chat", input_messages=[Message("tool", list(parts))], conversation_id=conversation)


def answer(identity: str | None = "call-1", response: Any = "12 degrees") -> ToolResponsePart:
    return ToolResponsePart(response, identity)


class Loop:
    """A loop of model calls a second long, with a second between them."""

    def __init__(self) -> None:
        self.tools = Tools()
        self.now = 0

    def __call__(self, record: Any, at: Seen | None = None) -> list[Inferred]:
        self.now += 2
        return self.tools.saw(record, Course((self.now - 1) * SECOND, self.now * SECOND), at or where(10 * self.now))


@pytest.fixture
def loop() -> Loop:
    return Loop()


def test_a_tool_is_known_by_the_call_that_asked_and_the_one_that_brought_the_result(loop):
    scope = Scope(user_id="u-1")
    assert loop(asking(call("weather"), conversation="c-1"), where(10, scope=scope)) == []
    (found,) = loop(answering(answer()))
    assert found.record == ToolCall(
        name="weather",
        call_id="call-1",
        arguments={"city": "Paris"},
        result="12 degrees",
        conversation_id="c-1",
        inferred=True,
    )
    assert (found.course.started, found.course.ended) == (2 * SECOND, 3 * SECOND)
    assert found.around == span(1)
    assert (found.scope, found.secret, found.course.failure) == (scope, False, None)


def test_it_is_below_the_call_that_asked_where_that_is_a_root(loop):
    loop(asking(call("weather")), where(10, parent=None))
    (found,) = loop(answering(answer()), where(20, parent=None, trace=2))
    assert found.around == span(10)


def test_history_that_is_sent_again_is_no_second_run(loop):
    loop(asking(call("weather")))
    history = [call("weather"), answer()]
    assert len(loop(answering(*history))) == 1
    loop(asking(call("rain", "call-2")))
    (found,) = loop(answering(*history, call("rain", "call-2"), answer("call-2")))
    assert found.record.name == "rain"


def test_the_same_answer_fetched_again_asks_for_no_second_run(loop):
    loop(asking(call("weather")))
    loop(answering(answer()))
    loop(asking(call("weather")))
    assert loop(answering(answer())) == []


def test_tools_that_are_asked_for_together_are_one_each(loop):
    loop(asking(call("weather"), call("weather", "call-2", {"city": "Rome"})))
    found = loop(answering(answer("call-2", "20"), answer("call-1", "12")))
    assert {each.record.call_id: each.record.result for each in found} == {"call-1": "12", "call-2": "20"}


def test_what_nobody_asked_for_here_is_not_inferred(loop):
    assert loop(answering(answer("of another process"))) == []


def test_a_result_that_says_it_is_an_error_is_a_failed_run(loop):
    loop(asking(call("weather")))
    (found,) = loop(answering(answer(response={"is_error": True, "content": "no such city"})))
    assert found.course.outcome == "failed"
    assert (found.course.failure.type, found.course.failure.message) == ("tool_error", "no such city")


def test_a_stream_that_was_let_go_of_late_leaves_no_time_below_zero(loop):
    loop.tools.saw(asking(call("weather")), Course(0, 9 * SECOND), where())
    (found,) = loop.tools.saw(answering(answer()), Course(5 * SECOND, 10 * SECOND), where(20))
    assert (found.course.started, found.course.ended) == (5 * SECOND, 5 * SECOND)


@pytest.mark.parametrize("secret", ["asking", "answering"])
def test_content_is_forbidden_where_one_of_the_two_calls_forbids_it(loop, secret):
    loop(asking(call("weather")), where(10, secret=secret == "asking"))
    (found,) = loop(answering(answer()), where(20, secret=secret == "answering"))
    assert found.secret
    assert (found.record.arguments is None) == (secret == "asking")


# -- a tool that was seen to run


def test_one_that_was_seen_under_its_id_is_not_inferred_wherever_it_ran(loop):
    loop(asking(call("weather")))
    loop(ToolCall(name="get_weather", call_id="call-1"), where(15, trace=7))
    assert loop(answering(answer())) == []


def test_one_of_its_name_in_the_trace_meanwhile_is_the_one(loop):
    loop(asking(call("weather")))
    loop(ToolCall(name="weather"), where(15))
    assert loop(answering(answer())) == []


def test_one_that_ran_over_mcp_counts(loop):
    loop(asking(call("weather")))
    loop(McpCall(mcp=McpRequest("tools/call", tool_name="weather")), where(15))
    assert loop(answering(answer())) == []


def test_in_a_bare_loop_one_that_is_a_trace_of_its_own_is_the_one(loop):
    loop(asking(call("weather")), where(10, parent=None))
    loop(ToolCall(name="weather"), where(15, parent=None, trace=2))
    assert loop(answering(answer()), where(20, parent=None, trace=3)) == []


def test_one_of_its_name_before_or_in_another_trace_is_another_one(loop):
    loop(ToolCall(name="weather"), where(5))
    loop(asking(call("weather")))
    loop(ToolCall(name="weather"), where(15, trace=2))
    assert len(loop(answering(answer()))) == 1


# -- a framework's span around the client's


def test_two_spans_that_say_the_same_are_one_run_beside_the_outer_one(loop):
    loop(asking(call("weather")), where(11, parent=10))
    loop(asking(call("weather")), where(10, parent=1))
    (found,) = loop(answering(answer()), where(21, parent=20))
    assert found.around == span(1)
    assert loop(answering(answer()), where(20)) == []


def test_an_outer_span_that_is_described_late_asks_for_no_second_run(loop):
    loop(asking(call("weather")), where(11, parent=10))
    assert len(loop(answering(answer()), where(21, parent=20))) == 1
    loop(asking(call("weather")), where(10, parent=1))
    assert loop(answering(answer()), where(31)) == []


# -- calls without an id, as some of Google's are


def test_without_an_id_the_answer_belongs_to_the_call_before_it(loop):
    paris, rome = call("weather", None), call("weather", None, {"city": "Rome"})
    loop(asking(paris, rome))
    found = loop(answering(paris, rome, answer(None, "12"), answer(None, "20")))
    assert {each.record.arguments["city"]: each.record.result for each in found} == {"Paris": "12", "Rome": "20"}
    assert {each.record.call_id for each in found} == {None}


def test_an_answer_without_an_id_belongs_to_the_first_call_that_waits_though_that_has_one(loop):
    paris, rome, oslo = (call("weather", name, {"city": name}) for name in ("Paris", "Rome", "Oslo"))
    loop(asking(paris, rome, oslo))
    found = loop(answering(paris, rome, oslo, answer("Rome", "20"), answer(None, "12"), answer(None, "3")))
    assert {each.record.call_id: each.record.result for each in found} == {"Paris": "12", "Rome": "20", "Oslo": "3"}


def test_without_an_id_the_newest_of_equal_calls_is_answered(loop):
    paris = call("weather", None)
    loop(asking(paris))
    loop(answering(paris, answer(None, "12")))
    loop(asking(paris))
    (found,) = loop(answering(paris, answer(None, "12"), paris, answer(None, "13")))
    assert found.record.result == "13"


def test_without_an_id_equal_calls_of_two_conversations_are_told_apart_or_left_alone(loop):
    paris = call("weather", None)
    loop(asking(paris, conversation="a"), where(10, parent=None, trace=1))
    loop(asking(paris, conversation="b"), where(20, parent=None, trace=2))
    (found,) = loop(answering(paris, answer(None), conversation="b"), where(30, parent=None, trace=3))
    assert found.record.conversation_id == "b"
    loop(asking(paris), where(40, parent=None, trace=4))
    assert loop(answering(paris, answer(None)), where(50, parent=None, trace=5)) == []


# -- memory


def test_memory_is_bounded_by_number(loop, monkeypatch):
    monkeypatch.setattr(inferred, "MOST", 3)
    for number in range(10):
        loop(asking(call("weather", f"call-{number}")))
    assert [len(loop(answering(answer(f"call-{number}")))) for number in range(10)] == [0] * 7 + [1] * 3


def test_memory_is_bounded_by_size(loop, monkeypatch):
    monkeypatch.setattr(inferred, "MOST_BYTES", 1000)
    for number in range(10):
        loop(asking(call("weather", f"call-{number}", {"text": "x" * 400})))
    assert [len(loop(answering(answer(f"call-{number}")))) for number in range(10)] == [0] * 8 + [1] * 2


def test_nobody_is_waited_for_for_ever(loop):
    loop(asking(call("weather")))
    loop.now += inferred.OLDEST // SECOND
    loop(asking(call("rain", "call-2")))
    assert loop(answering(answer())) == []
    assert len(loop(answering(answer("call-2")))) == 1


names = st.sampled_from(["weather", "rain", ""])
identities = st.sampled_from(["call-1", "call-2", None])
json = st.sampled_from([None, 3, "x", {"is_error": True}, {"city": ["Paris"]}, "\ud800"])
calls = st.builds(ToolCallPart, names, identities, json)
answers = st.builds(ToolResponsePart, json, identities)
messages = st.lists(st.builds(Message, st.just("any"), st.lists(calls | answers, max_size=4)), max_size=2)
seen = st.builds(where, st.integers(2, 5), st.none() | st.integers(1, 3), st.integers(1, 2))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(messages, messages, seen, st.booleans()), max_size=6))
def test_whatever_is_said_each_id_runs_at_most_once_and_nothing_is_kept_that_is_done(turns):
    loop = Loop()
    found = []
    for sent, said, at, ran in turns:
        found += loop(Inference(operation="chat", input_messages=sent, output_messages=said), at)
        if ran:
            loop(ToolCall(name="weather", call_id="call-2"), at)
    named = [each.record.call_id for each in found if each.record.call_id is not None]
    assert len(named) == len(set(named))
    waiting = [asked for same in loop.tools._asked.values() for asked in same]
    assert loop.tools._size == sum(asked.size for asked in waiting)
    assert not {asked.part.id for asked in waiting} & {*named}
    assert all(each.course.started <= each.course.ended for each in found)
