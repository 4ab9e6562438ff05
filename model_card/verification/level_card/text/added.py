"""Level card, what a person added: allowed outside our sections, listed with its lines, and refused where it imitates ours.

The rules, each with the line and what to do:

1. The lines that mark our sections stand once each, as they were written, and nothing else looks like them.
2. Added text does not change how our sections are shown: no HTML, no formula or list or link that goes on into them.
3. Added text does not look like ours: no heading of ours, no measure of ours beside a number, no sentence of ours with other
   values, no letters that only look like others.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

from model_card.verification.confusables import letters_of, mixed_word, skeleton, turns_around
from model_card.verification.level_card.text.card_lines import LONGEST_CARD, Added, CardLines, read_lines
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line

WORDS = 5  # in a row that an added text has in common with ours, numbers aside
LONGEST_ADDED = 50_000  # characters of all added texts: Markdown's parser takes seconds for so many open brackets
READ_BY_ALL = ("<br>", "<br/>", "<br />")
HEADINGS = (  # what a section with results is called, whoever writes it
    "benchmark", "benchmarks", "evaluation results", "metrics", "performance", "result", "results", "scores", "verification",
    "verified",
)  # fmt: skip
TRANSLATED = (
    "auswertung", "avaliação", "bewertung", "ergebnis", "ergebnisse", "evaluación", "resultado", "resultados", "risultati",
    "résultats", "结果", "結果", "评估", "評価",
)  # fmt: skip
VOUCHED = re.compile(r"\b(verified|audited|certified|verificad[oa]|verifiziert|geprüft|vérifiée?|certificad[oa])\b")
NUMBERS = re.compile(  # in digits, or in words as a score would be said
    r"\d|\b(percent|per cent|point|zero|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)\b|%"
)
ORDINARY = {"repetition", "coherence", "specificity"}  # words of everybody's that are names of measures, too
SCORED = re.compile(
    r"\d[.,]\d|%|\||[:=]\s*\W*\d"
)  # how a score stands: a fraction, a share, in a table, behind a colon
CLAIMING = (
    ["evaluation"],
    ["result"],
    ["results"],
    ["benchmarks"],
    ["scores"],
    ["metrics"],
    ["provenance"],
)  # and what follows
TRANSLATIONS = [[skeleton(word)] for word in TRANSLATED]
QUIET = ("quick-start", "prompt", "citation", "licence")  # code, texts and names that anybody may repeat
VERDICTS = "verified: all claims hold at level card. did fine-tuning help? by this measure, yes. by this measure, no."
PLACE = "write it in words of your own"


def verify_added(text: str, fresh: str) -> list[Line]:
    """Lines about what stands outside our sections of a card; `fresh` is its rendering from the records, without a person's text."""
    checks = Checks("card", "card")
    return checks.gather(of_card(checks, text, fresh))


def of_card(checks: Checks, text: str, fresh: str) -> Iterator[Line]:
    """The frame, then each added text."""
    if len(text) > LONGEST_CARD:
        yield checks.line("length", f"{len(text):,} characters", f"at most {LONGEST_CARD:,}", False, EXACT)
        return
    card = read_lines(text)
    said = [f"line {line}: {what}" for line, what in card.faults]
    yield checks.equal("marks of the sections", "; ".join(said) or "as written", "as written",
                       "take the line out, or run `titlecraft card` for the card anew" if said else None)  # fmt: skip
    if not card.added:
        return
    if (count := sum(len("\n".join(added.lines)) for added in card.added)) > LONGEST_ADDED:
        yield checks.line("text added by hand", f"{count:,} characters", f"at most {LONGEST_ADDED:,} can be looked through",
                          False, EXACT)  # fmt: skip
        return
    if place := spills_over(card):
        yield checks.line("sections as they are shown", f"otherwise beside what is added around line {place}",
                          "as without it", False, EXACT, "end lists, quotes, code and links within the added text")  # fmt: skip
    ours = wording(fresh)
    for added in card.added:
        about = f"text added by hand, {added}"
        if found := imitation(added, ours):
            place, what = found
            yield checks.line(
                about, what, "nothing that looks like ours", False, EXACT, f"line {place}: {PLACE}, or take it out"
            )
        else:
            yield checks.not_looked_at(
                about, " ".join(added.lines), "not looked at", "a person's words: no record licenses them"
            )


