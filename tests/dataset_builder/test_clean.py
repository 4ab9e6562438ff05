"""Literal texts in, literal texts out: each rule on the noise that the real file has."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builder.clean import RULES, clean

EXAMPLES = [
    ("unescape_entities", "Kerr&#8217;s best&#8211;selling cat &#x2014; ages 6&nbsp;months", "Kerr’s best–selling cat — ages 6 months"),
    ("unescape_entities", "a dash&#151;as browsers read it", "a dash—as browsers read it"),
    ("unescape_entities", "escaped twice: &amp;#8217; and &amp;quot;", "escaped twice: ’ and \""),
    ("strip_markup", "one<br />two <b>bold</b>ly, <a href=\"http://x.y/?a=1&b=2\">linked</a><!-- note -->", "one two boldly, linked"),
    ("strip_markup", "before <script>var a=1;</script>after", "before after"),
    ("drop_invisible", "zero\u200bwidth soft\u00adhyphen bell\u0007", "zerowidth softhyphen bell"),
    ("compose", "cafe\u0301", "café"),
    ("collapse_space", "  two\t\n lines\u00a0here ", "two lines here"),
    ("drop_edition_note", "A shining tale.--This text refers to theHardcoveredition.", "A shining tale."),
    ("drop_edition_note", "The Times--This text refers to an out of print or unavailable edition of this title.", "The Times"),
]  # fmt: skip

UNTOUCHED = [
    "AT&T and R&D, &section 5, &bogus; stay",
    "if x < 3 and y > 2 then",
    "'Mog's Kittens' {braces} stay, so does ALL CAPS!?",
    "This text refers to nothing and goes on.",
    "日本語 Русский 😀",
]


@pytest.mark.parametrize(("rule", "before", "after"), EXAMPLES)
def test_a_rule_does_what_it_says(rule: str, before: str, after: str) -> None:
    changed: Counter[str] = Counter()
    assert clean(before, changed) == after
    assert changed[rule] == 1


@pytest.mark.parametrize("text", UNTOUCHED)
def test_text_that_is_clean_stays(text: str) -> None:
    changed: Counter[str] = Counter()
    assert clean(text, changed) == text
    assert not changed


def test_every_rule_has_an_example() -> None:
    assert {rule for rule, _, _ in EXAMPLES} == set(RULES)


@given(
    st.lists(
        st.sampled_from(["&amp;", "&lt;", "br", "&gt;", "<", ">", "/", "!--", "--", "&#", "151;", "e\u0301", " ", "x"])
    ).map("".join)
)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text, Counter())
    assert clean(once, Counter()) == once
