"""Values of an experiment, restricted to texts whose script the measure can read.

Other values become None, and a measure that reads too few titles is "not measured": no mean includes a meaningless number.
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

SMALLEST_SHARE = 0.2  # of the titles: what a measure reads of fewer says little about the catalogue
ANY_SCRIPT = "nll_per_token, bits_per_byte or chrf"  # measures that read every script, to be named in errors


def readable_only(
    found: dict[str, list[Outcome]], titles: Sequence[str], references: Sequence[str]
) -> dict[str, list[Outcome]]:
    """The outcomes with None for each value of a text that its measure cannot read.

    See ScriptCoverage.lacking for which texts a measure has to read; of several sampled answers, it is all of them. `found`: arm -> outcomes in
    the order of `titles` and `references`.
    """
    coverage = ScriptCoverage(references)

    def of_one(outcome: Outcome, title: str, reference: str) -> Outcome:
        values = {
            name: None if name in NEEDS and coverage.lacking(name, title, reference, *outcome.texts) else value
            for name, value in outcome.values.items()
        }
        return replace(outcome, values=values)

    return {
        arm: [of_one(*three) for three in zip(outcomes, titles, references, strict=True)]
        for arm, outcomes in found.items()
    }


def read_pairs(name: str, before: Sequence[Outcome], after: Sequence[Outcome]) -> list[int]:
    """Indices of the titles for which a measure has a value in both arms."""
    pairs = enumerate(zip(before, after, strict=True))
    return [index for index, pair in pairs if all(outcome.values[name] is not None for outcome in pair)]


def enough(read: int, titles: int) -> bool:
    """Whether this many titles are enough for a mean: all of them, or at least FEWEST and a fifth."""
    return read == titles or read >= max(FEWEST, SMALLEST_SHARE * titles)


def not_measured(
    found: dict[str, list[Outcome]],
    titles: Sequence[str],
    references: Sequence[str],
    settings: Evaluation,
    entries: Sequence[Entry],
) -> list[NotMeasured]:
    """The measures that read too few titles, greedy answers first, with the number of titles they read and what the others lack.

    `found` as `readable_only` gives it. A measure that is left out for greedy answers is not repeated for sampled answers.
    """
    coverage = ScriptCoverage(references)
    arms = [("before", "after", list(entries), "")]
    if sampled_arm("before") in found:
        arms.append(
            (sampled_arm("before"), sampled_arm("after"), list(sampled_measures(settings)), ", sampled answers")
        )
    left_out: dict[str, NotMeasured] = {}
    for before, after, measured, behind in arms:
        for entry in measured:
            read = read_pairs(entry.name, found[before], found[after])
            if entry.name in left_out or enough(len(read), len(titles)):
                continue
            texts = zip(titles, references, found[before], found[after], strict=True)
            lacking = {
                need
                for title, reference, *outcomes in texts
                for need in coverage.lacking(
                    entry.name, title, reference, *(text for one in outcomes for text in one.texts)
                )
            }
            left_out[entry.name] = NotMeasured(
                name=entry.name,
                label=entry.label + behind,
                read=len(read),
                n=len(titles),
                lacking=[name for name in ALL_NEEDS if name in lacking],
            )
    return list(left_out.values())


def require_primary(settings: Evaluation, titles: Sequence[str], references: Sequence[str]) -> None:
    """Raises UserError, before any model runs, where the primary measure cannot read enough of the catalogue."""
    coverage = ScriptCoverage(references)
    lacking = [coverage.lacking(settings.primary, *pair) for pair in zip(titles, references, strict=True)]
    read = sum(not needs for needs in lacking)
    if not enough(read, len(titles)):
        found = {name for names in lacking for name in names}
        why = " or ".join(need.lacking for name, need in ALL_NEEDS.items() if name in found)
        raise UserError(
            f"evaluation.primary is {settings.primary!r}: {entry_named(settings.primary, settings).label} means nothing on texts "
            f"{why}, and reads {read} of {len(titles)} titles; take one that reads every script: {ANY_SCRIPT}"
        )
