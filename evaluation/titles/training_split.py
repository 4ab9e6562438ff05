"""Which titles and descriptions of the test split occur in the training split, exactly or as a near-duplicate.

The training split has a million rows and is read once, by several processes where there are cores. They need no model, so they
run while it loads.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from evaluation.processes import FEWEST_ROWS, run_all, workers
from evaluation.titles.near_copies import NGrams
from titlecraft.errors import UserError
from titlecraft.search.title_match import folded
from titlecraft.search.word_ngrams import BATCH_ROWS, split_words

COLUMNS = ["title", "output"]


@dataclass(frozen=True)
class InTraining:
    """Folded titles and folded descriptions that occur in the training split, and descriptions with a near-duplicate there."""

    titles: set[str]
    outputs: set[str]
    near: set[str]


def training_files(dataset: Path, name: str) -> list[Path]:
    """Return the parquet files of the training split. Raises UserError if there are none, or if they lack a column."""
    files = sorted((dataset / "data").glob("train-*.parquet"))
    if not files:
        raise UserError(f"{name} has no data/train-*.parquet: an evaluation needs the train split")
    for file in files:
        if missing := sorted(set(COLUMNS) - set(pq.read_schema(file).names)):
            raise UserError(f"the train split of {name} lacks one of {', '.join(COLUMNS)}: {missing[0]}")
    return files


def search_training(titles: Sequence[str], outputs: Sequence[str], files: Sequence[Path], processes: int) -> InTraining:
    """Return what of these titles and descriptions occurs in parquet files."""
    ngrams = NGrams(sorted(set(outputs)))
    searched = {folded(title) for title in titles}, {folded(output) for output in outputs}
    groups = [(file, group) for file in files for group in range(pq.read_metadata(file).num_row_groups)]
    calls = [(search_groups, (ngrams, *searched, groups[first::processes])) for first in range(processes)]
    found = run_all(calls, processes)
    return InTraining(
        titles={title for titles, _, _ in found for title in titles},
        outputs={output for _, outputs, _ in found for output in outputs},
        near={ngrams.texts[index] for _, _, indices in found for index in indices},
    )


def search_groups(
    ngrams: NGrams, titles: set[str], outputs: set[str], groups: Sequence[tuple[Path, int]]
) -> tuple[set[str], set[str], set[int]]:
    """Return the folded titles and descriptions that occur in row groups, and the indices of texts with a near-duplicate there."""
    found_titles, found_outputs, near = set(), set(), set()
    for file, group in groups:
        for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, row_groups=[group], columns=COLUMNS):
            found_titles |= titles.intersection(map(folded, filter(None, batch.column("title").to_pylist())))
            found_outputs |= outputs.intersection(map(folded, filter(None, batch.column("output").to_pylist())))
            if len(ngrams.hashes):
                near |= set(ngrams.near(split_words(batch.column("output"))))
    return found_titles, found_outputs, near


@contextmanager
def searching(
    dataset: Path, name: str, titles: Sequence[str], outputs: Sequence[str]
) -> Iterator[Callable[[], InTraining]]:
    """Search the training split during the block if several processes can; yield a function that returns what was found.

    With one process the search runs when the function is called. Raises UserError.
    """
    files = training_files(dataset, name)
    processes = workers(sum(pq.read_metadata(file).num_rows for file in files), FEWEST_ROWS)
    if processes == 1:
        yield lambda: search_training(titles, outputs, files, 1)
        return
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(search_training, titles, outputs, files, processes).result
