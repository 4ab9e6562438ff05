"""Finds text added by a person that could pass for a result of ours: headings, sentences, measures beside numbers."""

import re
from functools import cache, lru_cache
from typing import NamedTuple

from evaluation.measures import MEASURES
from model_card.verification.confusables import letters_of, mixed_word, reorders_characters, skeleton
from model_card.verification.level_card.text.card_lines import AddedText, read_lines
from model_card.verification.level_card.text.markdown import first_html, headings
from titlecraft.cards.merge import split

N = 5  # words of an n-gram; an added text may not share one with our sections
# usual headings of a section with results
RESULT_HEADINGS = (
    "benchmark",
    "benchmarks",
    "evaluation results",
    "metrics",
    "performance",
    "result",
    "results",
    "scores",
    "verification",
    "verified",
)
# first words of such a heading, whatever follows
FIRST_WORDS = ("evaluation", "result", "results", "benchmarks", "scores", "metrics", "provenance")
TRANSLATED_FIRST_WORDS = (
    *("auswertung", "bewertung", "ergebnis", "ergebnisse"),
    *("avaliação", "evaluación", "resultado", "resultados"),
    *("risultati", "résultats"),
    *("结果", "結果", "评估", "評価"),
)
HEADING_STARTS = {*FIRST_WORDS, *map(skeleton, TRANSLATED_FIRST_WORDS)}
ENDORSEMENT = re.compile(r"\b(verified|audited|certified|verificad[oa]|verifiziert|geprüft|vérifiée?|certificad[oa])\b")
# a number in digits, or in the words of a score
NUMBER = re.compile(
    r"\d|\b(percent|per cent|point|zero|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred)\b|%"
)
ORDINARY_WORDS = {"repetition", "coherence", "specificity"}  # names of measures that are common words, too
# a number in the form of a score: a fraction, a percentage, in a table, behind a colon
SCORE = re.compile(r"\d[.,]\d|%|\||[:=]\s*\W*\d")
FREE_SECTIONS = (
    "contents",
    "quick-start",
    "prompt",
    "citation",
    "licence",
)  # anybody may repeat their code, texts and names
VERDICTS = "verified: all claims hold at level card. did fine-tuning help? by this measure, yes. by this measure, no."
OTHER_METRICS = ("ROUGE", "BLEU", "chrF", "NLL", "log-likelihood", "perplexity", "cross-entropy")

Ngram = tuple[str, ...]


class Wording(NamedTuple):
    """The text of our sections: letters of headings, word n-grams with masked numbers, and measures with their patterns."""

    headings: set[str]
    ngrams: set[Ngram]
    measures: list[tuple[str, re.Pattern[str]]]


@lru_cache(maxsize=2)
def wording_of(fresh: str) -> Wording:
    """The wording of a fresh rendering of a card."""
    card = read_lines(fresh)
    titles = {letters_of(heading) for heading in RESULT_HEADINGS}
    ngrams: set[Ngram] = set(ngrams_of(VERDICTS))
    for name, first, last in card.sections:
        lines = card.body[first - card.body_first + 1 : last - card.body_first]
        titles |= {re.sub(r"\d", "", letters_of(title)) for _, title in headings(lines)} - {""}
        if name not in FREE_SECTIONS:
            ngrams.update(ngram for line in lines for ngram in ngrams_of(line))
    return Wording(titles, ngrams, [(name, measure_pattern(name)) for name in measure_names(fresh)])


def measure_names(fresh: str) -> list[str]:
    """The labels of every measure that this code knows, and of every measure in the card's metadata."""
    names = dict.fromkeys(known_names())
    for model in split(fresh).metadata.get("model-index") or []:
        for result in model["results"]:
            names |= {str(metric["name"]).partition(" (")[0]: None for metric in result["metrics"]}
            names |= {metric["type"].replace("_", " "): None for metric in result["metrics"]}
    return [name for name in names if len(letters_of(name)) > 2]


@cache
def known_names() -> tuple[str, ...]:
    """The labels and names of evaluation's measures, and common names of other metrics."""
    labels = [text for entry in MEASURES for text in (entry.label, entry.name.replace("_", " "))]
    return (*labels, *OTHER_METRICS)


def measure_pattern(name: str) -> re.Pattern[str]:
    """A pattern that matches a name as a whole word, with any separators between its letters."""
    return re.compile(r"(?<![^\W_])" + r"[\W_]{0,3}".join(map(re.escape, letters_of(name))) + r"(?![^\W_])")


def ngrams_of(text: str) -> list[Ngram]:
    """The word n-grams of a text as it looks, with # in place of each number. N-grams of mostly numbers are left out."""
    words = re.findall(r"[^\W\d_]+|[\d][\d.,]*", skeleton(text))
    masked = ["#" if word[0].isdigit() else word for word in words]
    ngrams = zip(*(masked[start:] for start in range(N)), strict=False)
    return [ngram for ngram in ngrams if ngram.count("#") < N - 2]


def find_imitation(added: AddedText, ours: Wording) -> tuple[int, str] | None:
    """The first line of an added text that breaks a rule, with the reason; None if there is none."""
    for number, line in enumerate(added.lines, start=added.first):
        if reason := imitation_in_line(line, ours):
            return number, reason
    joined = "\n".join(added.lines)
    if any(ngram in ours.ngrams for ngram in ngrams_of(joined)):
        return added.first, f"{N} words in a row as in our sections, over several lines"
    if html := first_html(added.lines):
        return added.first + html[0], f"HTML: {html[1]}"
    if has_open_formula(joined):
        return added.first, "a formula without an end"
    for offset, title in headings(added.lines):
        words = re.findall(r"[^\W\d_]+", skeleton(title))
        if "".join(words) in ours.headings or (words and words[0] in HEADING_STARTS):
            return added.first + offset, f"a heading like ours: {title}"
    return find_scored_measure(added, ours)


def imitation_in_line(line: str, ours: Wording) -> str | None:
    """Why a line alone breaks a rule; None if it does not."""
    if reorders_characters(line):
        return "signs that turn the order of letters around"
    if word := mixed_word(line):
        return f"{word!r} mixes letters of two alphabets that look alike"
    if endorses(line):
        return f"a word of somebody's that it was checked: {line.strip()}"
    if any(ngram in ours.ngrams for ngram in ngrams_of(line)):
        return f"{N} words in a row as in our sections: {line.strip()}"
    return None


def endorses(line: str) -> bool:
    """Whether a line or badge says that the repo was verified. Only `titlecraft verify` can say that."""
    visible = skeleton(line)
    return bool(ENDORSEMENT.search(visible)) and ("titlecraft" in visible or "![" in line)


def has_open_formula(text: str) -> bool:
    """Whether a text begins a formula that does not end in it."""
    brackets = (("\\(", "\\)"), ("\\[", "\\]"))
    return text.count("$$") % 2 == 1 or any(text.count(begin) != text.count(end) for begin, end in brackets)


def find_scored_measure(added: AddedText, ours: Wording) -> tuple[int, str] | None:
    """The line that names a measure of ours in a text with numbers; None if there is none."""
    visible = [skeleton(line) for line in added.lines]
    if not any(NUMBER.search(line) for line in visible):
        return None
    candidates = [*enumerate(visible, start=added.first), (added.first, " ".join(visible))]
    for number, text in candidates:
        for name, pattern in ours.measures:
            if pattern.search(text) and (name.casefold() not in ORDINARY_WORDS or SCORE.search(text)):
                return number, f"our measure {name} in a text with numbers"
    return None