class Wording:
    """What our sections say: headings, words in a row without their numbers, and the names of measures."""

    def __init__(
        self, headings: set[str], runs: set[tuple[str, ...]], measures: list[tuple[str, re.Pattern[str]]]
    ) -> None:
        self.headings = headings
        self.runs = runs
        self.measures = measures


@lru_cache(maxsize=2)
def wording(fresh: str) -> Wording:
    """The wording of a fresh rendering."""
    card = read_lines(fresh)
    headings = {letters_of(one) for one in HEADINGS}
    runs: set[tuple[str, ...]] = set(shingles(VERDICTS))
    for name, first, last in card.sections:
        lines = card.body[first - card.body_first + 1 : last - card.body_first]
        headings |= {re.sub(r"\d", "", letters_of(title)) for _, title in headings_of(lines)} - {""}
        if name not in QUIET:
            runs.update(run for line in lines for run in shingles(line))
    return Wording(headings, runs, [(name, spelled(name)) for name in measure_names(fresh)])


def measure_names(fresh: str) -> list[str]:
    """Labels of every measure that this code knows, and of every measure in the metadata of the card."""
    from titlecraft.cards.merge import split

    found = dict.fromkeys(known_labels())
    for model in split(fresh).metadata.get("model-index") or []:
        for result in model["results"]:
            found |= {str(one["name"]).partition(" (")[0]: None for one in result["metrics"]}
            found |= {one["type"].replace("_", " "): None for one in result["metrics"]}
    return [name for name in found if len(letters_of(name)) > 2]


@cache
def known_labels() -> tuple[str, ...]:
    """Labels and names of the measures of titlecraft's evaluation."""
    from evaluation.measures import MEASURES

    labels = [text for one in MEASURES for text in (one.label, one.name.replace("_", " "))]
    return (*labels, "ROUGE", "BLEU", "chrF", "NLL", "log-likelihood", "perplexity", "cross-entropy")


def spelled(name: str) -> re.Pattern[str]:
    """A pattern for a name with anything but letters and digits between its letters, as a word of its own."""
    return re.compile(r"(?<![^\W_])" + r"[\W_]{0,3}".join(map(re.escape, letters_of(name))) + r"(?![^\W_])")


def shingles(text: str) -> list[tuple[str, ...]]:
    """Every WORDS words in a row of a text as it looks, with one sign for every number."""
    words = re.findall(r"[^\W\d_]+|[\d][\d.,]*", skeleton(text))
    masked = ["#" if word[0].isdigit() else word for word in words]
    runs = zip(*(masked[start:] for start in range(WORDS)), strict=False)
    return [run for run in runs if run.count("#") < WORDS - 2]


def imitation(added: Added, ours: Wording) -> tuple[int, str] | None:
    """The first line of an added text that breaks a rule, and what it is; None where none does."""
    joined = "\n".join(added.lines)
    for place, line in enumerate(added.lines, start=added.first):
        if turns_around(line):
            return place, "signs that turn the order of letters around"
        if word := mixed_word(line):
            return place, f"{word!r} mixes letters of two alphabets that look alike"
        if vouches(line):
            return place, f"a word of somebody's that it was checked: {line.strip()}"
        if any(run in ours.runs for run in shingles(line)):
            return place, f"{WORDS} words in a row as in our sections: {line.strip()}"
    if any(run in ours.runs for run in shingles(joined)):
        return added.first, f"{WORDS} words in a row as in our sections, over several lines"
    if found := raw_html(joined):
        return added.first + found[0], f"HTML: {found[1]}"
    if joined.count("$$") % 2 or any(
        joined.count(one) != joined.count(other) for one, other in (("\\(", "\\)"), ("\\[", "\\]"))
    ):
        return added.first, "a formula without an end"
    for number, title in headings_of(added.lines):
        words = re.findall(r"[^\W\d_]+", skeleton(title))
        if "".join(words) in ours.headings or words[:1] in CLAIMING or words[:1] in TRANSLATIONS:
            return added.first + number, f"a heading like ours: {title}"
    return measured(added, ours)


