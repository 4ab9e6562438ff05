"""Level scores, values: recomputes each measure of each title from the published texts.

Values that need the model are only checked for consistency: likelihoods against each other, a stop against the number of
tokens. Level predictions recomputes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose, log
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from evaluation.lookup.sources import Lookup
from evaluation.measures import Entry, Written, measures_of, sampled_measures
from evaluation.measures.coverage import ScriptCoverage
from evaluation.measures.sentences import orders
from evaluation.statistics.all_answers import describe_all
from evaluation.titles.draw import Title
from model_card.verification.level_scores.columns import ARMS, greedy_arms
from model_card.verification.level_scores.lookup import build_lookup
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.columns import column_equal, true_for_all_rows
from model_card.verification.lines.line import Line
from titlecraft.records import AllAnswers, EvaluationRecord, column, sampled_arm, tokens_column

FLOAT_ERROR = 1e-9  # relative; between two ways to compute one float64


@dataclass(frozen=True)
class Answers:
    """The published answers of a report, and what the measures compare them with."""

    record: EvaluationRecord
    rows: list[dict[str, Any]]
    titles: list[Title]
    lookup: Lookup
    coverage: ScriptCoverage

    def values(self, entry: Entry, arm: str) -> list[float | None]:
        """One measure of the greedy answers of an arm, by row; None where the measure cannot read the script."""
        values = [
            float(entry.value(self.written(row[arm], row, title, arm)))
            for row, title in zip(self.rows, self.titles, strict=True)
        ]
        return self.without_unreadable(values, entry.name, arm)

    def sampled_values(self, entry: Entry, arm: str) -> list[float | None]:
        """The mean of one measure over the sampled answers of an arm, by row; None where it cannot read the script."""
        texts = sampled_arm(arm)
        values = [
            mean([float(entry.value(self.written(text, row, title, arm))) for text in row[texts]])
            for row, title in zip(self.rows, self.titles, strict=True)
        ]
        return self.without_unreadable(values, entry.name, texts)

    def written(self, text: str, row: dict[str, Any], title: Title, arm: str) -> Written:
        """An answer as the input of a measure, without the values that need the model."""
        stopped = row[column("stop_rate", arm)] == 1
        return Written(
            text=text,
            tokens=row[tokens_column(arm)] - stopped,
            stopped=stopped,
            reference=title.reference,
            reference_tokens=title.reference_length,
            title=title.title,
            nll_in_order=None,
            nll_shuffled=None,
            known=self.lookup,
        )

    def without_unreadable(self, values: list[float], measure: str, texts: str) -> list[float | None]:
        """The values, with None where the measure cannot read the script of a title's texts; see evaluation.readable."""
        unreadable = self.unreadable(measure, texts)
        return [None if is_unreadable else value for value, is_unreadable in zip(values, unreadable, strict=True)]

    def unreadable(self, measure: str, texts: str) -> list[bool]:
        """By row, whether a measure cannot read the script of the title, the reference or the answers."""
        return [
            bool(self.coverage.unmet_needs(measure, row["title"], row["reference"], *texts_of(row[texts])))
            for row in self.rows
        ]


def check_values(
    checks: Checks,
    record: EvaluationRecord,
    rows: list[dict[str, Any]],
    titles: list[Title],
    tolerance: float,
    note: str | None,
) -> Iterator[Line]:
    """A line for each measure and arm."""
    coverage = ScriptCoverage([row["reference"] for row in rows])
    answers = Answers(record, rows, titles, build_lookup(record, rows), coverage)
    if record.answers is not UNSET:
        derived = derived_together(record.answers, rows, answers.lookup)
        yield checks.equal("all answers together", str(record.answers), str(derived))
    for arm in greedy_arms(record):
        for entry in measures_of(record.evaluation):
            if entry.reads is Written and entry.recomputed != "never":
                name = column(entry.name, arm)
                claimed, derived = [row[name] for row in rows], answers.values(entry, arm)
                yield column_equal(checks, f"{name} of every title", claimed, derived, tolerance, note)
        yield from check_model_values(checks, answers, arm)
        unreadable = answers.unreadable("coherence", arm)
        wrong = [n for n, row in enumerate(rows) if (row[column("coherence", arm)] is None) != unreadable[n]]
        yield true_for_all_rows(checks, f"coherence_{arm} where the script can be read", wrong, len(rows))
        if arm in ARMS and record.evaluation.sampled:
            yield from check_sampled(checks, answers, arm, tolerance, note)


