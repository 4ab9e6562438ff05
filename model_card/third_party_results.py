"""The results of a report in the repo of an adapter without a training record: `model-index` of its card, and `.eval_results`.

The card's text stays as it is, and so do all other metadata and results.
"""

from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
from huggingface_hub.repocard_data import eval_results_to_model_index

from model_card.metadata import HUB, eval_results
from titlecraft.cards.front_matter import load_front_matter, split_front_matter
from titlecraft.cards.head_card import read_head_card
from titlecraft.errors import UserError
from titlecraft.records import REPORT, EvaluationRecord, Pin
from titlecraft.records.repo_files import CARD

RESULTS = ".eval_results"


def write_results(folder: Path, head: Pin, record: EvaluationRecord) -> None:
    """Write README.md and .eval_results/titlecraft-<id>.yaml into a folder that is about to be proposed on top of `head`.

    Raises UserError if the metadata of the head's card are not YAML.
    """
    text = read_head_card(head) or ""
    (folder / CARD).write_text(with_results(text, head, record), encoding="utf-8", newline="\n")
    (folder / RESULTS).mkdir(exist_ok=True)
    entries = eval_result_entries_to_yaml(entries_of(head.repo, record))
    (folder / RESULTS / f"titlecraft-{record.id}.yaml").write_text(
        yaml.safe_dump(entries, sort_keys=False, allow_unicode=True), encoding="utf-8"
    )


def with_results(text: str, head: Pin, record: EvaluationRecord) -> str:
    """The card with the report's results in its `model-index`, in place of earlier results of the same report."""
    front, body = split_front_matter(text)
    try:
        metadata = load_front_matter(front) if front else {}
    except ValueError as error:
        raise UserError(
            f"{CARD} of {head}: its metadata are not YAML, so that no result can be added to them"
        ) from error
    if not isinstance(metadata, dict):
        raise UserError(
            f"{CARD} of {head}: its metadata are no `name: value` lines, so that no result can be added to them"
        )
    new = eval_results_to_model_index(head.repo.split("/")[1], eval_results(head.repo, record))[0]
    found = metadata.get("model-index")
    index: list[Any] = found if isinstance(found, list) else []
    same = next((model for model in index if isinstance(model, dict) and model.get("name") == new["name"]), None)
    if same is None or not isinstance(same.get("results"), list):
        index = [*index, new]
    else:
        addresses = {result["source"]["url"] for result in new["results"]}
        same["results"] = [one for one in same["results"] if address_of(one) not in addresses] + new["results"]
    metadata["model-index"] = index
    dumped = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=float("inf"))
    return f"---\n{dumped}---\n{body}"


def address_of(result: Any) -> Any:
    """The address of the report that a result of a `model-index` names; None without one."""
    source = result.get("source") if isinstance(result, dict) else None
    return source.get("url") if isinstance(source, dict) else None


def entries_of(repo: str, record: EvaluationRecord) -> list[EvalResultEntry]:
    """One entry of `.eval_results` for each measure: the value with the adapter."""
    return [
        EvalResultEntry(
            dataset_id=record.dataset.repo,
            task_id=measure.name,
            value=measure.after,
            dataset_revision=record.dataset.revision,
            source_url=f"{HUB}/{repo}/blob/main/evaluation/{record.id}/{REPORT}",
            source_name=f"Report {record.id}, adapter at {record.adapter.revision[:12]}",
            notes=f"{measure.label} ({measure.unit}); {measure.before:.6g} without the adapter; {measure.n} titles",
        )
        for measure in record.measures
    ]
