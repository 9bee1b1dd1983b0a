import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtrace.content.limits import Place, cut, fit, size
from llmtrace.facts.records import TextPart


@given(st.text(), st.integers(0, 200))
def test_a_cut_text_takes_at_most_the_limit_and_a_short_one_stays(text, limit):
    text *= 5
    result = cut(text, limit)
    assert size(result) <= limit or not text
    assert (result is text) == (size(text) <= limit)
    assert cut(result, limit) == result


def test_a_cut_text_keeps_its_beginning_and_end_and_says_how_much_is_shown():
    text = "begin " + "é" * 5000 + " end"
    result = cut(text, 1000)
    head, shown, whole, tail = re.fullmatch(r"(.*)…\[llmtrace: (\d+) of (\d+) bytes\]…(.*)", result).groups()
    assert head.startswith("begin ")
    assert tail.endswith(" end")
    assert int(shown) == size(head + tail)
    assert int(whole) == size(text)
    assert size(result) > 900


@given(st.lists(st.text().map(lambda text: text * 20)), st.integers(0, 2000))
def test_texts_fit_the_budget_together(texts, budget):
    holder = list(texts)
    fit([Place(holder, at, text) for at, text in enumerate(texts)], budget)
    assert sum(map(size, holder)) <= budget
    if sum(map(size, texts)) <= budget:
        assert holder == texts


def test_the_largest_texts_are_cut_first():
    part = TextPart("x" * 50_000)
    holder = {"question": "?" * 500, "page": "y" * 40_000}
    fit([Place(part, "content", part.content), *(Place(holder, key, text) for key, text in holder.items())], 10_000)
    assert holder["question"] == "?" * 500
    assert size(part.content) == pytest.approx(size(holder["page"]), abs=8)
    assert 9_500 < size(part.content) + size(holder["page"]) + 500 <= 10_000
