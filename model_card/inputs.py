"""The inputs of an adapter's card, read from a repo at a revision and from a folder that will be published on top of it."""

import hashlib
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
    """The inputs of a card. Equal inputs give the same card, byte for byte.

    Args:
        repo: NS/NAME without a revision, because the card is written before the commit that it is part of.
        training: the adapter's training record.
        report: the report that the card shows; None if the adapter was not evaluated.
        rows: the rows of that report's predictions.parquet; empty without a report.
        dataset: the record of the dataset at its pinned revision; None if the dataset repo has none.
        files: paths of all files of the repo after the commit.
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
    """The files of a repo after a folder is published on top of its head. Either may be None."""

    folder: Path | None
    head: Pin | None

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None if neither the folder nor the head has it."""
        if self.folder and (self.folder / path).is_file():
            return (self.folder / path).read_bytes()
        return read_file(self.head, path) if self.head and not self.is_replaced(path) else None

    def new_adapter(self) -> bool:
        """Whether the folder has an adapter; it replaces the head's adapter and that adapter's reports."""
        return self.folder is not None and (self.folder / TRAINING_RECORD).is_file()

    def is_replaced(self, path: str) -> bool:
        """Whether publishing the folder removes or replaces this file of the head."""
        return self.new_adapter() and any(fnmatch(path, pattern) for pattern in REPLACED_BY_TRAINING)

    def paths(self) -> frozenset[str]:
        """The paths of all files."""
        paths: set[str] = set()
        if self.head:
            with hub_errors(f"listing the files of {self.head}", self.head.repo, self.head.type):
                in_head = HfApi().list_repo_files(self.head.repo, revision=self.head.revision)
            paths |= {path for path in in_head if not self.is_replaced(path)}
        if self.folder:
            paths |= {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}
        return frozenset(paths)


def read_card_inputs(
    folder: Path | None, head: Pin | None, repo: str | None = None, published: Pin | None = None
) -> CardInputs:
    """Read the inputs of a repo's card.

    Args:
        folder: the files to publish on top of `head`; None reads the repo at `head` as it is.
        head: a revision of the repo; None for a new repo.
        repo: NS/NAME; may be omitted if there is a head.
        published: the revision that the folder is a copy of; its commit history tells which report is the newest.

    Raises:
        UserError: the repo has no Titlecraft adapter, a record cannot be read, the predictions do not match the report,
            or the dataset does not exist or is not accessible.
    """
    contents = Contents(folder, head)
    repo = repo or (head.repo if head else "")
    training, prompt = contents.read(TRAINING_RECORD), contents.read(PROMPT_FILE)
    if training is None or prompt is None:
        raise UserError(
            f"model {repo} has no {TRAINING_RECORD} and {PROMPT_FILE}: expected an adapter that `titlecraft train` published"
        )
    record = read_record(training, TrainingRecord, f"{TRAINING_RECORD} of {repo}")
    candidates = reports(folder, None if contents.new_adapter() else head, repo)
    report = choose_report(candidates, training, published or head)
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
    """All reports in the folder and the head, without those of older schema versions. For equal ids the folder's wins."""
    pattern = f"evaluation/*/{REPORT}"
    files = {file.parent.name: file for file in download(head, [pattern]).glob(pattern)} if head else {}
    files |= {file.parent.name: file for file in folder.glob(pattern)} if folder else {}
    return [
        read_record(raw, EvaluationRecord, f"{REPORT} of {repo}")
        for _, raw in sorted((name, file.read_bytes()) for name, file in files.items())
        if has_schema(raw, EvaluationRecord)
    ]


def choose_report(
    candidates: list[EvaluationRecord], training: bytes, state: Pin | None = None
) -> EvaluationRecord | None:
    """The report that the card shows: of the reports about this training record's adapter, the newest on the most titles.

    `state` is the revision of the repo that has the reports. A report that it lacks is not published yet, so it is the newest.
    """
    about_adapter = [report for report in candidates if read_file(report.adapter, TRAINING_RECORD) == training]
    largest = [report for report in about_adapter if report.n == max(other.n for other in about_adapter)]
    ages = report_ages(state, [report.id for report in largest]) if state and len(largest) > 1 else {}
    return max(largest, key=lambda report: (-ages.get(report.id, -1), report.id), default=None)


def report_ages(state: Pin, ids: list[str]) -> dict[str, int]:
    """Report id -> number of commits since the report was published, for the reports that a revision of a repo has.

    Commits rather than dates, because two commits may have the same second.
    """
    with hub_errors(f"reading the history of {state}", state.repo, state.type):
        paths = {f"evaluation/{id}/{REPORT}": id for id in ids}
        infos = HfApi().get_paths_info(state.repo, list(paths), revision=state.revision, expand=True)
        commits = [commit.commit_id for commit in HfApi().list_repo_commits(state.repo, revision=state.revision)]
    last = {info.path: info.last_commit.oid for info in infos if info.last_commit}
    return {paths[path]: commits.index(commit) for path, commit in last.items() if commit in commits}


def predictions(contents: Contents, report: EvaluationRecord, repo: str) -> list[dict[str, Any]]:
    """The rows of the report's predictions. Raises UserError if the file's sha256 is not the one in the report."""
    import pyarrow.parquet as pq

    path = f"evaluation/{report.id}/{PREDICTIONS}"
    raw = contents.read(path)
    recorded = {file.path: file.sha256 for file in report.files}.get(PREDICTIONS)
    if raw is None or hashlib.sha256(raw).hexdigest() != recorded:
        raise UserError(f"{path} of {repo} is not the file that its {REPORT} describes: evaluate again")
    return pq.read_table(BytesIO(raw)).to_pylist()


def dataset_record(pinned: Pin) -> DatasetRecord | None:
    """The record of a dataset at its pinned revision; None if there is none, or if its schema is another version."""
    raw = read_file(pinned, DATASET_RECORD)
    if raw is None or not has_schema(raw, DatasetRecord):
        return None
    return read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {pinned}")
