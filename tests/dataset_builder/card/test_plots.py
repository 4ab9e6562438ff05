"""The plots on the dataset card."""

from pathlib import Path

import msgspec

from dataset_builder.card.plots import line_outcomes, plot_lengths, plot_splits
from dataset_builder.outcome import share_label
from tests.model_card.literal_records import dataset_record


def test_the_bars_account_for_every_line() -> None:
    record = dataset_record()
    assert [(name, count) for name, count, _ in line_outcomes(record)] == [
        ("train split", 8),
        ("validation split", 1),
        ("test split", 1),
        ("dropped: empty content", 3),
        ("dropped: duplicate", 1),
        ("quarantined", 1),
    ]
    assert sum(count for _, count, _ in line_outcomes(record)) == record.source.lines


def test_a_small_share_is_not_shown_as_zero() -> None:
    assert [share_label(share) for share in (0.0, 0.0004, 0.0006, 0.581, 1.0)] == [
        "0.0 %",
        "< 0.1 %",
        "0.1 %",
        "58.1 %",
        "100.0 %",
    ]


def test_the_same_record_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    record = dataset_record()
    other = msgspec.structs.replace(
        record, splits=dict(zip(record.splits, reversed(record.splits.values()), strict=True))
    )
    for plot in (plot_lengths, plot_splits):
        drawn = []
        for number, shown in enumerate((record, record, other)):
            plot(shown, tmp_path / f"{number}.png")
            drawn.append((tmp_path / f"{number}.png").read_bytes())
        assert drawn[0].startswith(b"\x89PNG") and drawn[0] == drawn[1] != drawn[2]
