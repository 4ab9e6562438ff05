"""Publishes an evaluated adapter with results of standard benchmarks, publishes these for the Hub, then changes them; prints JSON.

python -m tests.model_card.hub_results_world FOLDER
"""

import json
import sys
from pathlib import Path

import msgspec
from huggingface_hub import HfApi

from model_card.build import write_card
from model_card.hub_results import publish_hub_results, words
from model_card.verification.level_card.files.checksums import verify_files
from model_card.verification.level_card.files.hub_results import verify_hub_results
from model_card.verification.repo_state import RepoState
from tests.model_card import card_world
from tests.model_card.literal_evaluation import evaluation_record
from titlecraft.hub.pins import pin
from titlecraft.records import BenchmarkResult, EvaluationRecord, Pin

BENCHMARK = "titlecraft/arc"
ARC = ".eval_results/arc_easy_acc_2-shot.yaml"
TASKS = b"""name: ARC
tasks:
- {id: easy, config: ARC-Easy, split: test}
- {id: hard, config: ARC-Challenge}
"""


def report(benchmark: Pin) -> EvaluationRecord:
    """The literal report with two benchmarks, one of them in the benchmark's eval.yaml."""
    record = evaluation_record()
    arc, other = (
        msgspec.structs.replace(
            record.measures[1], name=name, label=label, group="forgetting", before=0.25, after=after
        )
        for name, label, after in (("arc:easy:acc, 2-shot", "arc:easy acc, 2-shot", 0.31254), ("x:acc", "x acc", 0.5))
    )
    results = [
        BenchmarkResult(arc.name, benchmark, "ARC-Easy", "test", "easy"),
        BenchmarkResult(other.name, benchmark, "default", "test", None),
    ]
    return msgspec.structs.replace(record, also=[arc, other], benchmarks=[benchmark], benchmark_results=results)


def wrong(head: Pin) -> list[str]:
    """Claims about `.eval_results` that do not hold."""
    state = RepoState.download(head)
    lines = verify_hub_results(state) + verify_files(state)
    return [
        f"{line.claim}: {line.claimed}" for line in lines if line.verdict == "does not hold" and ".eval" in str(line)
    ]


def main(folder: Path) -> dict[str, object]:
    """Publish, verify, change, verify."""
    api = HfApi()
    benchmark = card_world.upload(BENCHMARK, "dataset", {"eval.yaml": TASKS}, folder / "benchmark")
    card_world.evaluation_record = lambda: report(benchmark)
    card_world.publish_world(folder)
    before = pin(card_world.ADAPTER, "model")
    after = publish_hub_results(before)
    (folder / "card").mkdir()
    write_card(folder / "card", card_world.ADAPTER, after)
    text = api.hf_hub_download(after.repo, ARC, revision=after.revision)
    results: dict[str, object] = {
        "before": before.revision,
        "after": after.revision,
        "again": publish_hub_results(after).revision,
    }
    results |= {
        "entries": [vars(entry) for entry in api.model_info(after.repo, expand=["evalResults"]).eval_results or []]
    }
    results |= {
        "wrong": wrong(after),
        "words": words(report(benchmark)),
        "lines": len(verify_hub_results(RepoState.download(after))),
    }
    results["card"] = (folder / "card" / "README.md").read_text()
    good = Path(text).read_text()
    for name, (path, changed) in {
        "value": (ARC, good.replace("31.25", "91.25")),
        "notes": (ARC, good.replace("2-shot", "0-shot")),
        "source": (ARC, good.replace(before.revision, "f" * 40)),
        "not a result": (ARC, "- ["),
        "another file": (".eval_results/mmlu.yaml", good),
    }.items():
        commit = api.upload_file(path_or_fileobj=changed.encode(), path_in_repo=path, repo_id=after.repo)
        results[name] = wrong(Pin(type="model", repo=after.repo, revision=commit.oid))
        api.upload_file(path_or_fileobj=good.encode(), path_in_repo=ARC, repo_id=after.repo)
    return results


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