def derived_together(known: AllAnswers, rows: list[dict[str, Any]], lookup: Lookup) -> AllAnswers:
    """What the published answers say together; without the number of loops where the report is older than it."""
    before, after = (ended_answers(rows, arm) for arm in ARMS)
    derived = describe_all(before, after, lookup.copies.all_copied_words)
    if known.after.looping is not UNSET:
        return derived
    return AllAnswers(before=replace(derived.before, looping=UNSET), after=replace(derived.after, looping=UNSET))


def ended_answers(rows: list[dict[str, Any]], arm: str) -> list[tuple[str, bool]]:
    """The published answers of an arm, and whether each ended with EOS."""
    return [(row[arm], row[column("stop_rate", arm)] == 1) for row in rows]


def check_sampled(checks: Checks, answers: Answers, arm: str, tolerance: float, note: str | None) -> Iterator[Line]:
    """A line for each measure of the sampled answers of an arm, and one for their number."""
    record, rows = answers.record, answers.rows
    for entry in sampled_measures(record.evaluation):
        if entry.recomputed == "from texts":
            name = column(entry.name, sampled_arm(arm))
            claimed, derived = [row[name] for row in rows], answers.sampled_values(entry, arm)
            yield column_equal(checks, f"{name} of every title", claimed, derived, tolerance, note)
    counts = [len(row[sampled_arm(arm)]) for row in rows]
    expected = [record.evaluation.sampled] * len(rows)
    yield column_equal(checks, f"{arm}: sampled answers of every title", counts, expected)


def mean(values: list[float]) -> float:
    """The mean in the order of summation that evaluation uses."""
    return sum(values) / len(values)


def texts_of(answer: str | list[str]) -> list[str]:
    """The texts of a cell: one greedy answer or several sampled ones."""
    return answer if isinstance(answer, list) else [answer]


def check_model_values(checks: Checks, answers: Answers, arm: str) -> Iterator[Line]:
    """The values that need the model are consistent with each other and with the text."""
    record, rows = answers.record, answers.rows
    limit, seed = record.generation.max_new_tokens, record.evaluation.seed
    wrong = [
        n for n, row in enumerate(rows) if not valid_stop(row[column("stop_rate", arm)], row[tokens_column(arm)], limit)
    ]
    yield true_for_all_rows(checks, f"stop_rate_{arm} and {arm}_tokens fit the most new tokens", wrong, len(rows))
    wrong = [n for n, row in enumerate(rows) if not valid_coherence(row[column("coherence", arm)], row[arm], seed)]
    yield true_for_all_rows(checks, f"coherence_{arm} is one half where a text has no two orders", wrong, len(rows))
    wrong = [
        n
        for n, (row, title) in enumerate(zip(rows, answers.titles, strict=True))
        if not same_likelihood(row[column("nll_per_token", arm)], row[column("bits_per_byte", arm)], title)
    ]
    yield true_for_all_rows(checks, f"nll_per_token_{arm} and bits_per_byte_{arm} are one likelihood", wrong, len(rows))


def valid_stop(stopped: float, tokens: int, limit: int) -> bool:
    """Whether an answer with this number of tokens, including EOS, may have this stop value: a shorter one must have stopped."""
    return stopped == 1 if tokens < limit else stopped in (0, 1) and tokens == limit


def valid_coherence(coherence: float | None, text: str, seed: int) -> bool:
    """Whether coherence has one of its values, and one half for a text whose sentences have no second order."""
    if coherence not in (0.0, 0.5, 1.0, None):
        return False
    return orders(text, seed) is not None or coherence in (0.5, None)


def same_likelihood(nll_per_token: float, bits_per_byte: float, title: Title) -> bool:
    """Whether NLL per token and bits per byte give the same NLL of the reference."""
    nats = nll_per_token * len(title.reference_tokens)
    return isclose(nats, bits_per_byte * log(2) * max(1, title.scored_bytes), rel_tol=FLOAT_ERROR)
