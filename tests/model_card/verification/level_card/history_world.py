"""Publishes an adapter with several reports to the Hub of the environment, and prints the verification lines of its history.

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
from tests.model_card.literal_evaluation import evaluation_record
from tests.model_card.literal_records import training_record
from titlecraft.records import EvaluationRecord, Pin

REPO = "titlecraft/history"


def report(folder: Path, id: str, adapter: Pin, n: int = 200) -> EvaluationRecord:
    """Publish a report in one commit."""
    record = msgspec.structs.replace(evaluation_record(), id=id, adapter=adapter, n=n)
    upload(REPO, "model", {f"evaluation/{id}/report.json": record.to_json()}, folder / id)
    return record


def lines_that_do_not_hold() -> list[tuple[str, str, str, str]]:
    """Claim, claimed value, derived value and verdict of each line with another verdict than "holds"."""
    lines = verify_history(RepoState.download(find(REPO)))
    return [(line.claim, line.claimed, line.derived, str(line.verdict)) for line in lines if line.verdict != "holds"]


def shown(reports: list[EvaluationRecord], training: bytes, adapter: Pin) -> str | None:
    """The id of the report that the card of an adapter shows."""
    report = choose_report(reports, training, adapter)
    return None if report is None else report.id


def main(folder: Path) -> dict[str, object]:
    """Print the lines after each step."""
    training = training_record("other").to_json()
    files = {"training_record.json": training, "adapter_config.json": json.dumps(CONFIG).encode()}
    adapter = upload(
        REPO, "model", files | {"adapter_model.safetensors": tensors(folder / "tensors")}, folder / "adapter"
    )
    results: dict[str, object] = {}
    reports = [report(folder, "ffffffffffff", adapter)]
    results["one"] = lines_that_do_not_hold()
    reports.append(report(folder, "000000000000", adapter))
    reports.append(report(folder, "eeeeeeeeeeee", adapter, n=20))
    results["three"] = lines_that_do_not_hold()
    results["newest"] = shown(reports, training, find(REPO))
    results["about to be published"] = shown(reports, training, adapter)
    HfApi().delete_folder("evaluation/000000000000", REPO, commit_message="Tidy up")
    results["one taken out"] = lines_that_do_not_hold()
    report(
        folder, "dddddddddddd", Pin(type="model", repo="titlecraft/lamps", revision=find("titlecraft/lamps").revision)
    )
    results["of another repo"] = [line for line in lines_that_do_not_hold() if line[3] == "does not hold"]
    HfApi().create_repo("titlecraft/empty")
    results["a dataset without its prefix"] = find("titlecraft/titles").type
    gone = RepoState.download(find(REPO))
    HfApi().delete_repo(REPO)
    results["deleted"] = verify_state(gone, "card", []).verdict
    return results


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
