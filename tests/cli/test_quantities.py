"""Amounts as people type them."""

import pytest
import typer

from llmtrace.cli import quantities


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), (" 1.5 H", 5400), ("30d", 2_592_000), (".5m", 30), ("250ms", 0.25), ("2w", 1_209_600)],
)
def test_durations(text, seconds):
    assert quantities.duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("1GiB", 2**30), ("500 MB", 500_000_000), ("1.5kib", 1536), ("7", 7), ("2TB", 2 * 10**12)]
)
def test_sizes(text, count):
    assert quantities.size(text) == count


@pytest.mark.parametrize("text", ["", "d", "-1d", "1 y", "1d2h", "inf", "nan", "1e3", "٣d", "1GiB "[::-1]])
def test_what_is_no_amount_is_refused_with_the_rule(text):
    for read in (quantities.duration, quantities.size):
        with pytest.raises(typer.BadParameter, match="is a number and"):
            read(text)


@pytest.mark.parametrize("text", ["", "x", "-0.1", "inf", "nan"])
def test_what_is_no_sum_is_refused(text):
    with pytest.raises(typer.BadParameter, match="an amount is a number"):
        quantities.money(text)


def test_pairs():
    assert quantities.pair("a=b=c") == ("a", "b=c")
    assert quantities.pair("a=") == ("a", "")
    for text in ("a", "=a", ""):
        with pytest.raises(typer.BadParameter, match="KEY=VALUE"):
            quantities.pair(text)
