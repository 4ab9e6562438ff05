"""Each cleaning rule on literal examples of the real file's noise.

After an intended change of a rule: `python -m tests.dataset_builder.cleaning.test_clean` writes the golden sample anew; read the diff.
"""

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builder.cleaning.clean import RULES, clean, is_clean
from tests import ROOT
from titlecraft.command_line.demo.catalogue import catalogue_lines

EXAMPLES = [
    ("unescape_entities", "Kerr&#8217;s best&#8211;selling cat &#x2014; ages 6&nbsp;months", "Kerr’s best–selling cat — ages 6 months"),
    ("unescape_entities", "a dash&#151;as browsers read it", "a dash—as browsers read it"),
    ("unescape_entities", "escaped twice: &amp;#8217; and &amp;quot;", "escaped twice: ’ and \""),
    ("strip_markup", "one<br />two <b>bold</b>ly, <a href=\"http://x.y/?a=1&b=2\">linked</a><!-- note -->", "one two boldly, linked"),
    ("strip_markup", "before <script>var a=1;</script>after", "before after"),
    ("repair_mojibake", "Itâ€™s a cafÃ© classic", "It’s a café classic"),
    ("decode_c1", "It\x92s the \x93best\x94 pan \x96 for 20 \x80", "It’s the “best” pan – for 20 €"),
    ("drop_invisible", "zero\u200bwidth soft\u00adhyphen bell\u0007", "zerowidth softhyphen bell"),
    ("compose", "cafe\u0301", "café"),
    ("collapse_space", "  two\t\n lines\u00a0here ", "two lines here"),
    ("drop_edition_note", "A shining tale.--This text refers to theHardcoveredition.", "A shining tale."),
    ("drop_edition_note", "The Times--This text refers to an out of print or unavailable edition of this title.", "The Times"),
    ("drop_copyright_note", "Buy for demand.Copyright 1990 Reed Business Information, Inc.", "Buy for demand."),
    ("drop_copyright_note", "Roland GreenCopyright &#169; American Library Association. All rights reserved", "Roland Green"),
    ("drop_copyright_note", "(Jan.)Copyright &copy; Reed Business Information, a division of Reed Elsevier Inc. All rights reserved.", "(Jan.)"),
    ("drop_copyright_note", "A cat.Copyright PWxyz, LLC.  All rights reserved.--This text refers to theHardcoveredition.", "A cat."),
    ("drop_language_note", "Text: English (translation)Original Language: German", ""),
    ("drop_language_note", "Text: English, Latin--This text refers to an out of print or unavailable edition of this title.", ""),
    ("drop_publisher_note", "How to weld. McGraw-Hill authors represent the leading experts in their fields and are dedicated to "
     "improving the lives, careers, and interests of readers worldwide", "How to weld."),
]  # fmt: skip

UNTOUCHED = [
    "AT&T and R&D, &section 5, &bogus; stay",
    "if x < 3 and y > 2 then",
    "For values where a<b and c>d; p < i > 3 means stop. Use x<s>y.",
    "List<String>, Map<K,V>, vector<int> and Option<I> in plain words",
    "What the <b> tag does, when <table> is right, and why <font> is not used",
    "Déjà vu à l’hôtel – naïve £5, 20 €, Größe 30 °C, Ã la carte",
    "'Mog's Kittens' {braces} stay, so does ALL CAPS!?",
    "This text refers to nothing and goes on.",
    "日本語 Русский 😀",
    "Copyright law for authors, in plain words.",
    "Copyright 1990 by the author, who asks to be read.",
    "Text: a history of the written word",
    "McGraw-Hill authors represent the leading experts in their fields, says the preface.",
]


@pytest.mark.parametrize(("rule", "before", "after"), EXAMPLES)
def test_a_rule_does_what_it_says(rule: str, before: str, after: str) -> None:
    changed: Counter[str] = Counter()
    assert clean(before, changed) == after
    assert changed[rule] == 1
    assert clean(after, Counter()) == after


@pytest.mark.parametrize("text", UNTOUCHED)
def test_text_that_is_clean_stays(text: str) -> None:
    changed: Counter[str] = Counter()
    assert clean(text, changed) == text
    assert not changed


