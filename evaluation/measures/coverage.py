"""Decides which texts of a sample a measure can read, by the needs that the measure names."""

from collections.abc import Sequence

from evaluation.measures import ALL_ENTRIES
from evaluation.measures.scripts import ALL_NEEDS, MOSTLY_LATIN, Need, meets, need_counts

NEEDS: dict[str, tuple[Need, ...]] = {entry.name: entry.needs for entry in ALL_ENTRIES if entry.needs}
"""Measure -> its needs; a measure without needs reads every script."""
SHARES_WORDS = frozenset(entry.name for entry in ALL_ENTRIES if entry.shares_words)
READS_TITLE = frozenset(entry.name for entry in ALL_ENTRIES if entry.reads_title)


class ScriptCoverage:
    """The texts of one sample that each measure can read.

    Args:
        references: the references of all titles of the sample.
    """

    def __init__(self, references: Sequence[str]) -> None:
        self.waived: set[str] = set()
        for need in ALL_NEEDS.values():
            if need.waived:
                unmet, total = map(sum, zip(*(need_counts(need, text) for text in references), strict=True))
                if unmet <= need.waived * total:
                    self.waived.add(need.name)

    def unmet_needs(self, measure: str, title: str, reference: str, *answers: str) -> list[str]:
        """Names of the measure's needs that one of the texts does not meet; empty if the measure reads all of the texts.

        An answer in another script than its title and reference shares no word with them: measures with `shares_words` give
        it a true 0. Other measures read an answer that is mostly in Latin letters: a stray character in a weak model's
        answer must not exclude a title, because each arm would then choose its own titles.
        """
        needs = [need for need in NEEDS.get(measure, ()) if need.name not in self.waived]
        answers_to_read = [] if measure in SHARES_WORDS else [text for text in answers if not meets(MOSTLY_LATIN, text)]
        texts = [reference, *answers_to_read, *([title] if measure in READS_TITLE else [])]
        return [need.name for need in needs if not all(meets(need, text) for text in texts)]
