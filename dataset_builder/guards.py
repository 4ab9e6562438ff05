"""What must hold before a build begins and after it has ended; each failure is a UserError with the fix."""

import orjson

from dataset_builder.catalogue import CatalogueFile, described
from dataset_builder.first_pass import Rows
from titlecraft.errors import UserError
from titlecraft.records import DatasetRecord
from titlecraft.settings import Data


def require_settings(settings: Data) -> None:
    """Raises UserError where the held-out shares, the limit or another number make no sense."""
    shares = (settings.validation_share, settings.test_share)
    if min(shares) < 0 or sum(shares) >= 1:
        raise UserError(
            f"data.validation_share {shares[0]} and data.test_share {shares[1]} must be 0 or more and sum to less than 1"
        )


def require_rows(files: list[CatalogueFile], rows: Rows, settings: Data) -> None:
    """Raises UserError where no row was left to publish, with what became of them and the settings to look at."""
    if len(rows.rows):
        return
    fate = ", ".join(f"{reason} {count:,}" for reason, count in (rows.dropped + rows.quarantined).most_common(3))
    raise UserError(f"{described(files)}: none of {sum(rows.lines):,} lines gives a row ({fate}); the title is looked for under "
                    f"{settings.title_column!r} and the description under {settings.content_column!r}, the first line has "
                    f"{keys_of(rows.first_line)}: set --data.title_column and --data.content_column")  # fmt: skip


def keys_of(line: bytes) -> str:
    """The keys of the object on a line, for a message."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "no JSON"
    return ", ".join(map(repr, value)) if isinstance(value, dict) and value else "no keys"


def require_balance(record: DatasetRecord) -> None:
    """Every line went somewhere: lines = published + dropped + quarantined. A failure here is a bug of ours."""
    accounted = record.published + sum(record.dropped.values()) + sum(record.quarantined.values())
    if accounted != record.source.lines or record.published != sum(split.rows for split in record.splits.values()):
        raise RuntimeError(f"{record.source.lines} lines read, {accounted} accounted for: a bug in dataset_builder")