def test_every_rule_has_an_example() -> None:
    assert {rule for rule, _, _ in EXAMPLES} == set(RULES), "add an example of the new rule to EXAMPLES"


@pytest.mark.parametrize(("rule", "before"), [(rule, before) for rule, before, _ in EXAMPLES])
def test_is_clean_has_a_condition_for_every_rule(rule: str, before: str) -> None:
    prepared = before  # what the earlier rules hand to this one
    for name, apply in RULES.items():
        if name == rule:
            break
        prepared = apply(prepared)
    if RULES[rule](prepared) != prepared:
        assert not is_clean(prepared), f"{rule} changes this text, but is_clean calls it clean: add a condition there"


@given(
    st.lists(
        st.sampled_from(
            ["&amp;", "<", ">", "/", "!--", "--", "&#", "151;", "e\u0301", " ", "x", "\n", "<p>", "<li>", "</p>"]
        )
    ).map("".join),
    st.booleans(),
)
def test_cleaning_twice_changes_nothing(text: str, lines: bool) -> None:
    once = clean(text, Counter(), lines)
    assert clean(once, Counter(), lines) == once


@given(st.text(max_size=60))
def test_cleaning_any_text_twice_changes_nothing(text: str) -> None:
    once = clean(text, Counter())
    assert clean(once, Counter()) == once


@given(st.lists(st.sampled_from([before for _, before, _ in EXAMPLES] + UNTOUCHED), min_size=2, max_size=3))
def test_noise_after_noise_is_cleaned_in_one_go(texts: list[str]) -> None:
    once = clean(" ".join(texts), Counter())
    assert clean(once, Counter()) == once


@given(st.one_of(st.text(max_size=40), st.sampled_from([before for _, before, _ in EXAMPLES] + UNTOUCHED)))
def test_no_rule_changes_a_text_that_is_clean(text: str) -> None:
    assert not is_clean(text) or all(rule(text) == text for rule in RULES.values())


