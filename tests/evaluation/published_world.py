"""Publishes the tiny world to the Hub of the environment: base, dataset and adapter, as the other stages would.

python tests/evaluation/published_world.py [random seed of the adapter's update; 0 leaves it as before training]
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import HfApi

from tests.tiny_world import row
from titlecraft.prompt import PromptFormat
from titlecraft.records import (
    Code,
    Examples,
    Licence,
    Losses,
    Measured,
    Pin,
    RepoType,
    TrainingRecord,
)
from titlecraft.settings import SEVEN_PROJECTIONS, Base, Generation, Lora, Prompt, Training

BASE, DATASET, ADAPTER = "titlecraft/tiny-base", "titlecraft/tiny-dataset", "titlecraft/tiny-adapter"
ENCODER = "titlecraft/tiny-encoder"
BENCHMARK = "allenai/ai2_arc"  # the name that lighteval's task knows
SPLITS = {"train": range(0, 300), "validation": range(300, 330), "test": range(330, 400)}
LEAKED_TITLE, LEAKED_OUTPUT = 398, 399  # test rows whose title, or whose output, is put into the training split


def upload(folder: Path, repo: str, kind: RepoType) -> Pin:
    """Upload the folder's files in one commit; create the repo if needed."""
    api = HfApi()
    api.create_repo(repo, repo_type=kind, private=True, exist_ok=True)
    commit = api.upload_folder(repo_id=repo, folder_path=folder, repo_type=kind)
    return Pin(type=kind, repo=repo, revision=commit.oid)


def write_dataset(folder: Path) -> None:
    """Write parquet splits and prompt.json; two test rows share a title or description with the training split."""
    (folder / "data").mkdir()
    rows = {split: [row(number) for number in numbers] for split, numbers in SPLITS.items()}
    rows["train"][0] |= {"title": row(LEAKED_TITLE)["title"].upper()}
    rows["train"][1] |= {"output": row(LEAKED_OUTPUT)["output"]}
    for split, split_rows in rows.items():
        pq.write_table(pa.Table.from_pylist(split_rows), folder / "data" / f"{split}-00000-of-00001.parquet")
    (folder / "prompt.json").write_bytes(PromptFormat.from_settings(Prompt()).to_json())


def write_benchmark(folder: Path) -> None:
    """Write twenty-four questions in the format of ARC-Easy that lighteval's task reads."""
    questions = [
        {
            "id": f"Q{number}",
            "question": f"What is number {number} made for?",
            "choices": {"text": ["the kitchen", "the garden", "the attic"], "label": ["A", "B", "C"]},
            "answerKey": "ABC"[number % 3],
        }
        for number in range(24)
    ]
    (folder / "ARC-Easy").mkdir()
    for split in ("train", "validation", "test"):
        pq.write_table(pa.Table.from_pylist(questions), folder / "ARC-Easy" / f"{split}-00000-of-00001.parquet")
    files = [f"  - split: {split}\n    path: ARC-Easy/{split}-*" for split in ("train", "validation", "test")]
    task = "id: easy, config: ARC-Easy, split: test, field_spec: {input: question, target: answerKey}"
    (folder / "eval.yaml").write_text(f"name: ARC\ntasks:\n- {{{task}}}\n- {{id: other, split: test}}\n")
    card = "\n".join(["---", "configs:", "- config_name: ARC-Easy", "  data_files:", *files, "---", ""])
    (folder / "README.md").write_text(card)


def training_record(dataset: Pin, base: Pin, quantization: str) -> TrainingRecord:
    """A training record; values that the evaluation does not read are made up."""
    return TrainingRecord(
        key="0" * 64,
        code=Code(titlecraft="0", sources="0", python="3.11", packages={}),
        dataset=dataset,
        base=base,
        licence=Licence(id="mit", name=None, link=None, warning=None),
        base_settings=Base(repo=base.repo, max_length=256),
        lora=Lora(target_modules=list(SEVEN_PROJECTIONS)),
        training=Training(),
        generation=Generation(),
        precision="float32",
        quantization=quantization,
        quantization_note=None,
        attention="sdpa",
        fused_kernels="none",
        memory_note=None,
        trainable_parameters=1,
        base_parameters=1,
        special_tokens={},
        steps=1,
        epochs=1.0,
        examples=Examples(
            available=1, seen=1, distinct_seen=1, tokens_seen=1, completion_tokens_seen=1, truncated=0, left_out=0
        ),
        loss=Losses(first=1.0, last=1.0),
        checks=[],
        files=[],
        measured=Measured(
            device="cpu",
            wall_seconds=1.0,
            tokens_per_second=1.0,
            peak_gpu_memory_gb=None,
            peak_process_memory_gb=None,
            energy_kwh=None,
        ),
    )


def write_world(folder: Path) -> None:
    """Write the files of the three repos to one folder each."""
    from tests.evaluation.lookup.tiny_encoder import save_encoder
    from tests.tiny_world import add_adapter, make_base, save_base

    for name in ("base", "dataset", "adapter", "benchmark", "encoder"):
        (folder / name).mkdir(parents=True)
    save_base(folder / "base")
    save_encoder(folder / "encoder")
    write_dataset(folder / "dataset")
    write_benchmark(folder / "benchmark")
    add_adapter(make_base(400)).save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink()


def upload_world(folder: Path) -> dict[str, str]:
    """Upload base, dataset and adapter; return their pins as text."""
    base, dataset = upload(folder / "base", BASE, "model"), upload(folder / "dataset", DATASET, "dataset")
    (folder / "adapter" / "training_record.json").write_bytes(training_record(dataset, base, "nf4").to_json())
    adapter = upload(folder / "adapter", ADAPTER, "model")
    return {pin.repo: f"{pin.repo}@{pin.revision}" for pin in (base, dataset, adapter)}


if __name__ == "__main__":
    # on a Hub where its owner's namespace may be written to
    upload(Path(sys.argv[1]) / "benchmark", BENCHMARK, "dataset")
    encoder = upload(Path(sys.argv[1]) / "encoder", ENCODER, "model")
    print(json.dumps({ENCODER: f"{ENCODER}@{encoder.revision}"}))
    print(json.dumps(upload_world(Path(sys.argv[1]))))
