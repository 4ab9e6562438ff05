"""Publish an adapter with several reports to the Hub of the environment and print what a verification says of its history.

python -m tests.model_card.verification.level_card.history_world FOLDER
"""

import json
import sys
from pathlib import Path

import msgspec
from huggingface_hub import HfApi

from model_card.inputs import choose_report
from model_card.verification.level_card.history import verify_history
from model_card.verification.repo_state import RepoState
from model_card.verification.run import find, verify_state
from tests.model_card.card_world import CONFIG, tensors, upload
from tests.model_card.literal_records import evaluation_record, training_record
from titlecraft.records import EvaluationRecord, Pin

REPO = "titlecraft/history"


def report(folder: Path, id: str, adapter: Pin, n: int = 200) -> EvaluationRecord:
    """A report in a commit of its own."""
    record = msgspec.structs.replace(evaluation_record(), id=id, adapter=adapter, n=n)
    upload(REPO, "model", {f"evaluation/{id}/report.json": record.to_json()}, folder / id)
    return record


def said() -> list[tuple[str, str, str, str]]:
    """Claim, what stands there, what was found and the verdict of each line but for those that hold."""
    lines = verify_history(RepoState.download(find(REPO)))
    return [(one.claim, one.claimed, one.derived, one.verdict) for one in lines if one.verdict != "holds"]


def main(folder: Path) -> dict[str, object]:
    """What is found after each step."""
    training = training_record("other").to_json()
    files = {"training_record.json": training, "adapter_config.json": json.dumps(CONFIG).encode()}
    adapter = upload(
        REPO, "model", files | {"adapter_model.safetensors": tensors(folder / "tensors")}, folder / "adapter"
    )
    found: dict[str, object] = {}
    reports = [report(folder, "ffffffffffff", adapter)]
    found["one"] = said()
    reports.append(report(folder, "000000000000", adapter))
    reports.append(report(folder, "eeeeeeeeeeee", adapter, n=20))
    found["three"] = said()
    found["newest"] = choose_report(reports, training, find(REPO)).id
    found["about to be published"] = choose_report(reports, training, adapter).id
    HfApi().delete_folder("evaluation/000000000000", REPO, commit_message="Tidy up")
    found["one taken out"] = said()
    report(
        folder, "dddddddddddd", Pin(type="model", repo="titlecraft/lamps", revision=find("titlecraft/lamps").revision)
    )
    found["of another repo"] = [one for one in said() if one[3] == "does not hold"]
    HfApi().create_repo("titlecraft/empty")
    found["a dataset without its prefix"] = find("titlecraft/titles").type
    gone = RepoState.download(find(REPO))
    HfApi().delete_repo(REPO)
    found["deleted"] = verify_state(gone, "card", []).verdict
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
