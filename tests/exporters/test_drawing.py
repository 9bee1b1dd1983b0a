"""How stored spans are drawn: what a terminal must not obey, figures, lines and trees."""

import io
import unicodedata
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from llmtrace.exporters.drawing import NARROWEST, arranged, headline, line, totals, trace_tree
from llmtrace.exporters.figures import duration, moment, money, one_line, plain, tokens
from llmtrace.semconv import names
from llmtrace.store import Score
from tests.store.rows import span


def ident(number):
    return f"{number:016x}"


def printed(renderable, width=200, color=False):
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=color, color_system="standard" if color else None).print(renderable)
    return out.getvalue()


@given(st.text(st.characters()) | st.text(st.sampled_from("\x1b\x9b\x07[]\\0;31mPX^_ \n\r\t")))
def test_plain_text_holds_nothing_that_a_terminal_obeys(text):
    shown = plain(text)
    assert not [sign for sign in shown if unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t"]
    assert plain(shown) == shown
    shown.encode()


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Mn"))))
def test_ordinary_text_in_any_script_stays_as_it_is(text):
    assert plain(text) == text


def test_escape_sequences_go_whole_and_take_no_text_along():
    assert plain("a\x1b[1;31mred\x1b[0mb") == "aredb"
    assert plain("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07") == "link"
    assert plain("\x1b]0;never ended, and then a long answer") == "0;never ended, and then a long answer"
    assert plain("\x1b(B\x1b=\x1bPq#0\x1b\\x\x9b31m") == "x31m"
    assert plain("a\r\nb\rc\u2028d\te") == "a\nb\nc\nd\te"
    assert plain("user\u202etxt.exe\u200b\ufeff\U000e0041\ud800") == "usertxt.exe\ufffd"


def test_one_line_is_one_line_and_not_too_long():
    assert one_line("a\n\n b\tc\x00 ") == "a b c"
    assert one_line("x" * 10**7, 10) == "x" * 9 + "…"


def test_figures_are_as_long_as_they_must_be():
    assert [duration(n) for n in (900, 1_500_000, 999_000_000, 1_234_000_000, 125_000_000_000)] == [
        *("1µs", "2ms", "999ms", "1.23s", "2m 05s")
    ]
    assert [money(n, "USD") for n in (12.5, 0.0123, 0.000042, 0)] == ["$12.50", "$0.0123", "$0.000042", "$0.000000"]
    assert (money(1234, "EUR"), money(1, None)) == ("1,234.00 EUR", "1.00")
    assert tokens(1204, 1000, 380) == "1,204 (1,000 cached) → 380 tokens"
    assert tokens(175, None, None) == "175 tokens in"
    assert tokens(175, 20, None) == "175 (20 cached) tokens in"
    assert tokens(None, None, 5) == "5 tokens out"
    assert moment(-5) == moment(0)
    assert len(moment(2**63 - 1)) == len("2262-04-11 23:47:16")


def test_a_line_says_what_a_call_was_and_used():
    call = span(
        span_id="ab" * 8,
        name="chat gpt-x",
        operation="chat",
        model="gpt-x",
        input_tokens=12,
        cached_tokens=4,
        output_tokens=3,
        cost=0.5,
        currency="USD",
        started=0,
        ended=1_500_000_000,
        status="error",
        error_type="RateLimit",
        status_message="slow\ndown",
        attributes={names.USAGE_SOURCE.key: "estimated", names.OUTCOME.key: "abandoned"},
    )
    assert line(call).plain == (
        "llm gpt-x  ~12 (4 cached) → 3 tokens  $0.5000  1.50s  abandoned  RateLimit: slow down  abababab"
    )
    assert "\x1b[1;31m" in printed(line(call), color=True)


def test_a_line_of_an_open_span_says_whether_it_runs_and_since_when():
    row = span(name="load", started=0, ended=None, kind="internal", span_id="ab" * 8, running=True)
    assert line(row).plain == "internal load  running  abababab"
    assert line(row, 12_900_000_000).plain == "internal load  running for 12 s  abababab"
    assert line(row, 125_000_000_000).plain == "internal load  running for 2m 05s  abababab"
    assert line(replace(row, running=False), 5).plain == "internal load  interrupted  abababab"
    assert line(replace(row, started=10), 5).plain == "internal load  running for 0 s  abababab"


def test_a_headline_counts_on_while_something_runs():
    done, open_one = span(started=0, ended=10**9), span(started=10**9, ended=None, running=True)
    assert "running for 5 s" in headline([done, open_one], 2, 5 * 10**9).plain
    assert "1.00s" in headline([done, replace(open_one, running=False)], 2, 5 * 10**9).plain


def test_scores_stand_below_what_they_judge():
    spans = family((1, None), (2, 1))
    known = {"trace_id": spans[0].trace_id, "at": 0}
    scores = [
        Score(name="whole", value=1.0, **known),
        Score(name="help\x1b[31mful", span_id=ident(2), label="good", comment="to\nthe point", user="ann", **known),
        Score(name="gone", span_id=ident(9), **known),
    ]
    lines = [shown.lstrip("└─├│ ") for shown in printed(trace_tree(spans, scores)).splitlines()[1:]]
    assert lines[:2] == ["★ whole  1", "★ gone"]
    assert lines[4] == "★ helpful  good  to the point  by ann"
    assert len(lines) == 5


def test_content_is_no_markup_and_no_escape_sequence():
    hostile = span(
        name="[bold]x[/bold]\x1b[31m\n[link=http://x]y", model="[red]m", status="error", status_message="[/]"
    )
    text = printed(trace_tree([hostile]))
    assert "[bold]x[/bold] [link=http://x]y" in text
    assert "[red]m" in text
    assert "[/]" in text
    assert len(text.splitlines()) == 2


def family(*pairs):
    return [span(span_id=ident(own), parent_id=parent and ident(parent), name=str(own)) for own, parent in pairs]


def test_children_follow_their_parent_in_order_of_time():
    spans = family((1, None), (2, 1), (3, 1), (4, 2))
    assert [(depth, row.name) for depth, row in arranged(spans)] == [(0, "1"), (1, "2"), (2, "4"), (1, "3")]


def test_a_span_whose_parent_is_missing_stands_at_the_top():
    assert [(depth, row.name) for depth, row in arranged(family((1, 99), (2, 1)))] == [(0, "1"), (1, "2")]


@given(
    st.lists(st.tuples(st.integers(1, 8), st.none() | st.integers(1, 8)), unique_by=lambda pair: pair[0], min_size=1)
)
def test_every_span_is_drawn_once_whatever_the_parents_claim(pairs):
    spans = family(*pairs)
    assert sorted(row.name for _, row in arranged(spans)) == sorted(row.name for row in spans)
    totals(spans)


def test_a_very_deep_trace_is_drawn():
    spans = family((1, None), *((number, number - 1) for number in range(2, 3000)))
    lines = printed(trace_tree(spans), width=NARROWEST).splitlines()
    assert len(lines) == 3000
    assert max(map(len, lines)) <= NARROWEST
    assert all("internal" in shown for shown in lines[1:])


def test_only_the_inmost_of_nested_usages_counts():
    spans = family((1, None), (2, 1), (3, 2), (4, 1), (5, None))
    for row, given_tokens, cost in zip(spans, (100, None, 60, 40, 7), (1.0, None, 0.6, 0.4, None), strict=True):
        row.input_tokens, row.output_tokens, row.cached_tokens, row.cost, row.currency = given_tokens, 1, 2, cost, "USD"
    sums = totals(spans)
    assert (sums.given, sums.answered, sums.cached, sums.costs) == (107, 3, 6, {"USD": 1.0})


def test_costs_in_different_currencies_are_not_added():
    spans = [span(cost=1.0, currency="USD"), span(cost=2.0, currency="EUR")]
    assert totals(spans).costs == {"USD": 1.0, "EUR": 2.0}
    assert "$1.00  2.00 EUR" in printed(trace_tree(spans))


def test_a_headline_sums_a_trace_up():
    first = span(trace_id="ef" * 16, started=0, ended=10**9, conversation_id="c\n1", user_id="ann")
    second = span(trace_id="ef" * 16, started=5, ended=2 * 10**9, conversation_id="c\n1", status="error")
    headline = printed(trace_tree([first, second])).splitlines()[0]
    assert headline == f"{moment(0)}  efefefef  2.00s  conversation c 1  user ann  1 error"


def test_a_part_of_a_trace_says_that_it_is_one():
    text = printed(trace_tree([span() for _ in range(5)], shown=3, count=9))
    assert "in the first 5 of 9 spans" in text
    assert "… and 6 more spans" in text
    assert len(text.splitlines()) == 1 + 3 + 1
