"""Everything that an adapter's card depends on: of a repo at a revision, or of what a folder is about to make of it."""

from dataclasses import dataclass, field
from fnmatch import fnmatch
from io import BytesIO
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import download, read_file
from titlecraft.hub.publishing import REPLACED_BY_TRAINING
from titlecraft.prompt import PromptFormat
from titlecraft.records import (
    DATASET_RECORD,
    PREDICTIONS,
    REPORT,
    TRAINING_RECORD,
    DatasetRecord,
    EvaluationRecord,
    Pin,
    TrainingRecord,
    has_schema,
    read_record,
)
from titlecraft.records.repo_files import PROMPT_FILE


@dataclass(frozen=True)
class CardInputs:
    """What a card is rendered from. Equal inputs give equal bytes, on any machine, at any time.

    Args:
        repo: NS/NAME. Not its revision: the card is part of the commit, and is written before it.
        training: how the adapter came to be.
        report: the report that the card shows, or None: not evaluated.
        rows: the rows of that report's predictions.parquet; empty where there is no report.
        dataset: the record of the dataset at its pin, or None where its repo has none.
        files: paths that the repo holds, or is going to hold.
    """

    repo: str
    prompt: PromptFormat
    training: TrainingRecord
    report: EvaluationRecord | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    dataset: DatasetRecord | None = None
    files: frozenset[str] = frozenset()

    @property
    def of_amazon_titles(self) -> bool:
        """Whether the dataset's record says that its source was recognised as trn.json of AmazonTitles-1.3MM."""
        return self.dataset is not None and self.dataset.source.is_amazon_titles


@dataclass(frozen=True)
class Contents:
    """What a repo is going to hold: the files of a folder on top of those of its head. Either may be missing."""

    folder: Path | None
    head: Pin | None

    def read(self, path: str) -> bytes | None:
        """Bytes of a file, or None where neither the folder nor the head has it."""
        if self.folder and (self.folder / path).is_file():
            return (self.folder / path).read_bytes()
        return read_file(self.head, path) if self.head and not self.goes(path) else None

    def new_adapter(self) -> bool:
        """Whether the folder holds an adapter of its own, which takes the place of the head's and of its reports."""
        return self.folder is not None and (self.folder / TRAINING_RECORD).is_file()

    def goes(self, path: str) -> bool:
        """Whether a file of the head goes when the folder is published."""
        return self.new_adapter() and any(fnmatch(path, pattern) for pattern in REPLACED_BY_TRAINING)

    def paths(self) -> frozenset[str]:
        """Paths of all files."""
        found: set[str] = set()
        if self.head:
            with hub_errors(f"looking into {self.head}", self.head.repo, self.head.type):
                there = HfApi().list_repo_files(self.head.repo, revision=self.head.revision)
            found |= {path for path in there if not self.goes(path)}
        if self.folder:
            found |= {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}
        return frozenset(found)


def read_card_inputs(
    folder: Path | None, head: Pin | None, repo: str | None = None, published: Pin | None = None
) -> CardInputs:
    """Read what the card of a repo depends on.

    Args:
        folder: what is about to be published on top of `head`; None reads the repo at `head` as it is.
        head: a state of the repo; None for a repo that is new.
        repo: NS/NAME; may be left out where there is a head.
        published: the state of the repo that the folder is a copy of, for what only its history tells.

    Raises:
        UserError: no adapter of ours, a record that cannot be read, predictions that are not those of the report, a
            dataset that is gone or may not be read.
    """
    contents = Contents(folder, head)
    repo = repo or (head.repo if head else "")
    training, prompt = contents.read(TRAINING_RECORD), contents.read(PROMPT_FILE)
    if training is None or prompt is None:
        raise UserError(
            f"model {repo} has no {TRAINING_RECORD} and {PROMPT_FILE}: expected an adapter that `titlecraft train` published"
        )
    record = read_record(training, TrainingRecord, f"{TRAINING_RECORD} of {repo}")
    found = reports(folder, None if contents.new_adapter() else head, repo)
    report = choose_report(found, training, published or head)
    return CardInputs(
        repo=repo,
        prompt=PromptFormat.from_json(prompt, f"{PROMPT_FILE} of {repo}"),
        training=record,
        report=report,
        rows=predictions(contents, report, repo) if report else [],
        dataset=dataset_record(record.dataset),
        files=contents.paths(),
    )


def reports(folder: Path | None, head: Pin | None, repo: str) -> list[EvaluationRecord]:
    """Every report of the folder and of the head; of one id, the folder's. Reports of older versions are passed over."""
    pattern = f"evaluation/*/{REPORT}"
    found = {file.parent.name: file for file in download(head, [pattern]).glob(pattern)} if head else {}
    found |= {file.parent.name: file for file in folder.glob(pattern)} if folder else {}
    return [
        read_record(raw, EvaluationRecord, f"{REPORT} of {repo}")
        for _, raw in sorted((name, file.read_bytes()) for name, file in found.items())
        if has_schema(raw, EvaluationRecord)
    ]


def choose_report(found: list[EvaluationRecord], training: bytes, state: Pin | None = None) -> EvaluationRecord | None:
    """The report that the card shows: about the very adapter of this training record, on the most titles; of those the newest.

    `state` is the state of the repo that has them; one that it lacks is about to be published, and newer.
    """
    fitting = [one for one in found if read_file(one.adapter, TRAINING_RECORD) == training]
    most = [one for one in fitting if one.n == max(other.n for other in fitting)]
    ages = report_ages(state, [one.id for one in most]) if state and len(most) > 1 else {}
    return max(most, key=lambda one: (-ages.get(one.id, -1), one.id), default=None)


def report_ages(state: Pin, ids: list[str]) -> dict[str, int]:
    """How many commits were made after the one that brought each of these reports, of those that a state of a repo has.

    Commits, not dates: two of one second have an order, too.
    """
    with hub_errors(f"looking into {state}", state.repo, state.type):
        paths = {f"evaluation/{id}/{REPORT}": id for id in ids}
        infos = HfApi().get_paths_info(state.repo, list(paths), revision=state.revision, expand=True)
        commits = [one.commit_id for one in HfApi().list_repo_commits(state.repo, revision=state.revision)]
    last = {info.path: info.last_commit.oid for info in infos if info.last_commit}
    return {paths[path]: commits.index(commit) for path, commit in last.items() if commit in commits}


def predictions(contents: Contents, report: EvaluationRecord, repo: str) -> list[dict[str, Any]]:
    """Rows of the report's predictions. Raises UserError where the file is not the one that the report describes."""
    import hashlib

    import pyarrow.parquet as pq

    path = f"evaluation/{report.id}/{PREDICTIONS}"
    raw = contents.read(path)
    said = {file.path: file.sha256 for file in report.files}.get(PREDICTIONS)
    if raw is None or hashlib.sha256(raw).hexdigest() != said:
        raise UserError(f"{path} of {repo} is not the file that its {REPORT} describes: evaluate anew")
    return pq.read_table(BytesIO(raw)).to_pylist()


def dataset_record(pinned: Pin) -> DatasetRecord | None:
    """The record of a dataset at its pin; None where it has none, or one of a version that this code does not read."""
    raw = read_file(pinned, DATASET_RECORD)
    if raw is None or not has_schema(raw, DatasetRecord):
        return None
    return read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {pinned}")
