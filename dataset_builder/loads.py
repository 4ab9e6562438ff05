"""Does a dataset folder load as its users will load it?"""

from pathlib import Path

from dataset_builder.alpaca import COLUMNS
from titlecraft.errors import UserError
from titlecraft.records import DatasetRecord


def require_loads(folder: Path, record: DatasetRecord) -> None:
    """Load every split through `datasets`, by the card's own `configs`. Raises UserError where it is not what was recorded."""
    import pyarrow.parquet as pq
    from datasets import load_dataset

    splits = load_dataset(str(folder), streaming=True, trust_remote_code=False)
    for name, split in record.splits.items():
        rows = sum(pq.read_metadata(folder / file.path).num_rows for file in split.files)
        first = next(iter(splits[name]), None)
        if rows != split.rows or (first is not None and tuple(first) != COLUMNS):
            raise UserError(
                f"split {name} of {folder} has {rows} rows and columns {tuple(first or ())}: expected {split.rows} and {COLUMNS}"
            )
