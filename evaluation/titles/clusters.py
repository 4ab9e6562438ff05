"""Clusters of similar titles: descriptions that share many word 5-grams, and products of one series or brand.

Answers to similar titles have similar errors, so they are fewer independent observations than titles. The dataset builder keeps
near-duplicates (Jaccard 0.8) in one split; looser similarity already makes errors larger, so clusters begin earlier. They are
connected components. Few large clusters say too little for an interval (benchmarks/coverage.py), so a similarity or column that would
leave these is left out and named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import UNSET, UnsetType

from titlecraft.records import Clusters
from titlecraft.search.word_ngrams import shingles

N, SIMILARITIES = 5, (0.3, 0.4, 0.5, 0.8)  # the loosest that leaves enough clusters counts
MOST_TEXTS = 500  # an n-gram of more texts is boilerplate and says nothing about similarity
FEWEST_CLUSTERS, ENOUGH_CLUSTERS = 30, 60  # effective ones; of fewer than 120 titles, half as many as titles are enough
SERIES = ("series", "brand", "author", "artist", "manufacturer", "collection", "franchise")
"""Names of dataset columns whose equal values make one cluster."""


@dataclass(frozen=True)
class Clustering:
    """The cluster of each title, numbered in the order of the titles, and what the clusters are made of.

    Args:
        ids: integers [titles].
        similarity: the similarity of descriptions in one cluster; 1 where only equal columns count.
        columns: the columns whose equal values count.
        left_out: ways that would leave too few clusters: "similarity 0.3", or the name of a column.
    """

    ids: list[int]
    similarity: float
    columns: list[str]
    left_out: list[str]

    @property
    def count(self) -> int:
        """The number of clusters."""
        return len(set(self.ids))

    @property
    def largest(self) -> int:
        """The number of titles of the largest cluster."""
        return int(np.bincount(self.ids).max()) if self.ids else 0


def cluster(references: Sequence[str], columns: Mapping[str, Sequence[str | None]]) -> Clustering:
    """The clusters of titles, from their references and from columns of the dataset (name -> value of each title)."""
    count = len(references)
    edges, similarity, used, left_out = np.empty((0, 2), dtype=np.int64), 1.0, [], []
    similar, jaccard = similar_pairs(references)
    for lowest in SIMILARITIES:
        if enough_clusters(tried := similar[jaccard >= lowest], count):
            edges, similarity = tried, lowest
            break
        left_out.append(f"similarity {lowest}")
    for name, values in columns.items():
        tried = np.concatenate([edges, pairs := equal_pairs(values)])
        if not enough_clusters(tried, count):
            left_out.append(name)
        elif len(pairs):
            edges = tried
            used.append(name)
    return Clustering(components(edges, count).tolist() if count else [], similarity, used, left_out)


def enough_clusters(edges: np.ndarray, count: int) -> bool:
    """Whether the connected components of `count` titles say enough for an interval: by their effective number (Kish 1965)."""
    if not len(edges):
        return True
    sizes = np.bincount(components(edges, count))
    return sizes.sum() ** 2 / (sizes**2).sum() >= min(ENOUGH_CLUSTERS, max(FEWEST_CLUSTERS, count / 2))


def clusters_of(clustering: Clustering | None) -> list[int] | None:
    """The cluster of each title; None if each title is a cluster of its own."""
    return clustering.ids if clustering and clustering.count < len(clustering.ids) else None


def describe_clusters(clustering: Clustering | None) -> Clusters | UnsetType:
    """The clusters as the record describes them; unset if each title is a cluster of its own."""
    if clustering is None or clusters_of(clustering) is None:
        return UNSET
    return Clusters(
        count=clustering.count,
        largest=clustering.largest,
        similarity=clustering.similarity,
        columns=clustering.columns,
        left_out=clustering.left_out,
    )


def components(edges: np.ndarray, count: int) -> np.ndarray:
    """The connected component of each of `count` titles, numbered in the order of the titles; `edges`: integers [edges, 2]."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def similar_pairs(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of texts whose sets of word 5-grams have a Jaccard similarity of at least SIMILARITIES[0], and the similarities.

    Returns integers [pairs, 2] and floats [pairs].
    """
    from scipy.sparse import csr_array  # a second of imports, which a report that exists does not need

    if len(texts) < 2:
        return np.empty((0, 2), dtype=np.int64), np.empty(0)
    hashes, borders = shingles(list(texts), N)
    rows = np.repeat(np.arange(len(texts)), np.diff(borders.astype(np.int64)))
    _, ngrams = np.unique(hashes, return_inverse=True)
    pairs = np.unique(np.stack([rows, ngrams], axis=1), axis=0)
    sizes = np.bincount(pairs[:, 0], minlength=len(texts))
    occurrences = np.bincount(pairs[:, 1])
    pairs = pairs[occurrences[pairs[:, 1]] <= MOST_TEXTS]
    contains = csr_array(
        (np.ones(len(pairs), dtype=np.int32), (pairs[:, 0], pairs[:, 1])), shape=(len(texts), len(occurrences))
    )
    shared = (contains @ contains.T).tocoo()
    jaccard = shared.data / (sizes[shared.row] + sizes[shared.col] - shared.data)
    similar = (jaccard >= SIMILARITIES[0]) & (shared.row < shared.col)
    return np.stack([shared.row[similar], shared.col[similar]], axis=1).astype(np.int64), jaccard[similar]


def equal_pairs(values: Sequence[str | None]) -> np.ndarray:
    """Pairs of neighbouring titles with the same value, which connect all titles of that value; empty values do not count."""
    last: dict[str, int] = {}
    pairs = []
    for index, value in enumerate(values):
        key = str(value or "").strip().casefold()
        if key and key in last:
            pairs.append((last[key], index))
        last[key] = index
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
