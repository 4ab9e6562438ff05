"""The outcome of a build for the console: counts of published, dropped and quarantined lines, and warnings about the splits."""

from collections.abc import Iterator

from titlecraft.records import DatasetRecord

SHARE_MISSED = 2.0  # warn about a split with more than twice or less than half of its share of the rows
ROWS_MISSED = 10  # and whose number of rows is off by at least this many
LARGE_GROUP = 0.1  # of the published rows


def outcome_lines(record: DatasetRecord) -> list[str]:
    """Return counts of published, dropped and quarantined lines by reason, the most frequent first."""
    lines = max(1, record.source.lines)
    dropped, quarantined = sum(record.dropped.values()), sum(record.quarantined.values())
    messages = [
        f"{record.source.lines:,} lines: {record.published:,} published, {dropped:,} dropped, {quarantined:,} quarantined"
    ]
    for outcome, reasons in (("dropped", record.dropped), ("quarantined", record.quarantined)):
        for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
            messages.append(f"  {outcome}: {reason.replace('_', ' ')} {count:,} ({share_label(count / lines)})")
    if record.near_measured is not None and record.near_measured < record.published:
        messages.append(
            f"  near-duplicates: measured on {record.near_measured:,} of {record.published:,} rows (not on fewer than five words)"
        )
    return messages


def split_notes(record: DatasetRecord) -> Iterator[str]:
    """Yield warnings about splits that are empty or far from their share, and about a very large group."""
    if (limit := record.data.limit) and abs(record.published - limit) >= ROWS_MISSED:
        too_few = record.published < limit / SHARE_MISSED and "not_sampled" in record.dropped
        if record.published > SHARE_MISSED * limit or too_few:
            yield (
                f"data.limit asks for about {limit:,} rows and {record.published:,} are published: rows that share a text are "
                "sampled together, and such groups are of unequal size"
            )
    wanted = {"validation": record.data.validation_share, "test": record.data.test_share}
    for name, share in wanted.items():
        rows = record.splits[name].rows if name in record.splits else 0
        expected = share * record.published
        if not rows and share:
            yield (
                f"no row fell into the {name} split ({share:.4g} of the groups of {record.published:,} rows), so the dataset has "
                f"none{NEEDED_FOR[name]}; a larger data.{name}_share{' or data.minimum_test_rows' * (name == 'test')} gives it one"
            )
        elif not rows:
            yield f"data.{name}_share is 0, so the dataset has no {name} split{NEEDED_FOR[name]}"
        elif name == "test" and rows <= 2 * record.data.minimum_test_rows:
            continue  # the share was raised on purpose
        elif abs(rows - expected) >= ROWS_MISSED and not expected / SHARE_MISSED <= rows <= expected * SHARE_MISSED:
            yield (
                f"the {name} split has {rows:,} of {record.published:,} rows ({share_label(rows / record.published)}) where "
                f"data.{name}_share asks for {share_label(share)}: rows are split in groups, and groups are of unequal size"
            )
    if record.kept_in_train:
        yield (
            f"{record.kept_in_train:,} rows belong to groups that are larger than a whole held-out split should be "
            "(near-copies, or one title or description for many products): they stay in the training split"
        )
    largest = max(split.largest_group for split in record.splits.values())
    if largest >= LARGE_GROUP * record.published and largest > 1:
        yield (
            f"one group of near-copies, shared titles or shared descriptions has {largest:,} of {record.published:,} rows "
            f"({share_label(largest / record.published)}): what is trained on is mostly alike there"
        )


NEEDED_FOR = {"validation": "", "test": ", and an adapter that is trained from it cannot be evaluated"}


def share_label(share: float) -> str:
    """Return a share in per cent; a share above zero never reads as zero."""
    return "< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"
