"""Before against after, title by title: every measure of a record, from the outcomes of both arms."""

from collections.abc import Sequence
from dataclasses import replace

from evaluation.measures import Entry, measures_of, sampled_measures
from evaluation.outcome import Outcome
from evaluation.processes import run_all, workers
from evaluation.readable import ANY_SCRIPT, enough, read_pairs
from evaluation.statistics.paired import compare_each, corpora_p_value, correct, describe_corpora, of_corpora
from titlecraft.errors import UserError
from titlecraft.records import Measure, sampled_arm
from titlecraft.settings import Evaluation

INTERVAL_METHOD = (
    "BCa bootstrap of the mean paired difference (Efron 1987; scipy.stats.bootstrap; percentiles where BCa is undefined), of "
    "the corpus scores' difference for chrF++ and BLEU; p-value from random sign flips of the paired differences, two-sided (scipy.stats.permutation_test), "
    "for chrF++ and BLEU from sacrebleu's paired approximate randomisation, ties counted. The primary measure stands alone; the p-values "
    "of all others are corrected together (Holm 1979)"
)


def compare_arms(found: dict[str, list[Outcome]], references: list[str], settings: Evaluation) -> list[Measure]:
    """Every measure, paired by title, corrected, the primary one first. `found`: arm -> outcomes in one order of titles.

    Raises UserError where the primary measure cannot read enough answers: a report without it would answer nothing.
    """
    measures = compare_all(found, references, settings)
    if settings.primary not in {measure.name for measure in measures}:
        read = len(read_pairs(settings.primary, found["before"], found["after"]))
        raise UserError(
            f"evaluation.primary is {settings.primary!r}, which can read the script of both answers for {read} of "
            f"{len(references)} titles; take one that reads every script: {ANY_SCRIPT}"
        )
    return correct(measures, settings.primary)


def compare_grounded(found: dict[str, list[Outcome]], references: list[str], settings: Evaluation) -> list[Measure]:
    """Every measure of the tuned model, without sources as "before" and with them as "after"; corrected among themselves.

    None of them is primary: the recipe's question is about the adapter.
    """
    arms = {"before": found["after"], "after": found["grounded"]}
    return correct(compare_all(arms, references, settings), primary="")


def compare_all(
    found: dict[str, list[Outcome]], references: list[str], settings: Evaluation, processes: int | None = None
) -> list[Measure]:
    """Every measure in the order of the report, paired by title, not corrected; in several processes where that pays.

    A measure sees the titles whose texts it can read; one that reads too few is not there (evaluation.readable).
    """
    entries, read = readable_entries(measures_of(settings), found["before"], found["after"])

    def texts(entry: Entry) -> dict[str, list[str]]:
        arms = ("before", "after")
        return {arm: [found[arm][place].texts[0] for place in read[entry.name]] for arm in arms}

    corpora = [entry for entry in entries if entry.corpus is not None]
    asked = [
        (function, (entry.name, texts(entry), [references[place] for place in read[entry.name]], settings))
        for entry in corpora
        for function in (describe_corpora, corpora_p_value)
    ]
    groups = by_titles(entries, read)
    asked += [(compare_each, (values_of(group, read, found["before"], found["after"]), settings)) for group in groups]
    answers = run_all(asked, workers(len(references)) if processes is None else processes)
    whole = {entry.name: answers[2 * place : 2 * place + 2] for place, entry in enumerate(corpora)}
    measures = {measure.name: measure for several in answers[2 * len(corpora) :] for measure in several}
    return [
        of_corpora(measures[entry.name], *whole[entry.name]) if entry.corpus else measures[entry.name]
        for entry in entries
    ]


def readable_entries(
    entries: Sequence[Entry], before: Sequence[Outcome], after: Sequence[Outcome]
) -> tuple[list[Entry], dict[str, list[int]]]:
    """The measures that read enough of the titles, and the places of those titles."""
    read = {entry.name: read_pairs(entry.name, before, after) for entry in entries}
    return [entry for entry in entries if enough(len(read[entry.name]), len(before))], read


def by_titles(entries: Sequence[Entry], read: dict[str, list[int]]) -> list[list[Entry]]:
    """The measures in groups that read the very same titles: those of a group share their random sign flips."""
    groups: dict[tuple[int, ...], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(tuple(read[entry.name]), []).append(entry)
    return list(groups.values())


def values_of(
    entries: Sequence[Entry], read: dict[str, list[int]], before: Sequence[Outcome], after: Sequence[Outcome]
) -> list[tuple[str, list[float], list[float]]]:
    """Name and values in both arms of each measure, on the titles that it reads."""

    def of_arm(entry: Entry, arm: Sequence[Outcome]) -> list[float]:
        values = [arm[index].values[entry.name] for index in read[entry.name]]
        return [value for value in values if value is not None]  # none of these is None: see readable.read_pairs

    return [(entry.name, of_arm(entry, before), of_arm(entry, after)) for entry in entries]


def compare_sampled(found: dict[str, list[Outcome]], settings: Evaluation) -> list[Measure]:
    """The measures of sampled answers, mean by title, corrected among themselves; none where none were sampled.

    A mean says nothing of a single text, so that none is counted as one of which nothing can be told.
    """
    if not settings.sampled:
        return []
    arms = found[sampled_arm("before")], found[sampled_arm("after")]
    every = [replace(entry, neutral=None) for entry in sampled_measures(settings)]
    entries, read = readable_entries(every, *arms)
    measures = [
        measure
        for group in by_titles(entries, read)
        for measure in compare_each(values_of(group, read, *arms), settings, group)
    ]
    places = [entry.name for entry in entries]
    return correct(sorted(measures, key=lambda one: places.index(one.name)), primary="")
