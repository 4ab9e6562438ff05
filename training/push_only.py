"""titlecraft train --push-only DIR: publish a training that had finished when its publishing failed."""

import shutil
from collections.abc import Callable
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.hub.licence import require_name
from titlecraft.hub.pins import current_name, endpoint, find_record, published_pin, require_own, require_write
from titlecraft.hub.publishing import sole_publisher, work_folder
from titlecraft.records import TRAINING_RECORD, Pin, TrainingRecord
from training.finished import TARGET, read_finished, read_target
from training.run import publish_trained


def push_only(
    folder: Path, repo: str | None, *, private: bool, write_card: Callable[[Path, str, Pin | None], None]
) -> tuple[Pin, TrainingRecord]:
    """Check the folder and publish it; returns where it is, and its record. Raises UserError.

    Args:
        repo: unset takes the one that it was trained for.
        private: for a new repo, where the folder does not say.
    """
    record, target = read_finished(folder), read_target(folder)
    if repo is None:
        if target is None:
            raise UserError(f"there is no {TARGET} beside {folder} that says where it goes: give --repo NAMESPACE/NAME")
        if target.hub != endpoint():
            raise UserError(f"{folder} was trained for {target.hub}, this is {endpoint()}: set HF_ENDPOINT or --hub to the "
                            "former, or give --repo for the latter")  # fmt: skip
        repo, private = target.repo, target.private
    require_write(repo)
    repo = current_name(repo, "model")
    with sole_publisher(repo, "model"):
        head = published_pin(repo, "model")
        require_own(head, TRAINING_RECORD)
        if there := find_record(head, TRAINING_RECORD, TrainingRecord, record.key, lambda record: record.files):
            print(f"nothing to do: {repo} has this very adapter")
            return head, there
        require_name(repo, record.licence, record.base)
        published = publish_trained(folder, repo, head, record, private=private, write_card=write_card)
        if folder.absolute() == (work_folder("train", repo) / "publish").absolute():
            shutil.rmtree(folder.parent)
    return published, record
