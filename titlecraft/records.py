"""What a stage leaves behind: JSON records from which every card, report and table is rendered, and never parsed back.

A record says what was read (pins, sha256), what was done (settings, code), and what was counted or measured. A field
that was not measured is null, and every rendering of it says "not measured".
"""

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any, ClassVar, Literal, TypeVar

import msgspec

from titlecraft import __version__
from titlecraft.errors import UserError
from titlecraft.settings import Base, Data, Evaluation, Generation, Lora, Prompt, Training

DATASET_RECORD = "dataset_record.json"
TRAINING_RECORD = "training_record.json"
REPORT = "report.json"

RepoType = Literal["dataset", "model", "space"]
Verdict = Literal["better", "worse", "higher", "lower", "no measured difference"]
Group = Literal[
    "likelihood", "specificity", "coherence", "detail", "contextualisation", "overlap", "form", "forgetting"
]
GROUNDED_HEADING = "Tuned → with sources"  # in the columns before and after
CLAIMS: tuple[Group, ...] = ("specificity", "coherence", "detail", "contextualisation")  # of the original notebook


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all records: immutable, no unknown fields, JSON both ways."""

    def to_json(self) -> bytes:
        """Indented JSON with a final newline; the same record gives the same bytes."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


class Pin(Record):
    """One state of one Hub repo: its id and its 40-hex commit."""

    type: RepoType
    repo: str
    revision: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision[:12]}"


class File(Record):
    """One file: path inside its repo, size in bytes, sha256 in hex."""

    path: str
    bytes: int
    sha256: str


class Code(Record):
    """What computed a record: versions of Titlecraft, Python and the packages that matter to the result.

    `sources` is a sha256 over the source files of the ground floor and of the stage: two commits of one version differ.
    """

    titlecraft: str
    sources: str
    python: str
    packages: dict[str, str]


class SourceFile(Record):
    """A file from outside the Hub, named below the folder that all files of the source have in common.

    `bytes` and `sha256` are those of the file as it lies there, compressed or not; `lines` counts all lines.
    """

    name: str
    bytes: int
    sha256: str
    lines: int


class Source(Record):
    """What a dataset was made from, in the order in which it was read. `lines` counts the lines of all files.

    `missing` says what it lacks where it was not whole and was used all the same; null where nothing is known to lack.
    `expected_lines` is how many lines it is known to have, where it is a file that is known; else null.
    """

    files: list[SourceFile]
    lines: int
    missing: str | None
    expected_lines: int | None = None

    def __str__(self) -> str:
        return self.files[0].name if len(self.files) == 1 else f"{len(self.files)} files"


class Distribution(Record):
    """A histogram of lengths: counts[i] values lie in [edges[i], edges[i+1]), the last interval without an end."""

    unit: str
    mean: float
    median: float
    p95: float
    maximum: int
    edges: list[int]
    counts: list[int]


class Split(Record):
    """One split of a published dataset. `largest_group` is the number of rows in its largest group.

    `bytes_in_memory` is the size of its columns as dataset_info counts it; null in records of before it was kept.
    """

    rows: int
    groups: int
    largest_group: int
    files: list[File]
    output_length: Distribution
    bytes_in_memory: int | None = None


class Leakage(Record):
    """Rows of a held-out split whose title, or whose output, stands in the training split as well; on the published files.

    `near_duplicates` counts rows whose output is nearly one of the training split (Jaccard similarity of the runs of five
    words 0.8 or more); null where that was not looked for.
    """

    rows: int
    shared_titles: int
    shared_outputs: int
    near_duplicates: int | None


