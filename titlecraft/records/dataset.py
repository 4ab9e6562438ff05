"""dataset_record.json: how a dataset was built."""

from dataclasses import asdict
from typing import Any, Literal

from titlecraft.records.base import Code, File, Record
from titlecraft.settings import Data, Prompt


class SourceFile(Record, frozen=True):
    """A file from outside the Hub, named relative to the common folder of all source files.

    `bytes` and `sha256` are those of the stored file, compressed or not, or of a member of a zip archive; `lines` counts all
    lines. The name of a file of the Hub is its address at its commit: datasets/NS/NAME@COMMIT/PATH.
    """

    name: str
    bytes: int
    sha256: str
    lines: int


class Source(Record, frozen=True):
    """The files that a dataset was built from, in reading order. `lines` counts the lines of all files.

    `missing` says what an incomplete source lacks; null if nothing is known to be missing. `expected_lines` is the
    known number of lines of a well-known file; otherwise null.
    """

    files: list[SourceFile]
    lines: int
    missing: str | None
    expected_lines: int | None = None

    @property
    def is_amazon_titles(self) -> bool:
        """Whether the source is trn.json of AmazonTitles-1.3MM, about which more is known."""
        return self.expected_lines is not None

    @property
    def hub_datasets(self) -> list[str]:
        """The datasets of the Hub that the files lie in, NS/NAME@COMMIT, each once."""
        named = [
            file.name.split("/")[1:3] for file in self.files if file.name.startswith("datasets/") and "@" in file.name
        ]
        return list(dict.fromkeys("/".join(parts) for parts in named))

    def __str__(self) -> str:
        return self.files[0].name if len(self.files) == 1 else f"{len(self.files)} files"


class Distribution(Record, frozen=True):
    """A histogram of lengths: counts[i] values lie in [edges[i], edges[i+1]); the last interval is open-ended."""

    unit: str
    mean: float
    median: float
    p95: float
    maximum: int
    edges: list[int]
    counts: list[int]


class Split(Record, frozen=True):
    """A split of a published dataset. `largest_group` is the number of rows in its largest group.

    `bytes_in_memory` is the size of its columns as in dataset_info; null in older records.
    """

    rows: int
    groups: int
    largest_group: int
    files: list[File]
    output_length: Distribution
    bytes_in_memory: int | None = None


class Leakage(Record, frozen=True):
    """Overlap of a held-out split with the training split: rows whose title or output also occurs there.

    `near_duplicates` counts rows whose output is a near-duplicate of a training output (Jaccard similarity of word
    5-grams at least 0.8), out of `near_measured` rows with five words or more in a script with spaces; null if this was
    not measured or no row qualifies.
    """

    rows: int
    shared_titles: int
    shared_outputs: int
    near_duplicates: int | None
    near_measured: int | None = None


class About(Record, frozen=True):
    """What the publisher states about a dataset (`--license`, `--language`, `--pretty-name`); null where nothing is stated.

    `license` is an identifier of the Hub, `language` a list of ISO 639 codes.
    """

    license: str | None = None
    language: list[str] | None = None
    pretty_name: str | None = None


class DatasetRecord(Record, frozen=True):
    """How a dataset was built. The builder checks that source.lines = published + sum(dropped) + sum(quarantined).

    `near_duplicates` counts published rows whose description is a near-duplicate of another one, out of `near_measured`
    rows that the measure can read; null if it was not measured or no row qualifies. `splits` has the splits with rows.
    `kept_in_train` counts rows of groups that are larger than a held-out split should be. `example` is the first row of
    the training split, each text on one line and truncated. `about` is what the publisher states and no record knows.
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
    about: About = About()
    schema: Literal["titlecraft/dataset/1"] = "titlecraft/dataset/1"

    def key_inputs(self) -> dict[str, Any]:
        """Return what the key is a digest of."""
        return key_inputs(self.source.files, self.data, self.prompt, self.code)


def key_inputs(files: list[SourceFile], data: Data, prompt: Prompt, code: Code) -> dict[str, Any]:
    """Return what a dataset's key is a digest of.

    The names of the source's files count only if there are several: they are published then. The prompt's format changes no
    row: training decides it.
    """
    source = [file.sha256 if len(files) == 1 else f"{file.sha256} {file.name}" for file in files]
    wording = {name: value for name, value in asdict(prompt).items() if name != "format"}
    return {"source": source, "data": data, "prompt": wording, "code": code}
