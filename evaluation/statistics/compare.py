"""Computes all measures of a record from the outcomes of two arms, paired by title."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from evaluation.measures import Entry, measures_of, sampled_measures
from evaluation.outcome import Outcome
from evaluation.processes import run_all, workers
from evaluation.readable import ANY_SCRIPT, enough, read_pairs
from evaluation.statistics.intervals import BEFORE_PLUS_FOUR
from evaluation.statistics.known_counts import with_counts
from evaluation.statistics.paired import compare_each, corpora_p_value, correct, describe_corpora, of_corpora
from titlecraft.errors import UserError
from titlecraft.records import Measure, sampled_arm
from titlecraft.settings import Evaluation

INTERVAL_METHOD = (
    "Student's t interval of the mean paired difference, with the standard error over clusters of similar titles (Cameron and Miller "
    "2015) and two pseudo-observations at the largest deviation (after Bonett and Price 2012), four for fewer than 30 effective clusters "
    "(after Agresti and Caffo 2000; Kish 1965); for chrF++ and BLEU the BCa bootstrap of "
    "the corpus scores' difference over the clusters (Efron 1987; scipy.stats.bootstrap); none for fewer than 30 titles or clusters. "
    "p-value from random sign flips of the clusters' paired differences, two-sided (scipy.stats.permutation_test), for chrF++ and BLEU "
    "from sacrebleu's paired approximate randomisation, ties counted. The primary measure stands alone; the p-values of all others are "
    "corrected together (Holm 1979)"
)
BEFORE_CLUSTERS = (
    "BCa bootstrap of the mean paired difference (Efron 1987; scipy.stats.bootstrap; percentiles where BCa is undefined), of "
    "the corpus scores' difference for chrF++ and BLEU; p-value from random sign flips of the paired differences, two-sided (scipy.stats.permutation_test), "
    "for chrF++ and BLEU from sacrebleu's paired approximate randomisation, ties counted. The primary measure stands alone; the p-values "
    "of all others are corrected together (Holm 1979)"
)
METHODS = (INTERVAL_METHOD, BEFORE_PLUS_FOUR, BEFORE_CLUSTERS)
"""Methods of published reports that this code can recompute, the newest first."""

Clusters = Sequence[int] | None


def compare_arms(
    outcomes: dict[str, list[Outcome]],
    references: list[str],
    settings: Evaluation,
    clusters: Clusters = None,
    method: str = INTERVAL_METHOD,
) -> list[Measure]:
    """All measures with corrected p-values, the primary one first.

    Raises UserError if too few answers are in a script that the primary measure supports.

    Args:
        outcomes: arm -> outcomes, one for each title; all arms have the same order of titles.
        clusters: cluster label of each title (evaluation.titles.clusters); None for independent titles.
        method: one of METHODS.
    """
    measures = compare_all(outcomes, references, settings, clusters, method)
    if settings.primary not in {measure.name for measure in measures}:
        readable = len(read_pairs(settings.primary, outcomes["before"], outcomes["after"]))
        raise UserError(
            f"evaluation.primary is {settings.primary!r}, which can read the script of both answers for {readable} of "
            f"{len(references)} titles; take one that reads every script: {ANY_SCRIPT}"
        )
    return correct(measures, settings.primary)


def compare_grounded(
    outcomes: dict[str, list[Outcome]],
    references: list[str],
    settings: Evaluation,
    clusters: Clusters = None,
    method: str = INTERVAL_METHOD,
) -> list[Measure]:
    """All measures of the tuned model, without sources ("before") and with sources ("after"), corrected among themselves.

    None of them is primary, because the recipe's question is about the adapter.
    """
    arms = {"before": outcomes["after"], "after": outcomes["grounded"]}
    return correct(compare_all(arms, references, settings, clusters, method), primary="")


def compare_all(
    outcomes: dict[str, list[Outcome]],
    references: list[str],
    settings: Evaluation,
    clusters: Clusters = None,
    method: str = INTERVAL_METHOD,
    processes: int | None = None,
) -> list[Measure]:
    """All measures in the order of the report, without correction; large evaluations are computed in several processes.

    A measure uses the titles whose texts are in a script that it supports. A measure with too few such titles is left out
    (evaluation.readable).
    """
    entries, read_titles = readable_entries(measures_of(settings), outcomes["before"], outcomes["after"])
    processes = workers(len(references)) if processes is None else processes

    def texts(entry: Entry) -> dict[str, list[str]]:
        arms = ("before", "after")
        return {arm: [outcomes[arm][index].texts[0] for index in read_titles[entry.name]] for arm in arms}

    def of_titles(entry: Entry) -> np.ndarray | None:
        return chosen(clusters, read_titles[entry.name])

    corpora = [entry for entry in entries if entry.corpus is not None]
    calls: list[Any] = []
    for entry in corpora:
        arguments = (entry.name, texts(entry), [references[index] for index in read_titles[entry.name]], settings)
        calls += [
            with_counts((describe_corpora, (*arguments, of_titles(entry), method)), processes),
            with_counts((corpora_p_value, (*arguments, of_titles(entry))), processes),
        ]
    groups = by_titles(entries, read_titles)
    calls += [
        (
            compare_each,
            (
                values_of(group, read_titles, outcomes["before"], outcomes["after"]),
                settings,
                (),
                of_titles(group[0]),
                method,
            ),
        )
        for group in groups
    ]
    results = run_all(calls, processes)
    corpus_results = {entry.name: results[2 * index : 2 * index + 2] for index, entry in enumerate(corpora)}
    measures = {measure.name: measure for group_measures in results[2 * len(corpora) :] for measure in group_measures}
    return [
        of_corpora(measures[entry.name], *corpus_results[entry.name]) if entry.corpus else measures[entry.name]
        for entry in entries
    ]


def chosen(clusters: Clusters, titles: list[int]) -> np.ndarray | None:
    """Cluster labels of the titles with these indices; None if titles are independent or every cluster has one title."""
    if clusters is None:
        return None
    of_titles = np.asarray(clusters)[titles]
    return of_titles if len(np.unique(of_titles)) < len(of_titles) else None


def readable_entries(
    entries: Sequence[Entry], before: Sequence[Outcome], after: Sequence[Outcome]
) -> tuple[list[Entry], dict[str, list[int]]]:
    """The measures with enough readable titles, and the indices of the readable titles by measure."""
    read_titles = {entry.name: read_pairs(entry.name, before, after) for entry in entries}
    return [entry for entry in entries if enough(len(read_titles[entry.name]), len(before))], read_titles


def by_titles(entries: Sequence[Entry], read_titles: dict[str, list[int]]) -> list[list[Entry]]:
    """The measures grouped by their readable titles; a group shares its random sign flips."""
    groups: dict[tuple[int, ...], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(tuple(read_titles[entry.name]), []).append(entry)
    return list(groups.values())


def values_of(
    entries: Sequence[Entry], read_titles: dict[str, list[int]], before: Sequence[Outcome], after: Sequence[Outcome]
) -> list[tuple[str, list[float], list[float]]]:
    """Name, values before and values after of each measure, for its readable titles."""

    def of_arm(entry: Entry, arm: Sequence[Outcome]) -> list[float]:
        values = [arm[index].values[entry.name] for index in read_titles[entry.name]]
        return [value for value in values if value is not None]  # read_pairs left out the None

    return [(entry.name, of_arm(entry, before), of_arm(entry, after)) for entry in entries]


def compare_sampled(
    outcomes: dict[str, list[Outcome]],
    settings: Evaluation,
    clusters: Clusters = None,
    method: str = INTERVAL_METHOD,
) -> list[Measure]:
    """The measures of sampled answers, averaged by title, corrected among themselves; empty if no answers were sampled.

    The neutral value is not counted, because a mean belongs to no single text.
    """
    if not settings.sampled:
        return []
    arms = outcomes[sampled_arm("before")], outcomes[sampled_arm("after")]
    sampled_entries = [replace(entry, neutral=None) for entry in sampled_measures(settings)]
    entries, read_titles = readable_entries(sampled_entries, *arms)
    measures = [
        measure
        for group in by_titles(entries, read_titles)
        for measure in compare_each(
            values_of(group, read_titles, *arms), settings, group, chosen(clusters, read_titles[group[0].name]), method
        )
    ]
    names = [entry.name for entry in entries]
    return correct(sorted(measures, key=lambda measure: names.index(measure.name)), primary="")
