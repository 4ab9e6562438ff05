"""Splits depend only on groups and seed, and no group is divided."""

import numpy as np
import pytest

from dataset_builder.source.block import text_key
from dataset_builder.splits.assign import SPLITS, assign, too_large
from titlecraft.errors import UserError
from titlecraft.rows.groups import group_rows
from titlecraft.settings import Data


def keys(*texts: str) -> np.ndarray:
    return np.array([text_key(text) for text in texts], dtype=np.uint64)


def test_rows_that_share_a_title_or_a_description_are_one_group() -> None:
    """1 and 2 share a title, 2 and 3 a description, so 1 to 3 belong together; 4 stands alone."""
    titles = keys("Emma", "EMMA", "Emma (Paperback)", "Ulysses")
    contents = keys("a novel", "a comedy", "A comedy", "a day in Dublin")
    groups = group_rows(titles, contents)
    assert groups[0] == groups[1] == groups[2] != groups[3]
    backwards = group_rows(titles[::-1], contents[::-1])
    assert (backwards[::-1] == groups).all()


def test_pairs_of_rows_join_groups() -> None:
    titles, contents = keys("a", "b", "c", "d"), keys("1", "2", "3", "4")
    groups = group_rows(titles, contents, np.array([[0, 2], [2, 3]]))
    assert groups[0] == groups[2] == groups[3] != groups[1]
    assert len(np.unique(group_rows(titles, contents))) == 4


def test_splits_do_not_depend_on_the_order_of_rows() -> None:
    groups = np.arange(5000, dtype=np.uint64)
    shuffled = np.random.default_rng(0).permutation(groups)
    settings = Data(test_share=0.1, validation_share=0.1)
    assert (assign(groups, settings)[shuffled] == assign(shuffled, settings)).all()


def test_shares_and_limit_are_met() -> None:
    groups = np.arange(20_000, dtype=np.uint64)
    counts = np.bincount(assign(groups, Data(test_share=0.05, validation_share=0.02)), minlength=3)
    assert dict(zip(SPLITS, counts.tolist(), strict=True)) == {"train": 18633, "validation": 398, "test": 969}
    sampled = assign(groups, Data(limit=1000))
    assert 900 < (sampled >= 0).sum() < 1100
    assert (np.flatnonzero(sampled >= 0) > 10_000).mean() > 0.45  # over the whole file, not its head


def test_a_larger_sample_holds_the_smaller_one_in_the_same_splits() -> None:
    groups = np.arange(20_000, dtype=np.uint64)
    small, large = assign(groups, Data(limit=1000)), assign(groups, Data(limit=5000))
    assert (large[small >= 0] == small[small >= 0]).all()


def test_the_test_split_gets_its_minimum_of_rows_and_the_rest_stays() -> None:
    groups = np.arange(300, dtype=np.uint64) * 2**40
    groups[200:] = 7  # one large group
    before = assign(groups, Data(test_share=0.01, validation_share=0.05))
    for minimum in (0, 1, 2, 50):
        settings = Data(test_share=0.01, validation_share=0.05, minimum_test_rows=minimum)
        after = assign(groups, settings)
        after[too_large(groups, after, settings)] = 0
        assert (after == 2).sum() >= minimum and not (after[200:] == 2).any()
        assert set(np.flatnonzero(before[:200] == 2)) <= set(np.flatnonzero(after == 2))
        assert (after == 2).sum() == max(minimum, (before[:200] == 2).sum())
    with pytest.raises(UserError, match=r"data.minimum_test_rows 250: half of the groups hold .* of 300"):
        assign(groups, Data(minimum_test_rows=250))
