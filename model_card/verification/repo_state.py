"""One state of a repo with all its files on this disk: what a verification looks at."""

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
    has_schema,
    read_record,
)

RECORDS = (TRAINING_RECORD, DATASET_RECORD)


@dataclass(frozen=True)
class RepoState:
    """Files of a repo at its pin, below a folder; `paths` are relative to it, sorted."""

    pin: Pin
    folder: Path
    paths: list[str] = field(default_factory=list)

    @classmethod
    def of_folder(cls, pinned: Pin, folder: Path) -> "RepoState":
        """The state that a folder holds."""
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return cls(pinned, folder, files)

    @classmethod
    def download(cls, pinned: Pin) -> "RepoState":
        """Everything that the Hub has at the pin; of a repo without a record of ours only the list, its files may be large."""
        with hub_errors(f"looking into {pinned}", pinned.repo, pinned.type):
            paths = HfApi().list_repo_files(pinned.repo, repo_type=pinned.type, revision=pinned.revision)
        ours = any(path in RECORDS for path in paths)
        folder = download(pinned, None if ours else ["README.md"])
        return cls(pinned, folder, sorted(paths))

    @cached_property
    def files(self) -> frozenset[str]:
        """The same paths, to look one up."""
        return frozenset(self.paths)

    def file(self, path: str) -> Path | None:
        """Where a file of the repo lies on this disk; None for every path that is none of its files, as `../x`.

        Paths in records and sums are a stranger's: nothing else on this machine is opened for them.
        """
        place = self.folder / path
        return place if path in self.files and place.is_file() else None

    def read(self, path: str) -> bytes | None:
        """Bytes of a file, None where there is none."""
        file = self.file(path)
        return None if file is None else file.read_bytes()

    def named(self, path: str) -> str:
        """A file, as a message calls it."""
        return f"{path} of {self.pin}"

    @cached_property
    def training(self) -> TrainingRecord:
        """The training record. Raises UserError where it is missing or cannot be read."""
        return read_record(self.require(TRAINING_RECORD), TrainingRecord, self.named(TRAINING_RECORD))

    @cached_property
    def dataset(self) -> DatasetRecord:
        """The dataset record. Raises UserError where it is missing or cannot be read."""
        return read_record(self.require(DATASET_RECORD), DatasetRecord, self.named(DATASET_RECORD))

    def require(self, path: str) -> bytes:
        """Bytes of a file that must be there."""
        raw = self.read(path)
        if raw is None:
            raise UserError(f"{self.pin} has no {path}")
        return raw

    def report_folders(self) -> list[str]:
        """Folders below evaluation/ with a report.json, sorted."""
        return [path.removesuffix(f"/{REPORT}") for path in self.paths
                if path.startswith("evaluation/") and path.endswith(f"/{REPORT}")]  # fmt: skip

    def report(self, folder: str) -> EvaluationRecord:
        """The report of a folder. Raises UserError where this code cannot read it."""
        path = f"{folder}/{REPORT}"
        return read_record(self.require(path), EvaluationRecord, self.named(path))

    def readable_reports(self) -> list[str]:
        """Folders of the reports that this code reads, sorted."""
        return [folder for folder in self.report_folders() if not self.is_older_report(folder)]

    def is_older_report(self, folder: str) -> bool:
        """Whether a report says that it is of another version of the record, which the card passes over too."""
        return not has_schema(self.require(f"{folder}/{REPORT}"), EvaluationRecord)
