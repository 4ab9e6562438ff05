"""Groups of rows that must be in one split, and the keyed hash that assigns a group to a split.

Groups are connected components (scipy). The hash depends on the group, a seed and a purpose alone, so a split is independent of
the order of the rows.
"""

import numpy as np
import xxhash

from titlecraft.search.word_ngrams import mix

NO_PAIRS = np.empty((0, 2), dtype=np.int64)


def group_rows(titles: np.ndarray, contents: np.ndarray, pairs: np.ndarray = NO_PAIRS) -> np.ndarray:
    """Return the 64-bit key of each row's group.

    The key of a group is its smallest title key, which does not depend on the order of the rows.

    Args:
        titles, contents: keys, uint64 of shape (rows,).
        pairs: pairs of rows that belong to one group, integers of shape (pairs, 2).
    """
    from scipy.sparse import coo_array  # a fifth of a second, which the workers of a build do not need
    from scipy.sparse.csgraph import connected_components

    _, title_ids = np.unique(titles, return_inverse=True)
    _, content_ids = np.unique(contents, return_inverse=True)
    title_count = title_ids.max(initial=-1) + 1
    nodes = title_count + content_ids.max(initial=-1) + 1
    ones = np.concatenate([title_ids, title_ids[pairs[:, 0]]])
    others = np.concatenate([title_count + content_ids, title_ids[pairs[:, 1]]])
    edges = coo_array((np.ones(len(ones), dtype=np.int8), (ones, others)), shape=(nodes, nodes))
    _, labels = connected_components(edges, directed=False)
    component = labels[title_ids]
    smallest = np.full(labels.max(initial=-1) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, component, titles)
    return smallest[component]


def uniform_hash(groups: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """Return uniform numbers in [0, 1) that depend only on the group, the seed and the purpose."""
    key = np.uint64(xxhash.xxh3_64_intdigest(f"{purpose}:{seed}".encode()))
    return (mix(mix(groups) ^ key) >> np.uint64(11)) / 2**53
