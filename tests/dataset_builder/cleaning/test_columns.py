"""A column of texts is cleaned as each text by itself: the same texts, the same counts."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builder.cleaning import characters
from dataset_builder.cleaning.characters import COMPOSES, EVERY_TRAIT, IN_TABLE, table, traits_of_all
from dataset_builder.cleaning.clean import RULES, clean
from dataset_builder.cleaning.columns import MARKUP, OTHERS, clean_all
from dataset_builder.cleaning.markup import BREAK, ITEM, text_of_parsed, text_of_tree
from tests.dataset_builder.cleaning.test_clean import EXAMPLES, HOSTILE, LINES, UNTOUCHED

NOISE = [before for _, before, _ in EXAMPLES] + UNTOUCHED + list(LINES)
NOISE += [
    "\x92",
    "&",
    "<",
    "&amp;",
    "&lt;p&gt;",
    "&amp;lt;b&amp;gt;",
    "<br>",
    "<b>",
    "</p>",
    "Ã©",
    "â€™",
    "”é",
    "é”",
    "é",
    "한",
    "Ω",
    "ﬁ",
    "日本",
    "😀",
    "�",
]
NOISE += [" ", "  ", "\n", "\x85", "\u2028", "\xa0", "\u200b", "\xad", "\x00", "\x7f", "word", "."]
TEXTS = st.lists(st.sampled_from(NOISE), max_size=6).map("".join) | st.text(max_size=20)


@given(st.lists(TEXTS, max_size=8), st.booleans())
def test_a_column_is_cleaned_like_its_texts(texts: list[str], lines: bool) -> None:
    alone: Counter[str] = Counter()
    together: Counter[str] = Counter()
    assert clean_all(texts, together, lines) == [clean(text, alone, lines) for text in texts]
    assert together == alone


def test_parts_of_a_column_are_looked_up_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*NOISE, "", *HOSTILE.values()]
    whole = traits_of_all(texts)
    monkeypatch.setattr(characters, "AT_ONCE", 1)
    assert traits_of_all(texts) == whole


def test_every_rule_for_texts_has_its_traits() -> None:
    assert {*MARKUP, *OTHERS} == {rule for rule in RULES if not rule.startswith("drop_") or rule == "drop_invisible"}


def test_texts_without_the_trait_are_in_normal_form() -> None:
    parts = map(unicodedata.decomposition, map(chr, range(0x20000)))
    second = {chr(int(codes.split()[1], 16)) for codes in parts if codes and codes[0] != "<" and " " in codes}
    for code in range(IN_TABLE):
        letter = chr(code)
        if not table()[code] & COMPOSES:
            assert (
                letter not in second and not unicodedata.combining(letter) and unicodedata.is_normalized("NFC", letter)
            )
    assert table()[IN_TABLE] | 0b11 == EVERY_TRAIT


SIMPLE_TAGS = [f"<{slash}{name}>" for name in ("p", "br", "hr", "ul", "ol", "li", "div") for slash in ("", "/")]
PIECES = [*SIMPLE_TAGS, *SIMPLE_TAGS, " ", "\n", "\r\n", "\r", "\t", "\x1f", "a", "b c", "&lt;", "&amp;amp;", "\xa0"]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_simple_blocks_are_read_as_the_parser_reads_them(html: str) -> None:
    def joined(text: str) -> list[str]:
        """The text without markers that stand beside another: the lines that come of it are the same."""
        return [part.removeprefix(ITEM) for part in text.split(BREAK) if part.strip(ITEM)]

    simple, parsed = text_of_tree(html), text_of_parsed(html)
    assert joined(simple) == joined(parsed)
    assert simple.count(ITEM) == parsed.count(ITEM)