def measured(added: Added, ours: Wording) -> tuple[int, str] | None:
    """The line in which a text that holds numbers names a measure of ours."""
    seen = [skeleton(line) for line in added.lines]
    if not any(NUMBERS.search(line) for line in seen):
        return None
    for place, line in enumerate(seen, start=added.first):
        for name, pattern in ours.measures:
            if pattern.search(line) and (name.casefold() not in ORDINARY or SCORED.search(line)):
                return place, f"our measure {name} in a text with numbers"
    whole = " ".join(seen)
    return next(((added.first, f"our measure {name} in a text with numbers") for name, pattern in ours.measures
                 if pattern.search(whole) and (name.casefold() not in ORDINARY or SCORED.search(whole))), None)  # fmt: skip


def vouches(line: str) -> bool:
    """Whether a line says that Titlecraft, or a badge, has found everything right: only `titlecraft verify` can say that."""
    looks = skeleton(line)
    return bool(VOUCHED.search(looks)) and ("titlecraft" in looks or "![" in line)


@cache
def parser() -> Any:
    """Markdown as the Hub reads it."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.gfm import gfm_plugin

    found = MarkdownIt("commonmark", {"html": True})
    gfm_plugin(found)
    return found


def raw_html(text: str) -> tuple[int, str] | None:
    """The first HTML in a Markdown text but for line breaks: its line, counted from 0, and its beginning."""
    for token in parser().parse(text):
        if token.type == "html_block":
            return (token.map or [0])[0], token.content.strip()[:60]
        for child in token.children or []:
            if child.type == "html_inline" and child.content.lower() not in READ_BY_ALL:
                return (token.map or [0])[0], child.content[:60]
    return None


def headings_of(lines: list[str]) -> list[tuple[int, str]]:
    """Line, counted from 0, and text of each heading of a Markdown text; a paragraph in bold alone is one too."""
    tokens = parser().parse("\n".join(lines))
    found = []
    for before, token in pairwise(tokens):
        if token.type != "inline":
            continue
        children = [child for child in token.children or [] if child.content or child.type != "text"]
        bold = len(children) > 2 and (children[0].type, children[-1].type) == ("strong_open", "strong_close")
        if before.type == "heading_open" or (before.type == "paragraph_open" and bold):
            text = "".join(child.content for child in children)
            found.append(((token.map or [0])[0], text))
    return found


def spills_over(card: CardLines) -> int | None:
    """The line of the first section of ours that is shown otherwise because of an added text; None where none is."""
    alone: list[str] = []
    starts = []
    for _, first, last in card.sections:
        starts.append((first, last, len(alone)))
        alone += [*card.body[first - card.body_first : last - card.body_first + 1], ""]
    whole, apart = shown_tokens(card.body), shown_tokens(alone)
    for first, last, start in starts:
        place, count = first - card.body_first, last - first + 1
        here = [(line - place, *rest) for line, *rest in whole if place <= line < place + count]
        there = [(line - start, *rest) for line, *rest in apart if start <= line < start + count]
        if here != there:
            return first
    return None


def shown_tokens(lines: list[str]) -> list[tuple[Any, ...]]:
    """Line and content of each token of a Markdown text."""
    return [
        (token.map[0], token.type, token.tag, token.info, token.level, token.content, token.map[1] - token.map[0],
         [(child.type, child.content, str(child.attrs)) for child in token.children or []])
        for token in parser().parse("\n".join(lines)) if token.map
    ]  # fmt: skip
