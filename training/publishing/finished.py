"""A finished training that is not yet published: its folder, and a note beside it with the target repo."""

import shlex
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.files import is_unchanged
from titlecraft.hub.pins import endpoint
from titlecraft.records import TRAINING_RECORD, Record, TrainingRecord, read_record
from titlecraft.records.repo_files import PROMPT_FILE

TARGET = "target.json"


class Target(Record, frozen=True):
    """Where a training will be published: address of the Hub, repo, and whether a new repo is private."""

    hub: str
    repo: str
    private: bool


def write_target(folder: Path, repo: str, private: bool) -> None:
    """Write the note beside `folder`; inside it, it would be published with the adapter."""
    (folder.parent / TARGET).write_bytes(Target(hub=endpoint(), repo=repo, private=private).to_json())


def read_target(folder: Path) -> Target | None:
    """The note beside a folder to publish, or None if there is none."""
    file = folder.parent / TARGET
    return read_record(file.read_bytes(), Target, str(file)) if file.is_file() else None


def command_to_publish(folder: Path) -> str:
    """The shell command that publishes a finished training."""
    return f"titlecraft train --push-only {shlex.quote(str(folder))}"


def read_finished(folder: Path) -> TrainingRecord:
    """The record of a finished training. Raises UserError if it is missing, or a listed file is missing or changed."""
    file = folder / TRAINING_RECORD
    if not file.is_file():
        raise UserError(
            f"{folder} holds no finished training: expected {TRAINING_RECORD} in it, as a failed publishing names the folder"
        )
    record = read_record(file.read_bytes(), TrainingRecord, str(file))
    for listed in record.files:
        if not is_unchanged(folder, listed):
            raise UserError(
                f"{folder / listed.path} is not the file that was trained ({TRAINING_RECORD} has its sha256): train again"
            )
    if not (folder / PROMPT_FILE).is_file():
        raise UserError(f"{folder} has no {PROMPT_FILE}: train again")
    return record


def find_finished(folder: Path, key: str) -> TrainingRecord | None:
    """The record in `folder` if it holds a finished training with this key; None if it holds none.

    Raises UserError if it holds another training, which a new one would delete.
    """
    try:
        record = read_finished(folder)
    except UserError:
        return None
    if record.key != key:
        raise UserError(
            f"another training waits in {folder} to be published: `{command_to_publish(folder)}` does that; "
            "add --fresh to this command to discard it"
        )
    print(f"training had finished already; publishing what it left in {folder}")
    return record
