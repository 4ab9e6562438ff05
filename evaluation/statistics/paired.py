"""One measure before and after, paired by title: means, interval, p-value, wins; and the correction for several measures."""

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
    """One measure over n titles, `before[i]` and `after[i]` of the same title. Wins are titles that got better.

    Its p-value is not corrected yet: see `correct`.
    """
    return compare_each([(entry.name, before, after)], settings, [entry])[0]


def compare_each(
    asked: Sequence[tuple[str, list[float], list[float]]], settings: Evaluation, entries: Sequence[Entry] = ()
) -> list[Measure]:
    """The same for several measures over the same titles, by their names in the recipe or as `entries`."""
    entries = entries or [entry_named(name, settings) for name, _, _ in asked]
    found = [tuple(np.asarray(values, dtype=np.float64) for values in (old, new)) for _, old, new in asked]
    for (name, _, _), arms in zip(asked, found, strict=True):
        require_finite(name, arms)
    p_of_each = p_values(np.stack([new - old for old, new in found]), settings)
    return [
        describe(entry, old, new, p, settings) for entry, (old, new), p in zip(entries, found, p_of_each, strict=True)
    ]


def require_finite(name: str, arms: Sequence[np.ndarray]) -> None:
    """Raises UserError where a value of either arm is no finite number: means and comparisons pass over it without a word."""
    for arm, values in zip(("before", "after"), arms, strict=True):
        if not np.isfinite(values).all():
            title = int(np.flatnonzero(~np.isfinite(values))[0])
            raise UserError(
                f"{name} of title {title} is {values[title]} {arm} fine-tuning: expected a finite number; the weights of the "
                f"{'base' if arm == 'before' else 'adapter'} are broken, or too large for the precision"
            )


def describe(entry: Entry, old: np.ndarray, new: np.ndarray, p: float, settings: Evaluation) -> Measure:
    """One measure as the record has it, from its values before [n] and after [n], and its p-value."""
    differences = new - old
    low, high = interval(differences, settings)
    up, down, ties = int((differences > 0).sum()), int((differences < 0).sum()), int((differences == 0).sum())
    wins, losses = {"higher": (up, down), "lower": (down, up), "neither": (None, None)}[entry.better]
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
    """The same for a measure over all titles as one text; who won how often stays that of the single titles."""
    asked = (entry.name, texts, references, settings)
    return of_corpora(by_title, describe_corpora(*asked), corpora_p_value(*asked))


def describe_corpora(
    name: str, texts: dict[str, list[str]], references: list[str], settings: Evaluation
) -> dict[str, float]:
    """The two corpus scores and their difference, with its interval over resamples of titles, as fields of a Measure."""
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
    """sacrebleu's p-value of the two corpora."""
    metric = entry_named(name, settings).corpus_metric()
    return paired_p_value(metric, texts["before"], texts["after"], references, settings)


def of_corpora(by_title: Measure, described: dict[str, float], p: float) -> Measure:
    """The measure of single titles, with the scores of all titles as one text in its place."""
    return msgspec.structs.replace(by_title, **described, p_value=p, p_holm=p)


def require_numbers(measures: Sequence[Measure]) -> None:
    """Raises UserError where a measure is about to show NaN or an infinity: JSON has no such numbers."""
    for measure in measures:
        for name, value in msgspec.structs.asdict(measure).items():
            if isinstance(value, float) and not isfinite(value):
                raise UserError(f"{measure.label}: {name} is {value}: expected a finite number; please report it")


def correct(measures: list[Measure], primary: str) -> list[Measure]:
    """The primary measure first, then the others with p-values corrected for being several.

    The primary one was named before anything was looked at and stands alone: what else is measured changes nothing about
    its answer (a single primary endpoint, ICH E9). Raises UserError where a number is not finite.
    """
    require_numbers(measures)
    first = [measure for measure in measures if measure.name == primary]
    others = [measure for measure in measures if measure.name != primary]
    corrected = holm([measure.p_value for measure in others])
    return first + [msgspec.structs.replace(one, p_holm=p) for one, p in zip(others, corrected, strict=True)]