GOLDEN = Path(__file__).with_name("golden_clean.jsonl")
LONG = 20_000
HOSTILE = {
    "comments without an end": "A pan. </p>" + "<!-- x " * LONG,
    "styles without an end": "A pan. </p>" + "<style> " * LONG,
    "scripts and comments": "A pan. </p>" + "<script> <!-- <style>" * LONG,
    "amp": "A pan &" + "amp;" * LONG + " more",
    "decimal": "A pan &" + "#38;" * LONG,
    "hexadecimal": "A pan &" + "#x26;" * LONG,
    "less than": "A pan " + "<" * LONG,
    "tags in tags": "A pan " + "<" * LONG + "b>" * LONG,
    "escaped tags in tags": "A pan " + "&lt;" * LONG + "b&gt;" * LONG,
    "attributes": "A pan " + "<b " * LONG,
    "notes": "A pan. " + "This text refers to the Hardcover edition." * LONG,
    "copyright": "A pan. " + "Copyright 1989 Reed Business Information " * LONG,
    "elements in elements": "<div>" * LONG + "<ul><li>" * LONG,
    "headings": "<h1><div>" * LONG,
    "hidden elements": "<video>" * LONG + "</video>",
    "ends": "</div>" * LONG + "]]>" * LONG + "<![CDATA[",
    "quotes": "<a b='" * LONG + '<a b="' * LONG,
    "spaces": "A" + " " * LONG + "pan",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_long(name: str) -> None:
    """Twice the text takes about twice the time. One such description took minutes when it was looked through anew from each place."""
    started = time.process_time()
    clean(HOSTILE[name], Counter(), lines=True)
    assert time.process_time() - started < 1


def test_hidden_parts_are_removed() -> None:
    text = "A <!-- b <script> --> c <SCRIPT a='1'>x < 3 <!-- y </script > d <style>e</STYLE> f <!--> g --> h <style> i <!-- j"
    assert clean(text, Counter()) == "A c d f g --> h i j", "what has no end hides nothing, unless it is code"
    assert clean("A lamp. <script>var start = (new Date()); track(", Counter()) == "A lamp."


LINES = {
    "Oak.<br>Height 45 cm<br/>Width 50 cm<BR />Weight 3 kg": "Oak.\nHeight 45 cm\nWidth 50 cm\nWeight 3 kg",
    "<p>You get:</p><ul><li>One pan</li><li><b>Glass</b> lid</ul>For two": "You get:\n- One pan\n- Glass lid\nFor two",
    "<ul><li>One<ul><li>Two</li></ul></li></ul>": "- One\n- Two",
    "<table><tr><th>Size<th>Chest</tr><tr><td>S</td><td>90</td></tr></table> in cm": "Size | Chest\nS | 90\nin cm",
    "<tr><td>S</td><td>90</td></tr>": "S | 90",
    "<span>Material</span><span>Cotton</span><b>Care</b><i>Cold</i>ly": "Material Cotton Care Coldly",
    "<div class='a > b' data-x=\"<p>\">A <foo>warm</foo> <x-y z>scarf</x-y></div><o:p></o:p>": "A warm scarf",
    "<![CDATA[<p>A scarf</p>]]>": "A scarf",
    "<?xml version='1.0'?><!DOCTYPE html><p>A scarf<!--[if mso]><xml>x</xml><![endif]-->": "A scarf",
    'A scarf made in <a href="http://shop.example/sca': "A scarf made in",
    "Watch: <iframe src='v' allowfullscreen></iframe><video controls><source src='a'></video><svg><path d='M'/></svg>now": "Watch: now",
    "&lt;p&gt;A scarf&amp;nbsp;of wool &amp;amp; more&lt;/p&gt;": "A scarf of wool & more",
    "<p>Learn the &lt;b&gt; and the &lt;i&gt;x&lt;/i&gt; tags</p>": "Learn the <b> and the <i>x</i> tags",
    "Features:\n- folds flat\r\n\r\n  Size:\t40 cm": "Features:\n- folds flat\nSize: 40 cm",
    "Features:\n- <b>folds</b> flat": "Features:\n- folds flat",
    "<p>One\nparagraph</p>\n<p>Two": "One paragraph\nTwo",
}


@pytest.mark.parametrize("before", LINES)
def test_structure_becomes_lines_or_spaces(before: str) -> None:
    assert clean(before, Counter(), lines=True) == LINES[before]
    flat = clean(before, Counter())
    assert "\n" not in flat
    assert [word for word in LINES[before].split() if word not in "-|"] == [
        word for word in flat.split() if word not in "-|"
    ]


REAL_ROWS = ROOT.parent / "shared" / "data" / "amazontitles_rows.jsonl"


def golden_lines() -> str:
    """60 noisy texts of the demo's catalogue, cleaned, with the rules that changed them."""
    lines = []
    for raw in catalogue_lines(400, 11):
        try:
            text = json.loads(raw)["content"]
        except (ValueError, KeyError, TypeError):
            continue
        changed: Counter[str] = Counter()
        if (after := clean(text, changed)) != text:
            lines.append(json.dumps({"before": text, "after": after, "rules": sorted(changed)}, ensure_ascii=False))
    return "\n".join(lines[:60]) + "\n"


def test_the_golden_sample() -> None:
    assert golden_lines() == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.skipif(not REAL_ROWS.exists(), reason="the real rows are not on this machine; they are never committed")
def test_real_rows_come_out_clean() -> None:
    changed: Counter[str] = Counter()
    cleaned = [clean(json.loads(line)["content"], changed) for line in REAL_ROWS.read_text().splitlines()]
    assert not [text for text in cleaned if "&#" in text or "This text refers to" in text or "<br" in text.lower()]
    assert not [text for text in cleaned if text.endswith(("Business Information, Inc.", "LLC. All rights reserved."))]
    assert changed["unescape_entities"] > 150 and changed["drop_edition_note"] > 100
    assert (
        changed["drop_copyright_note"] > 100
        and changed["drop_language_note"] > 5
        and changed["drop_publisher_note"] > 5
    )
    assert [clean(text, Counter()) for text in cleaned] == cleaned


if __name__ == "__main__":
    GOLDEN.write_text(golden_lines(), encoding="utf-8")
