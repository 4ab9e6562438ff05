"""The texts of a sample that each measure can read, from the needs that the measures name."""

from collections.abc import Sequence

from evaluation.measures import ALL_ENTRIES
from evaluation.measures.scripts import ALL_NEEDS, MOSTLY_LATIN, Need, counted, has

NEEDS: dict[str, tuple[Need, ...]] = {entry.name: entry.needs for entry in ALL_ENTRIES if entry.needs}
"""Measure -> its needs; a measure without any reads every script."""
SHARES_WORDS = frozenset(entry.name for entry in ALL_ENTRIES if entry.shares_words)
READS_TITLE = frozenset(entry.name for entry in ALL_ENTRIES if entry.reads_title)


class ScriptCoverage:
    """Which texts of one sample the measures can read.

    Args:
        references: those of all titles of the sample.
    """

    def __init__(self, references: Sequence[str]) -> None:
        self.waived: set[str] = set()
        for need in ALL_NEEDS.values():
            if need.waived:
                lacking, whole = map(sum, zip(*(counted(need, text) for text in references), strict=True))
                if lacking <= need.waived * whole:
                    self.waived.add(need.name)

    def lacking(self, measure: str, title: str, reference: str, *answers: str) -> list[str]:
        """Names of the measure's needs that one of the texts does not meet; empty where the measure reads all of them.

        An answer in another script than its title and reference shares no word with them: measures with `shares_words` give
        it a true 0. Other measures read the answer where it is mostly in Latin letters: a stray sign in a weak model's
        answer excludes no title, because each arm would choose its own titles then.
        """
        needs = [need for need in NEEDS.get(measure, ()) if need.name not in self.waived]
        judged = [] if measure in SHARES_WORDS else [text for text in answers if not has(MOSTLY_LATIN, text)]
        read = [reference, *judged, *([title] if measure in READS_TITLE else [])]
        return [need.name for need in needs if not all(has(need, text) for text in read)]
