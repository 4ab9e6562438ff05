"""The same rows give the same parquet bytes, in the form that the Hub likes; real rows survive the whole kernel."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataset_builder.alpaca import COLUMNS, shard_names, write_shards
from dataset_builder.clean import clean
from dataset_builder.rows_file import RowsFile
from titlecraft.prompt import PromptFormat
from titlecraft.records import file_sha256
from titlecraft.settings import Prompt

REAL_ROWS = Path(__file__).parents[3] / "shared" / "data" / "amazontitles_rows.jsonl"


def write(folder: Path, rows: int, per_shard: int) -> list[str]:
    folder.mkdir()
    cleaned = RowsFile(folder / "rows.arrow")
    for number in range(rows):
        cleaned.append(
            f"{number:010d}", f"Title {number}", f"Description number {number}, with 'quotes' and {{braces}}."
        )
    cleaned.close()
    names = shard_names("train", rows, per_shard)
    write_shards(cleaned.select(np.ones(rows, dtype=bool)), PromptFormat.from_settings(Prompt()), folder, names, rows)
    return names


def test_shards_are_even_zstd_and_the_same_every_time(tmp_path: Path) -> None:
    names = write(tmp_path / "a", 25_001, 10_000)
    assert names == write(tmp_path / "b", 25_001, 10_000)
    assert names[0] == "data/train-00000-of-00003.parquet"
    for name in names:
        assert file_sha256(tmp_path / "a" / name) == file_sha256(tmp_path / "b" / name)
    tables = [pq.read_table(tmp_path / "a" / name) for name in names]
    assert [table.num_rows for table in tables] == [8334, 8334, 8333]
    assert tuple(tables[0].column_names) == COLUMNS
    assert tables[0].slice(0, 1).to_pylist() == [{
        "uid": "0000000000", "title": "Title 0", "instruction": "Describe product as accurately as possible.",
        "input": "Question: Could you give me a description of the product 'Title 0'?",
        "output": "Description number 0, with 'quotes' and {braces}.",
    }]  # fmt: skip
    column = pq.ParquetFile(tmp_path / "a" / names[0]).metadata.row_group(0).column(0)
    assert column.compression == "ZSTD" and column.has_offset_index


def test_an_empty_split_has_one_empty_shard(tmp_path: Path) -> None:
    assert shard_names("test", 0, 10) == ["data/test-00000-of-00001.parquet"]
    write(tmp_path / "none", 0, 10)
    assert pq.read_table(tmp_path / "none" / "data" / "train-00000-of-00001.parquet").num_rows == 0


@pytest.mark.skipif(not REAL_ROWS.exists(), reason="the real rows are not on this machine; they are never committed")
def test_real_rows_come_out_clean() -> None:
    changed: Counter[str] = Counter()
    cleaned = [clean(json.loads(line)["content"], changed) for line in REAL_ROWS.read_text().splitlines()]
    assert not [text for text in cleaned if "&#" in text or "This text refers to" in text or "<br" in text.lower()]
    assert changed["unescape_entities"] > 150 and changed["drop_edition_note"] > 100
    assert [clean(text, Counter()) for text in cleaned] == cleaned
