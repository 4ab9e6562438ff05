"""The files of one repo at one commit, on this disk: the input of every check."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from huggingface_hub import HfApi

from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import download
from titlecraft.records import (
    DATASET_RECORD,
    REPORT,
    TRAINING_RECORD,
    DatasetRecord,
    EvaluationRecord,
    Pin,
    TrainingRecord,
    file_sha256,
    has_schema,
    read_record,
)
from titlecraft.records.repo_files import CARD, EXPORT_RECORD, SPACE_RECORD

RECORDS = (TRAINING_RECORD, DATASET_RECORD)
MISSING = "no such file"


@dataclass(frozen=True)
class RepoState:
    """The files of a repo at its pin, in `folder`. `paths` are relative to the folder and sorted."""

    pin: Pin
    folder: Path
    paths: list[str] = field(default_factory=list)

    @classmethod
    def of_folder(cls, pin: Pin, folder: Path) -> "RepoState":
        """The files that a folder holds."""
        paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return cls(pin, folder, paths)

    @classmethod
    def download(cls, pin: Pin) -> "RepoState":
        """All files of the Hub at the pin. Of a repo without an adapter or dataset of ours only card and record: the others may be large."""
        with hub_errors(f"looking into {pin}", pin.repo, pin.type):
            paths = HfApi().list_repo_files(pin.repo, repo_type=pin.type, revision=pin.revision)
        has_record = any(path in RECORDS for path in paths)
        folder = download(pin, None if has_record else [CARD, EXPORT_RECORD, SPACE_RECORD])
        return cls(pin, folder, sorted(paths))

    @cached_property
    def path_set(self) -> frozenset[str]:
        """The same paths as a set."""
        return frozenset(self.paths)

    def file(self, path: str) -> Path | None:
        """The file on this disk; None for a path that is not in the repo, such as `../x`.

        Paths in records and in SHA256SUMS come from strangers. This method never returns a file outside the repo.
        """
        file = self.folder / path
        return file if path in self.path_set and file.is_file() else None

    def require_file(self, path: str) -> Path:
        """The file on this disk. Raises UserError if the repo does not have it."""
        file = self.file(path)
        if file is None:
            raise UserError(f"{self.pin} has no {path}")
        return file

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None if the repo does not have it."""
        file = self.file(path)
        return None if file is None else file.read_bytes()

    def require(self, path: str) -> bytes:
        """The bytes of a file. Raises UserError if the repo does not have it."""
        return self.require_file(path).read_bytes()

    def sha256(self, path: str) -> str:
        """The sha256 of a file in hex; MISSING if the repo does not have it."""
        file = self.file(path)
        return MISSING if file is None else file_sha256(file)

    def describe(self, path: str) -> str:
        """The name of a file in messages."""
        return f"{path} of {self.pin}"

    @cached_property
    def training(self) -> TrainingRecord:
        """The training record. Raises UserError if it is missing or cannot be read."""
        return read_record(self.require(TRAINING_RECORD), TrainingRecord, self.describe(TRAINING_RECORD))

    @cached_property
    def dataset(self) -> DatasetRecord:
        """The dataset record. Raises UserError if it is missing or cannot be read."""
        return read_record(self.require(DATASET_RECORD), DatasetRecord, self.describe(DATASET_RECORD))

    def report_folders(self) -> list[str]:
        """The folders `evaluation/ID` that have a report.json, sorted."""
        ending = f"/{REPORT}"
        return [path.removesuffix(ending) for path in self.paths if is_report(path)]

    def report(self, folder: str) -> EvaluationRecord:
        """The report of a folder. Raises UserError if this code cannot read it."""
        path = f"{folder}/{REPORT}"
        return read_record(self.require(path), EvaluationRecord, self.describe(path))

    def readable_reports(self) -> list[str]:
        """The folders of the reports that this code can read, sorted."""
        return [folder for folder in self.report_folders() if not self.has_other_schema(folder)]

    def has_other_schema(self, folder: str) -> bool:
        """Whether a report has another schema version than this code reads. The card ignores such a report, too."""
        return not has_schema(self.require(f"{folder}/{REPORT}"), EvaluationRecord)


def is_report(path: str) -> bool:
    """Whether a path of an adapter repo is that of a report.json."""
    return path.startswith("evaluation/") and path.endswith(f"/{REPORT}")
