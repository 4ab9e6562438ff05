"""What the measures may look up besides title, answer and reference: the test split's titles, the training split's texts."""

from dataclasses import dataclass
from pathlib import Path

from evaluation.copies import Copies
from evaluation.title_index import TitleIndex
from evaluation.titles import Sample


@dataclass(frozen=True)
class Lookup:
    """Both indexes over one downloaded dataset; see evaluation.measures.Known."""

    titles: TitleIndex
    copies: Copies

    @classmethod
    def over(cls, dataset: Path, sample: Sample, seed: int) -> "Lookup":
        """Index the titles of the split that the sample was drawn from; the training split is read later."""
        files = sorted((dataset / "data").glob("train-*.parquet"))
        return cls(titles=TitleIndex(sample.split_titles, seed), copies=Copies(files))

    def rank(self, title: str, text: str) -> float:
        """Rank of the title among its distractors, given the text."""
        return self.titles.rank(title, text)

    def copied_words(self, text: str) -> tuple[int, int]:
        """Words of the text's longest run from the training split, and all its words."""
        return self.copies.copied_words(text)
