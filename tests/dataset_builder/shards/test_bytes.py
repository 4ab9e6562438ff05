"""The same rows give the same parquet bytes, in the format that the Hub recommends."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataset_builder.shards import alpaca
from dataset_builder.shards.alpaca import COLUMNS, shard_names, write_parquet
from dataset_builder.shards.wording import Wording
from dataset_builder.shards.write import RowFiles, plan_shards, write_shard
from dataset_builder.source.block import rows_schema, write_rows
from titlecraft.records import file_sha256
from titlecraft.settings import Data, Prompt


def write(folder: Path, rows: int, per_shard: int) -> list[str]:
    folder.mkdir()
    files, begins = [], list(range(0, rows, 4000)) or [0]
    for begin in begins:
        numbers = range(begin, min(begin + 4000, rows))
        files.append(folder / f"{begin}.arrow")
        write_rows(
            files[-1],
            rows_schema(Data()),
            pa.array([f"{number:010d}" for number in numbers]),
            pa.array([f"Title {number}" for number in numbers]),
            pa.array([f"Description number {number}, with 'quotes' and {{braces}}." for number in numbers]),
        )
    np.save(folder / "assigned.npy", np.zeros(rows, dtype=np.int8))
    for keys in ("titles", "contents"):
        np.save(folder / f"{keys}.npy", np.arange(rows, dtype=np.uint64))
    waiting = RowFiles(files, begins, *(folder / f"{name}.npy" for name in ("assigned", "titles", "contents")))
    tasks = plan_shards(waiting, folder, Wording.from_settings(Prompt(), 7), per_shard)
    shards = [write_shard(task) for task in tasks if task.split == 0]
    return [shard.file.path for shard in shards]


def test_shards_are_even_zstd_and_the_same_every_time(tmp_path: Path) -> None:
    names = write(tmp_path / "a", 25_001, 10_000)
    assert names == write(tmp_path / "b", 25_001, 10_000)
    assert names[0] == "data/train-00000-of-00003.parquet"
    for name in names:
        assert file_sha256(tmp_path / "a" / name) == file_sha256(tmp_path / "b" / name)
    tables = [pq.read_table(tmp_path / "a" / name) for name in names]
    assert [table.num_rows for table in tables] == [8333, 8334, 8334]
    assert pa.concat_tables(tables)["uid"].to_pylist() == [f"{number:010d}" for number in range(25_001)]
    assert tuple(tables[0].column_names) == COLUMNS
    assert tables[0].slice(0, 1).to_pylist() == [
        {
            "uid": "0000000000",
            "title": "Title 0",
            "instruction": "Describe product as accurately as possible.",
            "input": "Question: Could you give me a description of the product 'Title 0'?",
            "output": "Description number 0, with 'quotes' and {braces}.",
        }
    ]
    column = pq.ParquetFile(tmp_path / "a" / names[0]).metadata.row_group(0).column(0)
    assert column.compression == "ZSTD" and column.has_offset_index


def test_an_empty_split_has_no_shard() -> None:
    """`load_dataset(repo)` fails on a split without rows."""
    assert shard_names("test", 0, 10) == []
    assert shard_names("test", 11, 10) == ["data/test-00000-of-00002.parquet", "data/test-00001-of-00002.parquet"]


def test_row_groups_are_small_whatever_the_rows(tmp_path: Path) -> None:
    """50 rows of 2 MB each: no row group is larger than 64 MB before compression."""
    texts = [str(number) * 2_000_000 for number in range(50)]
    table = pa.Table.from_arrays(
        [pa.array(texts if name == "output" else [""] * 50) for name in COLUMNS], schema=alpaca.SCHEMA
    )
    alpaca.write_parquet([table], tmp_path / "large.parquet")
    written = pq.ParquetFile(tmp_path / "large.parquet").metadata
    sizes = [written.row_group(index).total_byte_size for index in range(written.num_row_groups)]
    groups = list(alpaca.row_groups([table]))
    assert len(sizes) == len(groups) > 1 and max(group.nbytes for group in groups) <= 64 << 20
    assert pq.read_table(tmp_path / "large.parquet")["output"].to_pylist() == texts


def test_row_groups_do_not_depend_on_the_sizes_of_tables() -> None:
    """15,000 rows of 100 to 9,100 bytes, then 25,000 of 100: groups end by size, by title and by number of rows, wherever the tables do."""
    texts = ["x" * (100 + number * 37 % 9000 * (number < 15_000)) for number in range(40_000)]
    columns = [pa.array(texts if name == "output" else [f"{name} {row}" for row in range(40_000)]) for name in COLUMNS]
    table = pa.Table.from_arrays(columns, schema=alpaca.SCHEMA)
    full = [len(group) for group in alpaca.row_groups([table])]
    assert sum(full) == 40_000 and len(full) > 2
    for size in (7, 1999, 2000, 30_000):
        spread = [table.slice(start, size) for start in range(0, 40_000, size)]
        groups = list(alpaca.row_groups(spread))
        assert [len(group) for group in groups] == full
    assert pa.concat_tables(groups).equals(table)
    assert [len(group) for group in alpaca.row_groups([table, table])][: len(full) - 1] == full[:-1]


def test_an_added_row_changes_few_row_groups() -> None:
    def table(numbers: list[int]) -> pa.Table:
        columns = [pa.array([f"Title {number}" if name == "title" else "" for number in numbers]) for name in COLUMNS]
        return pa.Table.from_arrays(columns, schema=alpaca.SCHEMA)

    rows = list(range(200_000))
    before = {group["title"][0].as_py(): len(group) for group in alpaca.row_groups([table(rows)])}
    after = {
        group["title"][0].as_py(): len(group)
        for group in alpaca.row_groups([table([*rows[:70_000], -1, *rows[70_000:]])])
    }
    assert sum(before.values()) == 200_000 and max(before.values()) <= 30_000
    assert 7 <= len(before) <= 20 and len(before.items() - after.items()) <= 2


def test_a_shard_that_reads_back_other_texts_is_no_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(tables: Iterable[pa.Table], path: Path, schema: pa.Schema) -> None:
        """Write the same letters, but move the border between two titles."""
        table = pa.concat_tables(tables)
        titles = table.column("title").to_pylist()
        titles[:2] = [titles[0] + titles[1][:1], titles[1][1:]]
        write_parquet([table.set_column(1, "title", pa.array(titles))], path, schema)

    monkeypatch.setattr("dataset_builder.shards.write.write_parquet", shifted)
    with pytest.raises(RuntimeError, match="reads back other texts than were written"):
        write(tmp_path / "a", 10, 10)
