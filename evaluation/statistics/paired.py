"""Paired statistics of a measure: means, interval, p-value and wins; and the correction for several measures."""

from collections.abc import Sequence
from math import isfinite

import msgspec
import numpy as np

from evaluation.measures import Entry, entry_named
from evaluation.statistics.corpus import Paired, paired_p_value
from evaluation.statistics.significance import bootstrap, holm, interval, minimum_detectable_effect, p_values
from titlecraft.errors import UserError
from titlecraft.records import Measure
from titlecraft.settings import Evaluation


def compare(entry: Entry, before: list[float], after: list[float], settings: Evaluation) -> Measure:
    """The paired statistics of one measure; `before[i]` and `after[i]` belong to one title. Wins are titles that got better.

    The p-value is not corrected: see `correct`.
    """
    return compare_each([(entry.name, before, after)], settings, [entry])[0]


def compare_each(
    columns: Sequence[tuple[str, list[float], list[float]]], settings: Evaluation, entries: Sequence[Entry] = ()
) -> list[Measure]:
    """`compare` for several measures over the same titles.

    Args:
        columns: name, values before and values after of each measure.
        entries: the measures; by default the recipe's measures of these names.
    """
    entries = entries or [entry_named(name, settings) for name, _, _ in columns]
    arms_of_each = [tuple(np.asarray(values, dtype=np.float64) for values in (old, new)) for _, old, new in columns]
    for (name, _, _), arms in zip(columns, arms_of_each, strict=True):
        require_finite(name, arms)
    p_of_each = p_values(np.stack([new - old for old, new in arms_of_each]), settings)
    return [
        describe(entry, old, new, p, settings)
        for entry, (old, new), p in zip(entries, arms_of_each, p_of_each, strict=True)
    ]


def require_finite(name: str, arms: Sequence[np.ndarray]) -> None:
    """Raise UserError if a value of either arm is not finite: means and comparisons would hide it."""
    for arm, values in zip(("before", "after"), arms, strict=True):
        if not np.isfinite(values).all():
            title = int(np.flatnonzero(~np.isfinite(values))[0])
            raise UserError(
                f"{name} of title {title} is {values[title]} {arm} fine-tuning: expected a finite number; the weights of the "
                f"{'base' if arm == 'before' else 'adapter'} are broken, or too large for the precision"
            )


def describe(entry: Entry, old: np.ndarray, new: np.ndarray, p: float, settings: Evaluation) -> Measure:
    """The record of one measure, from its values before [n] and after [n], and its p-value."""
    differences = new - old
    low, high = interval(differences, settings)
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
        low=low,
        high=high,
        p_value=p,
        p_holm=p,
        level=settings.level,
        std=std,
        minimum_detectable_effect=minimum_detectable_effect(std, len(differences), settings),
        wins=wins,
        ties=ties,
        losses=losses,
        neutral_before=neutral[0],
        neutral_after=neutral[1],
    )


def compare_corpora(
    by_title: Measure, entry: Entry, texts: dict[str, list[str]], references: list[str], settings: Evaluation
) -> Measure:
    """The corpus-level statistics of a measure; wins and losses remain those of single titles."""
    arguments = (entry.name, texts, references, settings)
    return of_corpora(by_title, describe_corpora(*arguments), corpora_p_value(*arguments))


def describe_corpora(
    name: str, texts: dict[str, list[str]], references: list[str], settings: Evaluation
) -> dict[str, float]:
    """Both corpus scores, and their difference with a bootstrap interval over titles, as fields of a Measure."""
    paired = Paired.of(entry_named(name, settings).corpus_metric(), texts["before"], texts["after"], references)
    (before, after), std, low, high = paired.scores(), paired.std(), 0.0, 0.0
    if not (paired.before == paired.after).all():
        low, high = bootstrap(np.arange(len(references)), paired.differences, settings, vectorized=True)
    effect = minimum_detectable_effect(std, len(references), settings)
    return {
        "before": before,
        "after": after,
        "difference": after - before,
        "low": low,
        "high": high,
        "std": std,
        "minimum_detectable_effect": effect,
    }


def corpora_p_value(name: str, texts: dict[str, list[str]], references: list[str], settings: Evaluation) -> float:
    """p-value of the two corpora by sacrebleu's paired test; see `paired_p_value`."""
    metric = entry_named(name, settings).corpus_metric()
    return paired_p_value(metric, texts["before"], texts["after"], references, settings)


def of_corpora(by_title: Measure, described: dict[str, float], p: float) -> Measure:
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
