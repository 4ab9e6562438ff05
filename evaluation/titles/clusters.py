"""Clusters of similar titles: descriptions that share many word 5-grams, and products of one series or brand.

Answers to similar titles have similar errors, so they are fewer independent observations than titles. The dataset builder keeps
near-duplicates (Jaccard 0.8) in one split; looser similarity already makes errors larger, so clusters begin earlier. They are
connected components: of more titles than half, or of fewer clusters than an interval needs, nothing could be said, so a way of
clustering that leaves these is left out and named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import UNSET, UnsetType
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from titlecraft.records import Clusters
from titlecraft.search.word_ngrams import shingles

N, SIMILARITY = 5, 0.3
MOST_TEXTS = 500  # an n-gram of more texts is boilerplate and says nothing about similarity
FEWEST_CLUSTERS, LARGEST_SHARE = 30, 0.5
SERIES = ("series", "brand", "author", "artist", "manufacturer", "collection", "franchise")
"""Names of dataset columns whose equal values make one cluster."""


@dataclass(frozen=True)
class Clustering:
    """The cluster of each title, numbered in the order of the titles, and what the clusters are made of.

    Args:
        ids: integers [titles].
        columns: the columns whose equal values count.
        left_out: ways that would leave too few clusters: "descriptions", or the name of a column.
    """

    ids: list[int]
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
    edges, used, left_out = np.empty((0, 2), dtype=np.int64), [], []
    for name, pairs in [("descriptions", similar_pairs(references))] + [
        (name, equal_pairs(values)) for name, values in columns.items()
    ]:
        tried = np.concatenate([edges, pairs])
        sizes = np.bincount(components(tried, count)) if count else np.ones(0)
        if len(sizes) < min(FEWEST_CLUSTERS, count) or (count and sizes.max() > max(1, LARGEST_SHARE * count)):
            left_out.append(name)
            continue
        edges = tried
        used += [name] if name in columns and len(pairs) else []
    return Clustering(components(edges, count).tolist() if count else [], used, left_out)


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
        similarity=SIMILARITY,
        columns=clustering.columns,
        left_out=clustering.left_out,
    )


def components(edges: np.ndarray, count: int) -> np.ndarray:
    """The connected component of each of `count` titles, numbered in the order of the titles; `edges`: integers [edges, 2]."""
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def similar_pairs(texts: Sequence[str]) -> np.ndarray:
    """Pairs of texts whose sets of word 5-grams have a Jaccard similarity of at least SIMILARITY, integers [pairs, 2]."""
    if len(texts) < 2:
        return np.empty((0, 2), dtype=np.int64)
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
    similar = shared.data >= SIMILARITY * (sizes[shared.row] + sizes[shared.col] - shared.data)
    similar &= shared.row < shared.col
    return np.stack([shared.row[similar], shared.col[similar]], axis=1).astype(np.int64)


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
