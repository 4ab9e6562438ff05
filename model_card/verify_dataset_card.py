"""Level card: the dataset card as the record and the published files render it."""

from model_card.repo_state import RepoState


def render_dataset_card(state: RepoState) -> str:
    """The whole card. `dataset_info` counts bytes in memory: they are counted again in the parquet files."""
    from dataset_builder.card import first_row, render

    record = state.dataset
    in_memory = {
        name: bytes_in_memory(state, [file.path for file in split.files]) for name, split in record.splits.items()
    }
    return render(state.pin.repo, record, in_memory, first_row(state.folder, record))


def bytes_in_memory(state: RepoState, paths: list[str]) -> int:
    """UTF-8 bytes of all columns, and four for each value; see dataset_builder.shards."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    total = 0
    for path in paths:
        for batch in pq.ParquetFile(state.folder / path).iter_batches(batch_size=10_000):
            total += sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in batch.columns)
            total += 4 * batch.num_columns * batch.num_rows
    return total
