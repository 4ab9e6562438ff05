"""What the dataset builder leaves behind: dataset_record.json."""

from typing import Any, Literal

from titlecraft.records.base import Code, File, Record
from titlecraft.settings import Data, Prompt


class SourceFile(Record, frozen=True):
    """A file from outside the Hub, named below the folder that all files of the source have in common.

    `bytes` and `sha256` are those of the file as it lies there, compressed or not; `lines` counts all lines.
    """

    name: str
    bytes: int
    sha256: str
    lines: int


class Source(Record, frozen=True):
    """What a dataset was made from, in the order in which it was read. `lines` counts the lines of all files.

    `missing` says what it lacks where it was not whole and was used all the same; null where nothing is known to lack.
    `expected_lines` is how many lines it is known to have, where it is a file that is known; else null.
    """

    files: list[SourceFile]
    lines: int
    missing: str | None
    expected_lines: int | None = None

    @property
    def is_amazon_titles(self) -> bool:
        """Whether it was recognised as trn.json of AmazonTitles-1.3MM: what only holds there may be said then."""
        return self.expected_lines is not None

    def __str__(self) -> str:
        return self.files[0].name if len(self.files) == 1 else f"{len(self.files)} files"


class Distribution(Record, frozen=True):
    """A histogram of lengths: counts[i] values lie in [edges[i], edges[i+1]), the last interval without an end."""

    unit: str
    mean: float
    median: float
    p95: float
    maximum: int
    edges: list[int]
    counts: list[int]


class Split(Record, frozen=True):
    """One split of a published dataset. `largest_group` is the number of rows in its largest group.

    `bytes_in_memory` is the size of its columns as dataset_info counts it; null in records of before it was kept.
    """

    rows: int
    groups: int
    largest_group: int
    files: list[File]
    output_length: Distribution
    bytes_in_memory: int | None = None


class Leakage(Record, frozen=True):
    """Rows of a held-out split whose title, or whose output, stands in the training split as well; on the published files.

    `near_duplicates` counts rows whose output is nearly one of the training split (Jaccard similarity of the runs of five
    words 0.8 or more), of the `near_measured` rows whose output that measure can see (five words or more, in a script with
    spaces between words); null where that was not looked for, or there is no such row.
    """

    rows: int
    shared_titles: int
    shared_outputs: int
    near_duplicates: int | None
    near_measured: int | None = None


class DatasetRecord(Record, frozen=True):
    """How a dataset came to be. source.lines = published + sum(dropped) + sum(quarantined), and the builder checks it.

    `near_duplicates` counts the published rows whose description is nearly that of another one, of the `near_measured` rows
    whose description that measure can see; null if not looked for, or if there is no such row. `splits` has the splits that
    have rows. `kept_in_train` counts rows of groups that would have been larger than a whole held-out split should be.
    `example` is the first row of the training split, each text on one line and cut where it is long.
    """

    key: str
    code: Code
    source: Source
    data: Data
    prompt: Prompt
    published: int
    dropped: dict[str, int]
    quarantined: dict[str, int]
    cleaned: dict[str, int]
    product_kinds: dict[str, int]
    near_duplicates: int | None
    splits: dict[str, Split]
    leakage: dict[str, Leakage]
    example: dict[str, str] | None = None
    near_measured: int | None = None
    kept_in_train: int = 0
    schema: Literal["titlecraft/dataset/1"] = "titlecraft/dataset/1"

    def key_inputs(self) -> dict[str, Any]:
        """Return what the key is a digest of."""
        return key_inputs(self.source.files, self.data, self.prompt, self.code)


def key_inputs(files: list[SourceFile], data: Data, prompt: Prompt, code: Code) -> dict[str, Any]:
    """Return what a dataset's key is a digest of.

    The names of the source's files count only if there are several: they are published then.
    """
    source = [file.sha256 if len(files) == 1 else f"{file.sha256} {file.name}" for file in files]
    return {"source": source, "data": data, "prompt": prompt, "code": code}
