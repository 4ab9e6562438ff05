"""Text added to a card by a person: free text is listed and not looked at, and an imitation of our sections is refused.

The card is the golden one; the attacker edits it on the Hub.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model_card.verification.level_card.text.added import verify_added
from titlecraft.cards.merge import NOTICE

CARD = (Path(__file__).parents[3] / "evaluated.md").read_text(encoding="utf-8")
OPENS, ENDS = "<!-- titlecraft:result -->", "<!-- /titlecraft:result -->"
RESULT = CARD[CARD.index(OPENS) : CARD.index(ENDS) + len(ENDS) + 1]
FORGED = RESULT.replace("2.25", "0.13").replace("2.250", "0.13")
Place = Callable[[str], str]
TABLE = "| measure | value |\n|---|---|\n| {} | 0.99 |\n"


def wrong(text: str) -> list[str]:
    """Claim, claimed value and note of each line that does not hold."""
    return [
        f"{line.claim}: {line.claimed} ({line.note})"
        for line in verify_added(text, CARD)
        if line.verdict == "does not hold"
    ]


def behind(text: str) -> str:
    return f"{CARD}\n{text}\n"


def front(text: str) -> str:
    """The card with a text before the first section."""
    return CARD.replace(NOTICE, f"{NOTICE}\n\n{text}\n", 1)


def around(before: str, after: str) -> str:
    """The card with texts before and after the section with the result."""
    return CARD.replace(RESULT, f"{before}{RESULT}{after}", 1)


REPEATED = {
    "a second section": behind(FORGED),
    "ours in a collapsed block": CARD.replace(RESULT, FORGED)
    + f"\n<details><summary> </summary>\n\n{RESULT}\n</details>\n",
    "a second section in front": front(FORGED),
    "a second section behind the first": around("", FORGED),
    "a section of a name of one's own": behind(
        f"<!-- titlecraft:awards -->\nBest.\n<!-- /titlecraft:awards -->\n{OPENS}\nx\n{ENDS}"
    ),
}
MARKS = {
    "no blanks": "<!--titlecraft:result-->\nx\n<!--/titlecraft:result-->",
    "another case": "<!-- TitleCraft:Result -->\nx\n<!-- /TitleCraft:Result -->",
    "a blank more": "<!-- titlecraft:result  -->\nx",
    "a blank in front": f" {OPENS}\nx\n {ENDS}",
    "a tab behind": f"{OPENS}\t\nx\n{ENDS}\t",
    "homoglyphs": "<!-- tіtlecraft:result -->\nx\n<!-- /tіtlecraft:result -->",
    "full width": "<!-- ｔｉｔｌｅｃｒａｆｔ：ｒｅｓｕｌｔ -->\nx",
    "zero width": "<!-- title\u200bcraft:result -->\nx",
    "soft hyphen": "<!-- title\u00adcraft:result -->\nx",
    "no-break blank": "<!--\u00a0titlecraft:result\u00a0-->\nx",
    "entities": "&lt;!-- titlecraft:result --&gt;\nx",
    "numeric entities": "&#60;!-- titlecraft&#58;result --&#62;\nx",
    "entities twice": "&amp;lt;!-- titlecraft:result --&amp;gt;\nx",
    "an end alone": ENDS,
    "an opening alone": OPENS,
    "in a code fence": f"```\n{OPENS}\nx\n{ENDS}\n```",
    "in a quote": f"> {OPENS}\n> x\n> {ENDS}",
    "in a list": f"- {OPENS}\n  x\n  {ENDS}",
    "a notice with a text": "<!-- titlecraft: x --> **NLL 0.13** <!-- y -->",
    "the notice once more": NOTICE,
    "long dashes": "<!— titlecraft:result —>\nx",
    "more dashes": "<!--- titlecraft:result --->\nx",
}
NESTED = {
    "a section in a section": CARD.replace(OPENS, f"{OPENS}\n<!-- titlecraft:data -->\nx\n<!-- /titlecraft:data -->"),
    "no end": CARD.replace(ENDS, "", 1),
    "another's end": CARD.replace(ENDS, "<!-- /titlecraft:data -->", 1),
    "an end that looks alike": CARD.replace(ENDS, "<!-- /titlecraft:rеsult -->", 1),
}
HIDING = {
    "a comment": around("<!--\n", "\n-->\n"),
    "a comment that is not closed": around("<!-- x\n\n", ""),
    "details": around("<details><summary>old</summary>\n\n", "\n</details>\n"),
    "a hidden div": around('<div style="display:none">\n\n', "\n</div>\n"),
    "a style": front("<style>blockquote{display:none}</style>"),
    "a style in another tag": front("<svg><style>blockquote{display:none}</style></svg>"),
    "an overlay": behind('<div style="position:fixed;top:0">The NLL is low</div>'),
    "a code fence": around("```\n", "\n```\n"),
    "a code fence without an end": around("~~~~\n", ""),
    "a quote": around("> ", ""),
    "a table": around("<table><tr><td>\n\n", "\n\n</td></tr></table>\n"),
    "a template": around("<template>\n\n", "\n</template>\n"),
    "a text field": around("<textarea>\n", "\n</textarea>\n"),
    "character data": around("<![CDATA[\n", "\n]]>\n"),
    "an instruction": around("<?php\n", "\n?>\n"),
    "a declaration": around("<!DOCTYPE\n", ">\n"),
    "a script": front("<script>document.body.innerHTML = ''</script>"),
    "a picture": front('<img src="https://example.com/x.png" onerror="x">'),
    "a formula": around("$$\n", "\n$$\n"),
    "a formula by backslashes": around("\\\\[\n", "\n\\\\]\n"),
    "struck out": around("<del>\n\n", "\n</del>\n"),
    "inline HTML": behind('A <span style="x">word</span>.'),
    "an unclosed tag": front("<b>"),
    "upper case": around("<DETAILS>\n\n", "\n</DETAILS>\n"),
}
IMITATED = {
    "somebody's word": "> [!NOTE]\n> Verified by titlecraft: every number holds.",
    "a badge": "[![verified](https://img.shields.io/badge/scores-verified-green)](https://a.example)",
    "a heading in Portuguese": "## Resultados\n\nAntes 1.2, depois 0.1.",
    "a heading in German": "## Ergebnisse der Messung\n\nVorher 1,2, nachher 0,1.",
    "a heading in Chinese": "## 结果\n\n0.1",
    "a score in words": "ROUGE-L is ninety-nine percent.",
    "a score in Roman numerals": "ROUGE-L: XCIX %",
    "an ordinary word as a measure": "Repetition: 0.0",
    "our heading": "## Evaluation\n\nAll is well.",
    "our heading in capitals": "### EVALUATION\n\nAll is well.",
    "our heading underlined": "Evaluation\n----------\n\nAll is well.",
    "our heading with a number": "## 1. Evaluation\n\nAll is well.",
    "our heading with a picture": "## 📊 Evaluation\n\nAll is well.",
    "our heading with more": "## Evaluation (new)\n\nAll is well.",
    "our heading in bold": "**Evaluation**\n\nAll is well.",
    "our heading with homoglyphs": "## Еvaluation\n\nAll is well.",
    "our heading in Cyrillic letters alone": "## Dаtа\n\nAll is well.",
    "our title": "# Llama-3-Titles\n\nThe very best.",
    "results": "## Results\n\nWonderful.",
    "a table of measures": TABLE.format("NLL per token"),
    "a table of names": TABLE.format("nll_per_token"),
    "a table of spaced names": TABLE.format("N L L per token"),
    "a table of dotted names": TABLE.format("B.L.E.U."),
    "a table with full-width names": TABLE.format("ＲＯＵＧＥ－Ｌ"),
    "a table with mathematical letters": TABLE.format("𝐑𝐎𝐔𝐆𝐄-𝐋"),
    "a table with small capitals": TABLE.format("ʙʟᴇᴜ"),
    "a table with homoglyphs": TABLE.format("ВLЕU"),
    "a name that others have for it": "Perplexity: 1.1",
    "a measure that this report lacks": TABLE.format("chrF++"),
    "a measure in words": "The chrF of this model is 71 now.",
    "number and measure apart": "ROUGE-L\n\nis really\n\n0.97",
    "our sentence": "NLL per token on 200 held-out titles: **2.5 before, 0.13 after** (nats; lower is better).",
    "our verdict": "> **Did fine-tuning help? By this measure, yes.**",
    "our sentence over two lines": "NLL per token on 200\nheld-out titles: 2.5 before,\n0.13 after",
    "our data": "| **rows seen in training** | **1,000,000** (1,000,000 distinct) |",
    "a verification": "titlecraft verify: verified: all 400 claims hold at level card",
    "letters turned around": "abc \u202e31.0 sserp\u202c",
    "mixed letters": "This is a vеry good model.",
}
ALLOWED = {
    "an ordinary word beside a number": "Avoid repetition in 2 places.",
    "how to verify": "You can verify this with `titlecraft verify NS/NAME`.",
    "verified, but by whom it was": "I verified the spelling by hand.",
    "an evaluation of one's own": "## My own evaluation\n\nI liked 7 answers of 9.",
    "notes": "## My notes\n\n12 of 34 answers are wrong; see [the list](notes.txt).",
    "code": "```python\nfor n in range(3):\n    print('<b>', n)\n```",
    "a list": "- one\n- two\n  - three",
    "a table": "| shop | answers used |\n|---|---|\n| mine | 17 |",
    "a quote and a picture": "> It works for me.\n\n![A lamp](lamp.png)",
    "a measure without a number": "I would look at ROUGE-L too.",
    "other alphabets": "Это моя модель. Αυτό είναι δικό μου. これは私のモデルです。",
    "emoji": "Thanks! 👩‍💻 🎉",
    "an address": "See <https://example.com/a?b=1>, or write to <me@example.com>.",
    "a line break": "one<br>two",
    "smaller than": "a < b and c > d, 5 < 6",
    "a footnote": "A claim[^1].\n\n[^1]: Its source.",
    "a formula": "It is $$a^2$$.",
}


@pytest.mark.parametrize("name", REPEATED)
def test_a_repeated_section_is_refused(name: str) -> None:
    assert any(
        "a second section" in line or "marks of the sections" in line for line in wrong(REPEATED[name])
    ) or name.startswith("a section of")


@pytest.mark.parametrize("place", [behind, front])
@pytest.mark.parametrize("name", MARKS)
def test_a_marker_that_looks_like_ours_is_refused(name: str, place: Place) -> None:
    assert any(line.startswith("card: marks of the sections") for line in wrong(place(MARKS[name])))


@pytest.mark.parametrize("name", NESTED)
def test_a_section_ends_where_it_should(name: str) -> None:
    assert any(line.startswith("card: marks of the sections") for line in wrong(NESTED[name]))


@pytest.mark.parametrize("name", HIDING)
def test_text_that_hides_our_sections_is_refused(name: str) -> None:
    assert wrong(HIDING[name])


@pytest.mark.parametrize("place", [behind, front])
@pytest.mark.parametrize("name", IMITATED)
def test_an_imitation_is_refused_with_its_line(name: str, place: Place) -> None:
    result = wrong(place(IMITATED[name]))
    assert len(result) == 1 and re.search(r"text added by hand, lines? \d+", result[0]) and "(line " in result[0], (
        result
    )


@pytest.mark.parametrize("place", [behind, front, lambda text: around(text + "\n\n", "")])
@pytest.mark.parametrize("name", ALLOWED)
def test_free_text_is_listed_and_not_looked_at(name: str, place: Place) -> None:
    lines = verify_added(place(ALLOWED[name]), CARD)
    assert [line.verdict for line in lines] == ["holds", "not looked at"], wrong(place(ALLOWED[name]))
    assert re.fullmatch(r"card: text added by hand, lines? [\d–]+", lines[1].claim)


def test_the_lines_are_those_of_the_card() -> None:
    text = CARD.replace(RESULT, f"{RESULT}\nOne.\n\nTwo.\n", 1)
    first = text[: text.index("One.")].count("\n") + 1
    assert verify_added(text, CARD)[1].claim == f"card: text added by hand, lines {first}–{first + 2}"
    (result,) = wrong(text.replace("Two.", "BLEU is 99."))
    assert f"(line {first + 2}: " in result


def test_the_card_with_any_line_ends_has_no_added_text() -> None:
    for text in (CARD, CARD.replace("\n", "\r\n")):
        assert [(line.claim, line.verdict) for line in verify_added(text, CARD)] == [
            ("card: marks of the sections", "holds")
        ]


def test_a_card_without_an_end_is_refused_at_once() -> None:
    started = time.process_time()
    for text in ("x " * 600_000, "word\n" * 60_000, "[" * 200_000):
        assert wrong(behind(text))
    for text in ("[" * 9_000, ">" * 9_000 + "x", "* " * 9_000, "![](" * 2_000):
        assert not wrong(behind(text))
    assert time.process_time() - started < 10
