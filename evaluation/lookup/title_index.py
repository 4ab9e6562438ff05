"""BM25 index of the test split's titles: ranks a title among a hundred for a text (measure "specificity")."""

import random
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from bm25s import BM25

from evaluation.processes import run_all, workers
from titlecraft.search.scripts import query_words, search_words
from titlecraft.search.title_match import folded

NEAR, AT_RANDOM = 50, 49  # distractors of a title: nearest by BM25, and random ones


class TitleIndex:
    """BM25 index of the distinct titles, independent of their order.

    Args:
        titles: all titles of the split, including every title of the sample.
        seed: seed of the random distractors.
    """

    def __init__(self, titles: Sequence[str], seed: int) -> None:
        key = str(seed).encode()
        distinct = {folded(title): title for title in sorted(titles)}
        shuffled = sorted(distinct, key=lambda name: blake2b(name.encode(), digest_size=16, key=key).digest())
        self.index_of = {name: index for index, name in enumerate(shuffled)}
        self.titles = [distinct[name] for name in shuffled]
        self.seed = seed
        self.index = BM25(backend="numpy")
        corpus = search_words(self.titles)
        self.empty = not any(len(ids) for ids in corpus.ids)  # bm25s cannot index titles without words
        if not self.empty:
            self.index.index(corpus, show_progress=False)
        self.known_distractors: dict[int, np.ndarray] = {}
        self.known_ranks: dict[tuple[str, str], float] = {}

    def look_up(self, answers: Sequence[tuple[str, str]]) -> None:
        """Rank each distinct answer (title, text) in several processes. No-op if there are too few texts or cores."""
        if (processes := workers(len(answers))) == 1:
            return
        distinct = sorted(set(answers))  # by title: a title's distractors are found once
        size = -(-len(distinct) // processes)
        chunks = [distinct[start : start + size] for start in range(0, len(distinct), size)]
        ranks = [rank for chunk in run_all([(self.ranks, (chunk,)) for chunk in chunks], processes) for rank in chunk]
        self.known_ranks = dict(zip(distinct, ranks, strict=True))

    def ranks(self, answers: Sequence[tuple[str, str]]) -> list[float]:
        """The rank of each answer (title, text)."""
        return [self.rank(title, text) for title, text in answers]

    def scores(self, text: str) -> np.ndarray:
        """Return the BM25 score of every title, [titles], with a text as query; all 0 if the text has no words."""
        query = [] if self.empty else self.index.get_tokens_ids(query_words(text))
        if not query:
            return np.zeros(len(self.index_of), dtype=np.float32)
        return self.index.get_scores_from_ids(query)

    def distractors(self, title: str) -> np.ndarray:
        """Return the indices of a title's distractors: the nearest titles by BM25, then random ones."""
        own = self.index_of[folded(title)]
        if own not in self.known_distractors:
            order = np.argsort(-self.scores(title), kind="stable")
            order = order[order != own]
            rest = random.Random(f"{self.seed}\x1f{folded(title)}").sample(
                range(NEAR, len(order)), min(AT_RANDOM, max(0, len(order) - NEAR))
            )
            self.known_distractors[own] = np.concatenate([order[:NEAR], order[np.array(rest, dtype=np.int64)]])
        return self.known_distractors[own]

    def rank(self, title: str, text: str) -> float:
        """Return the BM25 rank of the title among its distractors, with the text as query; ties share their mean rank."""
        if (known := self.known_ranks.get((title, text))) is not None:
            return known
        scores = self.scores(text)
        return shared_rank(scores[self.index_of[folded(title)]], scores[self.distractors(title)])

    def own(self, title: str) -> str:
        """Return the title as indexed; case and white space are ignored."""
        return self.titles[self.index_of[folded(title)]]

    def distractor_titles(self, title: str) -> list[str]:
        """Return the distractors of a title."""
        return [self.titles[index] for index in self.distractors(title)]


def shared_rank(own: float, others: np.ndarray) -> float:
    """Return the rank of a score among others, 1 for the highest; equal scores share their mean rank."""
    return 1 + int((others > own).sum()) + int((others == own).sum()) / 2
