"""Paired statistics of a measure: means, interval, p-value and wins; and the correction for several measures."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import msgspec
import numpy as np

from evaluation.measures import Entry, entry_named
from evaluation.statistics.corpus import Paired, paired_p_value
from evaluation.statistics.intervals import BCA, BEFORE_PLUS_FOUR, Interval, bca_interval, mean_interval
from evaluation.statistics.significance import bootstrap, holm, minimum_detectable_effect, p_values
from evaluation.titles.draw import FEWEST
from titlecraft.errors import UserError
from titlecraft.records import Measure
from titlecraft.settings import Evaluation


def compare(entry: Entry, before: list[float], after: list[float], settings: Evaluation) -> Measure:
    """The paired statistics of one measure; `before[i]` and `after[i]` belong to one title. A win is a title that improves.

    The p-value is not corrected: see `correct`.
    """
    return compare_each([(entry.name, before, after)], settings, [entry])[0]


def compare_each(
    columns: Sequence[tuple[str, list[float], list[float]]],
    settings: Evaluation,
    entries: Sequence[Entry] = (),
    clusters: np.ndarray | None = None,
    method: str = "",
) -> list[Measure]:
    """`compare` for several measures over the same titles.

    Args:
        columns: name, values before and values after of each measure.
        entries: the measures; by default the recipe's measures of these names.
        clusters: the cluster of each title; None for independent titles.
        method: method of the report; if it begins with BCA, intervals are those of earlier versions.
    """
    entries = entries or [entry_named(name, settings) for name, _, _ in columns]
    arms_of_each = [tuple(np.asarray(values, dtype=np.float64) for values in (old, new)) for _, old, new in columns]
    for (name, _, _), arms in zip(columns, arms_of_each, strict=True):
        require_finite(name, arms)
    p_of_each = p_values(np.stack([new - old for old, new in arms_of_each]), settings, clusters)
    return [
        describe(entry, old, new, p, settings, clusters, method)
        for entry, (old, new), p in zip(entries, arms_of_each, p_of_each, strict=True)
    ]


def require_finite(name: str, arms: Sequence[np.ndarray]) -> None:
    """Raise UserError if a value of either arm is not finite, because comparisons with NaN are silently false."""
    for arm, values in zip(("before", "after"), arms, strict=True):
        if not np.isfinite(values).all():
            title = int(np.flatnonzero(~np.isfinite(values))[0])
            raise UserError(
                f"{name} of title {title} is {values[title]} {arm} fine-tuning: expected a finite number; the weights of the "
                f"{'base' if arm == 'before' else 'adapter'} are broken, or too large for the precision"
            )


def describe(
    entry: Entry,
    old: np.ndarray,
    new: np.ndarray,
    p: float,
    settings: Evaluation,
    clusters: np.ndarray | None = None,
    method: str = "",
) -> Measure:
    """The record of one measure, from its values before [n] and after [n], and its p-value."""
    differences = new - old
    if method.startswith(BCA):
        interval = bca_interval(differences, settings)
    else:
        interval = mean_interval(differences, settings, clusters, entry.largest, plus_four=method != BEFORE_PLUS_FOUR)
    increases, decreases, ties = (
        int((differences > 0).sum()),
        int((differences < 0).sum()),
        int((differences == 0).sum()),
    )
    wins, losses = {"higher": (increases, decreases), "lower": (decreases, increases), "neither": (None, None)}[
        entry.better
    ]
    std = float(differences.std(ddof=1))
    neutral = [None if entry.neutral is None else int((values == entry.neutral).sum()) for values in (old, new)]
    return Measure(
        name=entry.name,
        label=entry.label,
        group=entry.group,
        unit=entry.unit,
        better=entry.better,
        definition=entry.definition,
        source=entry.source,
        n=len(differences),
        before=float(old.mean()),
        after=float(new.mean()),
        difference=float(differences.mean()),
        low=interval.low,
        high=interval.high,
        p_value=p,
        p_holm=p,
        level=settings.level,
        std=std,
        minimum_detectable_effect=minimum_detectable_effect(
            std, len(differences), settings, interval.design_effect or 1.0
        ),
        wins=wins,
        ties=ties,
        losses=losses,
        neutral_before=neutral[0],
        neutral_after=neutral[1],
        **of_clusters(interval),
    )


def of_clusters(interval: Interval) -> dict[str, Any]:
    """The fields of a Measure about clusters; empty for independent titles."""
    if interval.design_effect is None:
        return {}
    return {
        "design_effect": interval.design_effect,
        "titles_low": interval.titles_low,
        "titles_high": interval.titles_high,
    }


def compare_corpora(
    by_title: Measure, entry: Entry, texts: dict[str, list[str]], references: list[str], settings: Evaluation
) -> Measure:
    """The corpus-level statistics of a measure; wins and losses remain those of single titles."""
    arguments = (entry.name, texts, references, settings)
    return of_corpora(by_title, describe_corpora(*arguments), corpora_p_value(*arguments))


def describe_corpora(
    name: str,
    texts: dict[str, list[str]],
    references: list[str],
    settings: Evaluation,
    clusters: np.ndarray | None = None,
    method: str = "",
) -> dict[str, Any]:
    """Fields of a Measure: both corpus scores, their difference, and its bootstrap interval over titles or clusters."""
    paired = Paired.of(entry_named(name, settings).corpus_metric(), texts["before"], texts["after"], references)
    before, after = paired.scores()
    interval, std = corpora_interval(paired, settings, method), paired.std()
    if clusters is not None and not method.startswith(BCA):
        by_cluster = paired.by_cluster(clusters)
        effect = (by_cluster.std() ** 2 / len(by_cluster.before)) / (std**2 / len(references)) if std else 1.0
        clustered = corpora_interval(by_cluster, settings, method)
        interval = Interval(clustered.low, clustered.high, effect, interval.low, interval.high)
    return {
        "before": before,
        "after": after,
        "difference": after - before,
        "low": interval.low,
        "high": interval.high,
        "std": std,
        "minimum_detectable_effect": minimum_detectable_effect(
            std, len(references), settings, interval.design_effect or 1.0
        ),
        **of_clusters(interval),
    }


def corpora_interval(paired: Paired, settings: Evaluation, method: str) -> Interval:
    """BCa bootstrap interval of the difference of two corpus scores, over the titles or clusters of a Paired."""
    count = len(paired.before)
    if count < FEWEST and not method.startswith(BCA):
        return Interval(None, None)
    if (paired.before == paired.after).all():
        return Interval(0.0, 0.0)
    return Interval(*bootstrap(np.arange(count), paired.differences, settings, vectorized=True))


def corpora_p_value(
    name: str,
    texts: dict[str, list[str]],
    references: list[str],
    settings: Evaluation,
    clusters: np.ndarray | None = None,
) -> float:
    """p-value of the two corpora by sacrebleu's paired test; see `paired_p_value`."""
    metric = entry_named(name, settings).corpus_metric()
    return paired_p_value(metric, texts["before"], texts["after"], references, settings, clusters)


def of_corpora(by_title: Measure, described: dict[str, Any], p: float) -> Measure:
    """The measure with its per-title scores replaced by the corpus scores."""
    return msgspec.structs.replace(by_title, **described, p_value=p, p_holm=p)


def require_numbers(measures: Sequence[Measure]) -> None:
    """Raise UserError if a field of a measure is NaN or infinite, which JSON cannot express."""
    for measure in measures:
        for name, value in msgspec.structs.asdict(measure).items():
            if isinstance(value, float) and not isfinite(value):
                raise UserError(f"{measure.label}: {name} is {value}: expected a finite number; please report it")


def correct(measures: list[Measure], primary: str) -> list[Measure]:
    """The primary measure, then the others with p-values corrected for multiple comparisons (Holm).

    The primary measure is not corrected, because the recipe names it in advance (a single primary endpoint, ICH E9).
    Raises UserError if a number is not finite.
    """
    require_numbers(measures)
    first = [measure for measure in measures if measure.name == primary]
    others = [measure for measure in measures if measure.name != primary]
    corrected = holm([measure.p_value for measure in others])
    return first + [msgspec.structs.replace(measure, p_holm=p) for measure, p in zip(others, corrected, strict=True)]