class DatasetRecord(Record):
    """How a dataset came to be. source.lines = published + sum(dropped) + sum(quarantined), and the builder checks it.

    `near_duplicates` counts the kept rows whose description is nearly that of another kept row; null if not looked for.
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
    schema: Literal["titlecraft/dataset/1"] = "titlecraft/dataset/1"


class Check(Record):
    """One thing that was verified before the first training step: what was expected, and what was found."""

    name: str
    expected: str
    found: str
    holds: bool


class Examples(Record):
    """What the trainer was given (`available`) and what it really saw. Tokens are counted without padding.

    `padding_share` is 1 - tokens seen / tokens computed; null in records of before it was counted.
    """

    available: int
    seen: int
    distinct_seen: int
    tokens_seen: int
    completion_tokens_seen: int
    truncated: int
    left_out: int
    padding_share: float | None = None


class Losses(Record):
    """Mean negative log-likelihood per completion token, in nats: over the first and last tenth of the logged steps."""

    first: float
    last: float


class Measured(Record):
    """Clock, memory and energy of a run, as measured on `device`. Null where the machine gives no figure.

    `devices` counts the processes, one for each device; memory is that of the first. `energy_kwh` is of the parts that have
    a meter, `energy_of`, as read by `energy_by`; `co2_eq_grams` is that times the carbon intensity of the grid of `country`.
    A run that was interrupted has several `parts`; each counts until the checkpoint that the next went on from, and none of
    their energy is known.
    """

    device: str
    wall_seconds: float
    tokens_per_second: float
    peak_gpu_memory_gb: float | None
    peak_process_memory_gb: float | None
    energy_kwh: float | None
    energy_of: str | None = None
    energy_by: str | None = None
    co2_eq_grams: float | None = None
    country: str | None = None
    devices: int = 1
    parts: int = 1


class Licence(Record):
    """Licence of the base as its own card states it; `warning` says what could not be found out."""

    id: str
    name: str | None
    link: str | None
    warning: str | None


class TrainingRecord(Record):
    """How an adapter came to be.

    `attention` and `fused_kernels` say how it was computed; `memory_note` what was chosen by the GPU's memory, if anything.
    """

    key: str
    code: Code
    dataset: Pin
    base: Pin
    licence: Licence
    base_settings: Base
    lora: Lora
    training: Training
    generation: Generation
    precision: str
    quantization: str
    quantization_note: str | None
    attention: str
    fused_kernels: str
    memory_note: str | None
    trainable_parameters: int
    base_parameters: int
    special_tokens: dict[str, str | None]
    steps: int
    epochs: float
    examples: Examples
    loss: Losses
    checks: list[Check]
    files: list[File]
    measured: Measured
    schema: Literal["titlecraft/training/1"] = "titlecraft/training/1"


class Measure(Record):
    """One measure, before and after. `difference` = after − before; the interval is that of the difference, paired by title.

    `wins` and `losses` count titles that got better and worse; null where neither direction is better. `p_holm` is the
    p-value corrected for all measures that were tested beside it (of the primary measure, which stands alone: the p-value
    itself); it compares with `level` = 1 − confidence. `spread` is the standard deviation of the paired differences, and
    `detectable` the smallest mean difference that this many titles show in 80 % of all experiments, given that spread.
    `neutral_before` and `neutral_after` count texts of which the measure could tell nothing; null where it always can.
    """

    name: str
    label: str
    group: Group
    unit: str
    better: Literal["lower", "higher", "neither"]
    definition: str
    source: str
    n: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float
    level: float
    spread: float
    detectable: float
    wins: int | None
    ties: int
    losses: int | None
    neutral_before: int | None
    neutral_after: int | None

    def verdict(self) -> Verdict:
        """What may be said: nothing where the interval holds 0, or where the corrected p-value is above the level."""
        if self.low <= 0 <= self.high or self.p_holm > self.level:
            return "no measured difference"
        up = self.difference > 0
        if self.better == "neither":
            return "higher" if up else "lower"
        return "better" if up == (self.better == "higher") else "worse"


class Grounded(Record):
    """The third arm: in its measures "before" is the tuned model, "after" the same model with sources in its prompt.

    `titles` have sources, `sources` in all, rows of `split`; `left_out` counts rows that were found and would have given an
    answer away: a copy of the title's own row, in title or text.
    """

    split: str
    titles: int
    sources: int
    left_out: int
    measures: list[Measure]


class Tested(Record):
    """What the records of paired experiments have in common: two arms, and measures of which one answers the question.

    The fields are named in the subclasses, whose JSON keeps its own order.
    """

    arms: ClassVar[tuple[str, str]]

    def primary(self) -> Measure:
        """The measure that was named in the recipe before anything was looked at."""
        return next(measure for measure in self.measures if measure.name == self.evaluation.primary)

    def blocks(self) -> list[tuple[str, list[Measure]]]:
        """The measures as every table shows them: the one that answers, the claims, the rest, and those of sampled answers."""
        primary, others = self.primary(), [one for one in self.measures if one.name != self.evaluation.primary]
        claims = [one for claim in CLAIMS for one in others if one.group == claim]
        rest = [one for one in others if one.group not in CLAIMS]
        found = [("Primary measure", [primary]), ("The four claims", claims), ("Other measures", rest)]
        found.append((f"Of {self.evaluation.sampled} sampled answers", self.sampled))
        found.append(("Standard benchmarks", self.also))
        return [(heading, measures) for heading, measures in found if measures]

    def report_blocks(self) -> list[tuple[str, list[Measure]]]:
        """The same, and the third arm, which a report shows and a card does not: it is not about the adapter alone."""
        grounded = [] if self.grounded is None else [(GROUNDED_HEADING, self.grounded.measures)]
        return self.blocks() + grounded


class EvaluationRecord(Tested):
    """The before/after experiment: report.json. No clock times in here: the same inputs give the same bytes.

    Rows of the split = titles_available + sum(excluded). `references_cut` of the n references passed the model's length.
    `sampled` has the measures of sampled answers, mean over the answers to a title; empty where none were asked for.
    `also` has standard benchmarks of lighteval, before and after, and `benchmarks` their data sets. `grounded` has the third
    arm, where the recipe asked for it.
    """

    arms: ClassVar[tuple[str, str]] = ("before", "after")

    id: str
    key: str
    code: Code
    dataset: Pin
    base: Pin
    adapter: Pin
    split: str
    evaluation: Evaluation
    generation: Generation
    base_settings: Base
    quantization: str
    precision: str
    device: str
    n: int
    titles_available: int
    excluded: dict[str, int]
    references_cut: int
    guards: list[Check]
    interval_method: str
    measures: list[Measure]
    sampled: list[Measure]
    also: list[Measure]
    benchmarks: list[Pin]
    files: list[File]
    grounded: Grounded | None = None
    schema: Literal["titlecraft/evaluation/2"] = "titlecraft/evaluation/2"


R = TypeVar("R", bound=Record)


def read_record(raw: bytes, kind: type[R], where: str) -> R:
    """Decode a record strictly; `where` names repo and file in the error. Raises UserError."""
    try:
        return msgspec.json.decode(raw, type=kind, strict=True)
    except msgspec.MsgspecError as error:
        raise UserError(f"{where} is not a {kind.__name__} that Titlecraft {__version__} reads: {error}") from error


def has_schema(raw: bytes, kind: type[Record]) -> bool:
    """Whether the bytes are a record of this kind in the version that this code reads."""
    try:
        found = msgspec.json.decode(raw, type=_Versioned).schema
    except msgspec.MsgspecError:
        return False
    return any(field.name == "schema" and field.default == found for field in msgspec.structs.fields(kind))


class _Versioned(msgspec.Struct):
    """What says the version of a record."""

    schema: str


class _Keyed(msgspec.Struct):
    """What all records of stages have in common, whatever their version."""

    key: str


def record_key(raw: bytes) -> str | None:
    """The key of a record of any kind and version, or None where the bytes are no such record."""
    try:
        return msgspec.json.decode(raw, type=_Keyed).key
    except msgspec.MsgspecError:
        return None


def digest(inputs: dict[str, Any]) -> str:
    """sha256 over the canonical JSON of everything that a stage's result depends on: equal keys, equal results."""
    return hashlib.sha256(msgspec.json.encode(inputs, order="sorted")).hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file, in hex, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe_file(root: Path, path: Path) -> File:
    """The record of a file below `root`."""
    return File(path=path.relative_to(root).as_posix(), bytes=path.stat().st_size, sha256=file_sha256(path))


def sources_sha256(stage: str) -> str:
    """sha256 over names and bytes of the ground floor's and a stage's source files."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted(
        [*here.glob("*.py"), *(here.parent / stage).rglob("*.py"), *(here.parent / stage).rglob("*.jinja")]
    ):
        digest.update(f"{file.relative_to(here.parent)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def current_code(stage: str, *packages: str) -> Code:
    """Versions of the code that runs now, for a stage (the name of its package); a package that is missing is left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return Code(titlecraft=__version__, sources=sources_sha256(stage), python=python_version(), packages=found)
