"""The titles of the test split under BM25: which of a hundred titles a text is about (measure "specificity")."""

import random
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from bm25s import BM25, tokenize

from titlecraft.search.title_match import folded
from titlecraft.search.word_index import query_words

NEAR, AT_RANDOM = 50, 49  # distractors of a title: the nearest by BM25, and others


class TitleIndex:
    """BM25 index of different titles; the order of the titles does not matter.

    Args:
        titles: all titles of the split, among them every title that is asked.
        seed: draws the distractors.
    """

    def __init__(self, titles: Sequence[str], seed: int) -> None:
        key = str(seed).encode()
        different = {folded(title): title for title in sorted(titles)}
        shuffled = sorted(different, key=lambda name: blake2b(name.encode(), digest_size=16, key=key).digest())
        self.index_of = {name: index for index, name in enumerate(shuffled)}
        self.titles = [different[name] for name in shuffled]
        self.seed = seed
        self.index = BM25(backend="numpy")
        corpus = tokenize(self.titles, stopwords="en", return_ids=False, show_progress=False)
        self.empty = not any(corpus)  # bm25s cannot index titles of which none has a word
        if not self.empty:
            self.index.index(corpus, show_progress=False)
        self.others: dict[int, np.ndarray] = {}

    def scores(self, text: str) -> np.ndarray:
        """BM25 of every title, [titles], for the words of a text; all 0 where it has none."""
        query = [] if self.empty else self.index.get_tokens_ids(query_words(text))
        if not query:
            return np.zeros(len(self.index_of), dtype=np.float32)
        return self.index.get_scores_from_ids(query)

    def distractors(self, title: str) -> np.ndarray:
        """Indices of a title's distractors: the nearest titles by BM25, then some drawn from the rest by the seed."""
        own = self.index_of[folded(title)]
        if own not in self.others:
            order = np.argsort(-self.scores(title), kind="stable")
            order = order[order != own]
            rest = random.Random(f"{self.seed}\x1f{folded(title)}").sample(
                range(NEAR, len(order)), min(AT_RANDOM, max(0, len(order) - NEAR))
            )
            self.others[own] = np.concatenate([order[:NEAR], order[np.array(rest, dtype=np.int64)]])
        return self.others[own]

    def rank(self, title: str, text: str) -> float:
        """Rank of the title among itself and its distractors by BM25 with the text as query; equal scores share their mean rank."""
        scores = self.scores(text)
        return shared_rank(scores[self.index_of[folded(title)]], scores[self.distractors(title)])

    def own(self, title: str) -> str:
        """The title as indexed; case and white space are ignored."""
        return self.titles[self.index_of[folded(title)]]

    def beside(self, title: str) -> list[str]:
        """The distractors of a title."""
        return [self.titles[index] for index in self.distractors(title)]


def shared_rank(own: float, others: np.ndarray) -> float:
    """Rank of a score among others, 1 for the highest; equal scores share their mean rank."""
    return 1 + int((others > own).sum()) + int((others == own).sum()) / 2
