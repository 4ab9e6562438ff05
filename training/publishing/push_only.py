"""titlecraft train --push-only DIR: publish a finished training whose publishing failed."""

import shutil
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.hub.licence import require_name
from titlecraft.hub.pins import current_name, endpoint, find_record, published_pin, require_own, require_write
from titlecraft.hub.publishing import sole_publisher, work_folder
from titlecraft.records import TRAINING_RECORD, Pin, TrainingRecord
from training.publishing.finished import TARGET, read_finished, read_target
from training.publishing.publish import WriteCard, publish_trained


def push_only(folder: Path, repo: str | None, *, private: bool, write_card: WriteCard) -> tuple[Pin, TrainingRecord]:
    """Check a finished training and publish it; returns its pin and its record. Raises UserError.

    Args:
        repo: NS/NAME; None takes the repo that it was trained for.
        private: make a new repo private; used only with `repo`.
    """
    record, target = read_finished(folder), read_target(folder)
    if repo is None:
        if target is None:
            raise UserError(f"there is no {TARGET} beside {folder} that says where it goes: give --repo NAMESPACE/NAME")
        if target.hub != endpoint():
            raise UserError(
                f"{folder} was trained for {target.hub}, this is {endpoint()}: set HF_ENDPOINT or --hub to the former, or give "
                "--repo for the latter"
            )
        repo, private = target.repo, target.private
    require_write(repo)
    repo = current_name(repo, "model")
    with sole_publisher(repo, "model"):
        head = published_pin(repo, "model")
        require_own(head, TRAINING_RECORD)
        if head and (
            published_record := find_record(
                head, TRAINING_RECORD, TrainingRecord, record.key, lambda record: record.files
            )
        ):
            print(f"nothing to do: {repo} already has this adapter")
            return head, published_record
        require_name(repo, record.licence, record.base)
        published = publish_trained(folder, repo, head, record, private=private, write_card=write_card)
        if folder.absolute() == (work_folder("train", repo) / "publish").absolute():
            shutil.rmtree(folder.parent)
    return published, record
