"""A training that is done and not yet published: the folder to publish, and beside it a note of where it was to go."""

import shlex
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.hub.pins import endpoint
from titlecraft.prompt import PROMPT_FILE
from titlecraft.records import TRAINING_RECORD, Record, TrainingRecord, file_sha256, read_record

TARGET = "target.json"


class Target(Record):
    """Where a training was to be published: the Hub's address, the repo, and whether a new repo is private."""

    hub: str
    repo: str
    private: bool


def write_target(folder: Path, repo: str, private: bool) -> None:
    """Note beside the folder to publish where it goes: not in it, where it would be published too."""
    (folder.parent / TARGET).write_bytes(Target(hub=endpoint(), repo=repo, private=private).to_json())


def read_target(folder: Path) -> Target | None:
    """The note beside a folder to publish, None where there is none."""
    file = folder.parent / TARGET
    return read_record(file.read_bytes(), Target, str(file)) if file.is_file() else None


def command_to_publish(folder: Path) -> str:
    """What to type to publish a finished training."""
    return f"titlecraft train --push-only {shlex.quote(str(folder))}"


def read_finished(folder: Path) -> TrainingRecord:
    """The record of a finished training. Raises UserError where it is not there, or a file is not the one it lists."""
    file = folder / TRAINING_RECORD
    if not file.is_file():
        raise UserError(
            f"{folder} holds no finished training: expected {TRAINING_RECORD} in it, as a failed publishing names the folder"
        )
    record = read_record(file.read_bytes(), TrainingRecord, str(file))
    for one in record.files:
        if not (folder / one.path).is_file() or file_sha256(folder / one.path) != one.sha256:
            raise UserError(
                f"{folder / one.path} is not the file that was trained ({TRAINING_RECORD} has its sha256): train again"
            )
    if not (folder / PROMPT_FILE).is_file():
        raise UserError(f"{folder} has no {PROMPT_FILE}: train again")
    return record


def finished(folder: Path, key: str) -> TrainingRecord | None:
    """The record of this very training, if it had finished and only its publishing had failed.

    Raises UserError where another training waits there: to go on would delete it.
    """
    try:
        record = read_finished(folder)
    except UserError:
        return None
    if record.key != key:
        raise UserError(
            f"another training waits in {folder} to be published: `{command_to_publish(folder)}` does that; "
            "add --fresh to this command to give it up"
        )
    print(f"training had finished already; publishing what it left in {folder}")
    return record
