"""Search in the rows of a published dataset, by title and by BM25.

    index = open_row_index(Pin(type="dataset", repo="me/titles", revision="…40 hex…"))
    index.search("The red lamp", limit=5, splits=("train",))

A row matches by an equal title, a similar title, or its words (BM25 of the title plus BM25 of the text). The index is
built once per revision, below the Hub client's home, and memory-mapped.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa

from titlecraft.records import Pin
from titlecraft.search.row_index_build import FACTS, VERSION, Facts, RowFile, ensure_index, title_key
from titlecraft.search.title_match import folded, near
from titlecraft.search.word_index import WordIndex, best, query_words

Match = Literal["exact", "near", "words"]
NEAR_CANDIDATES = 50  # rows with the best titles, of which the near ones are chosen
LONGEST_QUERY, QUERY_WORDS = 2000, 64  # characters of a query, and different words that are looked up


@dataclass(frozen=True)
class FoundRow:
    """A row of the dataset and how it matched.

    Args:
        text: the full description of the row.
        split: its split; `file` and `row` locate it in the repo, `row` counted from 0 within the file.
        score: BM25 of its title plus BM25 of its text for the query.
        match: "exact" and "near" match by title; "words" by title and text.
        link: address of the file at the dataset's revision.
    """

    uid: str
    title: str
    text: str
    split: str
    file: str
    row: int
    score: float
    match: Match
    link: str


def index_folder(dataset: Pin, reading: str = "") -> Path:
    """Return the folder of the index of a dataset's revision; `reading` names a reading of its rows other than its own."""
    from huggingface_hub import constants

    name = f"{dataset.revision}-{reading}-v{VERSION}" if reading else f"{dataset.revision}-v{VERSION}"
    return Path(constants.HF_HOME) / "titlecraft" / "row_index" / name


def open_row_index(dataset: Pin, reading: str = "", source: Callable[[], Path] | None = None) -> "RowIndex":
    """Return the index of a pinned dataset, built if needed, with a progress bar. Raises UserError.

    Args:
        reading: a name for the rows that `source` gives.
        source: returns the folder of the rows, where they are not the dataset's own files; links then point to the dataset.
    """
    from titlecraft.hub.pins import download

    folder = index_folder(dataset, reading)
    if not (folder / FACTS).is_file():
        ensure_index(folder, dataset, source or (lambda: download(dataset, ["data/*.parquet"])))
    return RowIndex(folder, dataset, links_to_files=source is None)


