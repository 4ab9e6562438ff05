"""What measures read besides title, answer and reference: titles of the test split, texts of the training split, encoders."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evaluation.lookup.copies import Copies
from evaluation.lookup.encoders import BertRecall, EmbeddedTitles, load_encoder
from evaluation.lookup.overlaps import Overlaps
from evaluation.lookup.title_index import TitleIndex
from evaluation.measures import Entry, Written
from evaluation.progress import Progress
from evaluation.titles.draw import Sample
from titlecraft.hub.pins import pin
from titlecraft.settings import BM25, Evaluation


@dataclass(frozen=True)
class Lookup:
    """Indexes over one downloaded dataset, and the recipe's encoders. Implements evaluation.measures.Known."""

    titles: TitleIndex
    copies: Copies
    overlaps: Overlaps
    embedded: EmbeddedTitles | None
    recall: BertRecall | None

    @classmethod
    def over(cls, dataset: Path, sample: Sample, settings: Evaluation) -> "Lookup":
        """A Lookup over a dataset. It indexes the titles of the sample's split; the training split is read after generation.

        Each encoder is loaded once here, so that a broken one fails before any answer is generated. Raises UserError.
        """
        files = sorted((dataset / "data").glob("train-*.parquet"))
        titles = TitleIndex(sample.split_titles, settings.seed)
        embedded = None if settings.retriever == BM25 else EmbeddedTitles(pin(settings.retriever, "model"), titles)
        recall = None if settings.bertscore is None else BertRecall(pin(settings.bertscore, "model"))
        for setting, encoder in (("retriever", embedded), ("bertscore", recall)):
            if encoder is not None:
                load_encoder(encoder.pinned, setting)
        return cls(titles, Copies(files), Overlaps(), embedded, recall)

    @contextmanager
    def looking_up(self, answers: Sequence[tuple[str, str, str]], progress: Progress) -> Iterator[None]:
        """Look up every answer (title, text, reference) on the CPU, in threads that run during the block.

        The part "looking up" is the time that remains after the block.
        """
        with ThreadPoolExecutor(3) as pool:
            futures = [
                pool.submit(self.copies.look_up, [text for _, text, _ in answers]),
                pool.submit(self.overlaps.look_up, answers),
                pool.submit(self.titles.look_up, [(title, text) for title, text, _ in answers]),
            ]
            yield
            with progress.part("looking up"):
                for future in futures:
                    future.result()

    def encode(self, answers: Sequence[tuple[str, str, str]], progress: Progress) -> None:
        """Encode every answer (title, text, reference) with the recipe's encoders."""
        if self.embedded is not None:
            with progress.part("embedding"):
                self.embedded.look_up([(title, text) for title, text, _ in answers])
        if self.recall is not None:
            with progress.part("BERTScore"):
                self.recall.look_up([(text, reference) for _, text, reference in answers])

    def rank(self, title: str, text: str) -> float:
        """Rank of the title among its distractors by BM25, given the text."""
        return self.titles.rank(title, text)

    def embedded_rank(self, title: str, text: str) -> float:
        """Rank of the title among its distractors by the recipe's encoder, given the text."""
        assert self.embedded is not None
        return self.embedded.rank(title, text)

    def copied_words(self, text: str) -> tuple[int, int]:
        """Number of words of the text's longest passage that occurs in the training split, and of the text."""
        return self.copies.copied_words(text)

    def overlap(self, name: str, text: str, reference: str) -> float:
        """The overlap score of this name; see evaluation.measures.overlap."""
        return self.overlaps.score(name, text, reference)

    def value(self, entry: Entry, answer: Written) -> float:
        """The value of a measure that reads title, text and reference alone."""
        return self.overlaps.value(entry, answer)

    def bert_recall(self, text: str, reference: str) -> float:
        """BERTScore recall of the reference by the text, with the recipe's encoder."""
        assert self.recall is not None
        return self.recall.recall(text, reference)
