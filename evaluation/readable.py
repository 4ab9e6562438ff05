"""Restricts the values of an experiment to texts whose script the measure can read.

Other values become None, and a measure that reads too few titles is "not measured", so that no mean has meaningless values.
"""

from collections.abc import Sequence
from dataclasses import replace

from evaluation.measures import Entry, entry_named, sampled_measures
from evaluation.measures.coverage import NEEDS, ScriptCoverage
from evaluation.measures.scripts import ALL_NEEDS
from evaluation.outcome import Outcome
from evaluation.titles.draw import FEWEST
from titlecraft.errors import UserError
from titlecraft.records import NotMeasured, sampled_arm
from titlecraft.settings import Evaluation

SMALLEST_SHARE = 0.2  # of the titles; a smaller share does not represent the catalogue
ANY_SCRIPT = "nll_per_token, bits_per_byte or chrf"  # measures that read every script, named in errors


def readable_only(
    outcomes: dict[str, list[Outcome]], titles: Sequence[str], references: Sequence[str]
) -> dict[str, list[Outcome]]:
    """Return the outcomes with None for each value of a text that its measure cannot read.

    ScriptCoverage.unmet_needs defines which texts a measure has to read; of several sampled answers, it is all of them.

    Args:
        outcomes: arm -> outcomes in the order of `titles` and `references`.
    """
    coverage = ScriptCoverage(references)

    def readable_values(outcome: Outcome, title: str, reference: str) -> Outcome:
        values = {
            name: None if name in NEEDS and coverage.unmet_needs(name, title, reference, *outcome.texts) else value
            for name, value in outcome.values.items()
        }
        return replace(outcome, values=values)

    return {
        arm: [readable_values(*triple) for triple in zip(arm_outcomes, titles, references, strict=True)]
        for arm, arm_outcomes in outcomes.items()
    }


def read_pairs(name: str, before: Sequence[Outcome], after: Sequence[Outcome]) -> list[int]:
    """Return the indices of the titles for which a measure has a value in both arms."""
    pairs = enumerate(zip(before, after, strict=True))
    return [index for index, pair in pairs if all(outcome.values[name] is not None for outcome in pair)]


def enough(read: int, titles: int) -> bool:
    """Return whether this many titles are enough for a mean: all of them, or at least FEWEST and a fifth."""
    return read == titles or read >= max(FEWEST, SMALLEST_SHARE * titles)


def not_measured(
    outcomes: dict[str, list[Outcome]],
    titles: Sequence[str],
    references: Sequence[str],
    settings: Evaluation,
    entries: Sequence[Entry],
) -> list[NotMeasured]:
    """Return the measures that read too few titles, greedy answers first.

    A measure that is left out for greedy answers is not repeated for sampled answers.

    Args:
        outcomes: the result of `readable_only`.
    """
    coverage = ScriptCoverage(references)
    arms = [("before", "after", list(entries), "")]
    if sampled_arm("before") in outcomes:
        arms.append(
            (sampled_arm("before"), sampled_arm("after"), list(sampled_measures(settings)), ", sampled answers")
        )
    left_out: dict[str, NotMeasured] = {}
    for before, after, measured, suffix in arms:
        for entry in measured:
            read = read_pairs(entry.name, outcomes[before], outcomes[after])
            if entry.name in left_out or enough(len(read), len(titles)):
                continue
            texts = zip(titles, references, outcomes[before], outcomes[after], strict=True)
            lacking = {
                need
                for title, reference, *pair in texts
                for need in coverage.unmet_needs(
                    entry.name, title, reference, *(text for outcome in pair for text in outcome.texts)
                )
            }
            left_out[entry.name] = NotMeasured(
                name=entry.name,
                label=entry.label + suffix,
                read=len(read),
                n=len(titles),
                lacking=[name for name in ALL_NEEDS if name in lacking],
            )
    return list(left_out.values())


def require_primary(settings: Evaluation, titles: Sequence[str], references: Sequence[str]) -> None:
    """Raise UserError, before any model runs, if the primary measure cannot read enough titles."""
    coverage = ScriptCoverage(references)
    lacking = [coverage.unmet_needs(settings.primary, *pair) for pair in zip(titles, references, strict=True)]
    read = sum(not names for names in lacking)
    if not enough(read, len(titles)):
        needs = {name for names in lacking for name in names}
        reason = " or ".join(need.lacking for name, need in ALL_NEEDS.items() if name in needs)
        raise UserError(
            f"evaluation.primary is {settings.primary!r}: {entry_named(settings.primary, settings).label} means nothing on texts "
            f"{reason}, and reads {read} of {len(titles)} titles; take one that reads every script: {ANY_SCRIPT}"
        )