class RowIndex:
    """An index on disk. Any number of threads may search it.

    Args:
        folder: the folder that `ensure_index` built.
        dataset: the pin that links point to.
        links_to_files: whether the files of the index are those of the dataset.
    """

    def __init__(self, folder: Path, dataset: Pin, *, links_to_files: bool = True) -> None:
        self.links_to_files = links_to_files
        self.facts = msgspec.json.decode((folder / FACTS).read_bytes(), type=Facts)
        self.dataset = dataset
        self.fields = {name: WordIndex(folder / name) for name in ("title", "text") if (folder / name).is_dir()}
        self.keys, self.key_rows = (np.load(folder / name, mmap_mode="r") for name in ("keys.npy", "rows.npy"))
        self.titles = RowReader(folder / "titles.arrow", self.facts.title_begins, keep=True)
        self.texts = RowReader(folder / "texts.arrow", self.facts.text_begins, keep=False)
        self.ends = np.cumsum([file.rows for file in self.facts.files])

    def __len__(self) -> int:
        """Return the number of rows of all splits."""
        return int(self.ends[-1])

    def search(self, query: str, limit: int = 5, splits: tuple[str, ...] | None = None) -> list[FoundRow]:
        """Return the rows for a title or text: equal titles first, then similar titles, then the best BM25 scores.

        Args:
            splits: search these splits only; None searches all.
        """
        query = query[:LONGEST_QUERY]
        words = query_words(query)[:QUERY_WORDS]
        scores = {name: field.scores(words) for name, field in self.fields.items()}
        title_scores = scores.get("title", np.zeros(len(self), np.float32))
        total = title_scores + scores["text"] if "text" in scores else title_scores
        for start, end in self.outside(splits):
            title_scores[start:end] = total[start:end] = 0
        matches: dict[int, Match] = dict.fromkeys(self.same_title(query, splits), "exact")
        for row in best(title_scores, NEAR_CANDIDATES).tolist():
            if row not in matches and near(query, self.titles.row(row)["title"]):
                matches[row] = "near"
        for row in best(total, limit).tolist():
            matches.setdefault(row, "words")
        order = {"exact": 0, "near": 1, "words": 2}
        ranked = sorted(matches, key=lambda row: (order[matches[row]], -total[row], row))[:limit]
        return [self.describe(row, matches[row], float(total[row])) for row in ranked]

    def same_title(self, title: str, splits: tuple[str, ...] | None = None) -> list[int]:
        """Return the numbers of the rows with this title, ignoring case and white space."""
        key, folded_title = np.uint64(title_key(title)), folded(title)
        first, last = (int(np.searchsorted(self.keys, key, side=side)) for side in ("left", "right"))
        rows = [int(row) for row in self.key_rows[first:last]]
        return [
            row
            for row in rows
            if folded(self.titles.row(row)["title"]) == folded_title
            and (splits is None or self.file_of(row)[0].split in splits)
        ]

    def some_titles(self, split: str, limit: int) -> list[str]:
        """Return up to this many distinct titles of a split, evenly spaced, in row order."""
        files = zip(self.facts.files, self.ends.tolist(), strict=True)
        rows = [row for file, end in files if file.split == split for row in range(end - file.rows, end)]
        titles = [self.titles.row(row)["title"] for row in rows[:: max(1, len(rows) // limit)][:limit]] if rows else []
        return list(dict.fromkeys(titles))

    def outside(self, splits: tuple[str, ...] | None) -> list[tuple[int, int]]:
        """Return the ranges of rows that are in none of the splits."""
        if splits is None:
            return []
        files = zip(self.facts.files, self.ends.tolist(), strict=True)
        return [(end - file.rows, end) for file, end in files if file.split not in splits]

    def file_of(self, row: int) -> tuple[RowFile, int]:
        """Return the file of a row, and the row's number in the file."""
        index = int(np.searchsorted(self.ends, row, side="right"))
        file = self.facts.files[index]
        return file, row - int(self.ends[index]) + file.rows

    def describe(self, row: int, match: Match, score: float) -> FoundRow:
        """Return a row with its location and link."""
        from titlecraft.hub.pins import address

        file, number = self.file_of(row)
        part = f"blob/{self.dataset.revision}/{file.path}" if self.links_to_files else f"tree/{self.dataset.revision}"
        link = f"{address(self.dataset)}/{part}"
        named = self.titles.row(row)
        return FoundRow(
            uid=named["uid"],
            title=named["title"],
            text=self.texts.row(row)["output"],
            split=file.split,
            file=file.path,
            row=number,
            score=round(score, 3),
            match=match,
            link=link,
        )


class RowReader:
    """Random access to rows of a memory-mapped Arrow file.

    Args:
        keep: keep batches open. In an uncompressed file they are views that take no memory.
    """

    def __init__(self, file: Path, begins: list[int], *, keep: bool) -> None:
        self.reader = pa.ipc.open_file(pa.memory_map(str(file)))
        self.begins = np.array(begins)
        self.lock = threading.Lock()
        self.keep = keep
        self.open: dict[int, pa.RecordBatch] = {}

    def row(self, number: int) -> dict[str, str]:
        """Return one row as column -> value."""
        index = int(np.searchsorted(self.begins, number, side="right")) - 1
        if (batch := self.open.get(index)) is None:
            with self.lock:
                batch = self.reader.get_batch(index)
            if self.keep:
                self.open[index] = batch
        inside = number - int(self.begins[index])
        return {name: batch.column(name)[inside].as_py() for name in batch.schema.names}
