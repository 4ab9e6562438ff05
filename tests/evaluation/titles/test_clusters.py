"""Clusters of similar titles: near-duplicates at a looser similarity, equal series, and what is left out."""

import random

import pytest

from evaluation.titles.clusters import (
    SIMILARITIES,
    cluster,
    clusters_of,
    components,
    describe_clusters,
    equal_pairs,
    similar_pairs,
)
from titlecraft.records import Clusters

WORDS = [f"word{n}" for n in range(400)]


def text(seed: int, words: int = 30) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def near(seed: int, changed: int) -> str:
    """The text of this seed with its last words exchanged."""
    return " ".join([*text(seed).split()[: 30 - changed], *text(seed + 1000, changed).split()])


@pytest.mark.parametrize(("changed", "paired"), [(0, True), (5, True), (12, True), (18, False), (30, False)])
def test_texts_are_similar_from_a_jaccard_similarity_of_a_third_on(changed: int, paired: bool) -> None:
    texts = [text(1), text(2), near(1, changed)]
    shared, whole = max(0, 26 - changed), 26  # 5-grams of 30 words
    assert (shared / (2 * whole - shared) >= 0.3) == paired
    assert similar_pairs(texts)[0].tolist() == ([[0, 2]] if paired else [])


def test_clusters_are_connected_components_in_the_order_of_the_titles() -> None:
    texts = [text(n) for n in range(40)]
    texts[7], texts[9] = near(3, 4), near(7, 4)  # of other words than text 7, so no chain
    texts[11] = near(3, 6)
    found = cluster(texts, {"series": ["", None, "Fox", *[""] * 36, "fox "]})
    assert found.ids[3] == found.ids[7] == found.ids[11] == 3 and found.ids[2] == found.ids[39] == 2
    assert (found.count, found.largest, found.columns, found.left_out) == (37, 3, ["series"], [])
    described = describe_clusters(found)
    assert isinstance(described, Clusters) and (described.count, described.similarity) == (37, 0.3)


def test_what_leaves_too_few_clusters_is_left_out_and_named() -> None:
    texts = [text(n) for n in range(60)]
    found = cluster(texts, {"brand": [str(n % 5) for n in range(60)], "series": [str(n // 2) for n in range(60)]})
    assert (found.count, found.columns, found.left_out) == (30, ["series"], ["brand"])
    same = cluster([text(1)] * 60, {})
    assert (same.count, same.similarity, clusters_of(same)) == (60, 1.0, None)
    assert same.left_out == [f"similarity {similarity}" for similarity in SIMILARITIES]
    assert cluster([], {}).count == 0 and cluster(["one"], {}).ids == [0]


def test_the_loosest_similarity_that_leaves_enough_clusters_counts() -> None:
    """Groups of ten texts that share 16 of 30 words, two of them 28: loose clusters would be six, close ones fifty-four."""
    texts = [" ".join([*text(n // 10).split()[:17], *text(n + 2000, 13).split()]) for n in range(60)]
    assert cluster(texts, {}).similarity == 0.4
    assert cluster([*texts, *(text(n) for n in range(100, 300))], {}).similarity == 0.3


def test_empty_values_and_scripts_without_spaces() -> None:
    assert equal_pairs(["", None, " "]).tolist() == [] and components(equal_pairs(["A", "b", "a"]), 3).tolist() == [
        0,
        1,
        0,
    ]
    chinese = "这个不锈钢水壶容量为一点七升带有自动断电功能适合家庭日常使用也可以作为礼物送给朋友"
    assert similar_pairs([chinese, chinese[:-4] + "办公室用", text(5)])[0].tolist() == [[0, 1]]
