"""Publish small repos with literal records, ours and a third party's, to the Hub of the environment. No model is loaded.

python -m tests.model_card.card_world FOLDER
"""

import json
import sys
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import HfApi
from safetensors.numpy import save_file

from tests.model_card.literal_evaluation import evaluation_record
from tests.model_card.literal_records import ROWS, dataset_record, training_record
from titlecraft.prompt import PromptFormat
from titlecraft.records import Licence, Pin, RepoType, describe_file
from titlecraft.settings import Prompt

BASE, DATASET, ADAPTER = "titlecraft/base", "titlecraft/titles", "titlecraft/lamps"
THIRD_PARTY = "titlecraft/somebodys"
CONFIG = {
    "base_model_name_or_path": BASE,
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "r": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.1,
    "target_modules": ["q_proj", "v_proj"],
    "revision": None,
    "peft_version": "0.21.2",
}
OLD_CARD = """---
license: mit
datasets: [somebody/texts]
model-index: [{name: x, results: []}]
---
# The best model. Accuracy 99.9 %
"""


def upload(repo: str, kind: RepoType, files: dict[str, bytes], folder: Path) -> Pin:
    """Create a repo with these files in one commit; returns its pin."""
    for path, raw in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    HfApi().create_repo(repo, repo_type=kind, exist_ok=True)
    commit = HfApi().upload_folder(repo_id=repo, repo_type=kind, folder_path=folder)
    return Pin(type=kind, repo=repo, revision=commit.oid)


def tensors(folder: Path) -> bytes:
    """The bytes of an adapter file: two layers of rank 4 with 4 x 16 + 16 x 4 parameters each."""
    file = folder / "adapter_model.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    layer = {"lora_A.weight": np.zeros((4, 16), np.float32), "lora_B.weight": np.zeros((16, 4), np.float32)}
    save_file({f"model.{name}.{part}": array for name in ("q_proj", "v_proj") for part, array in layer.items()}, file)
    return file.read_bytes()


def publish_world(folder: Path) -> dict[str, str]:
    """Publish a base, a dataset, an evaluated Titlecraft adapter and two third-party adapters; returns repo -> commit."""
    base = upload(BASE, "model", {"README.md": b"---\nlicense: mit\n---\n", "LICENSE": b"MIT"}, folder / "base")
    dataset = upload(DATASET, "dataset", {"dataset_record.json": dataset_record().to_json()}, folder / "dataset")
    licence = Licence(id="mit", name=None, link=None, warning=None)
    training = msgspec.structs.replace(training_record("other"), base=base, dataset=dataset, licence=licence)
    ours = {
        "training_record.json": training.to_json(),
        "prompt.json": PromptFormat.from_settings(Prompt()).to_json(),
        "adapter_config.json": json.dumps(CONFIG).encode(),
        "adapter_model.safetensors": tensors(folder / "tensors"),
    }
    adapter = upload(ADAPTER, "model", ours, folder / "adapter")
    publish_report(folder / "report", adapter, base, dataset)
    theirs = {
        "adapter_config.json": ours["adapter_config.json"],
        "adapter_model.safetensors": ours["adapter_model.safetensors"],
        "README.md": OLD_CARD.encode(),
        "tokenizer_config.json": b'{"bos_token": {"content": "<s>"}, "eos_token": "</s>"}',
    }
    third_party = upload(THIRD_PARTY, "model", theirs, folder / "third_party")
    local = CONFIG | {"base_model_name_or_path": "/home/somebody/llama", "target_modules": "all|<b>linear</b>"}
    upload(
        f"{THIRD_PARTY}-local",
        "model",
        {"adapter_config.json": json.dumps(local).encode(), "adapter_model.bin": b"\x80"},
        folder / "local",
    )
    return {pin.repo: pin.revision for pin in (base, dataset, adapter, third_party)}


def publish_report(folder: Path, adapter: Pin, base: Pin, dataset: Pin) -> None:
    """Publish an evaluation report of the adapter, without a card; the tests write the card."""
    (folder / "evaluation" / "0123456789ab").mkdir(parents=True)
    predictions = folder / "evaluation" / "0123456789ab" / "predictions.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), predictions)
    files = [describe_file(predictions.parent, predictions)]
    report = msgspec.structs.replace(evaluation_record(), adapter=adapter, base=base, dataset=dataset, files=files)
    upload(ADAPTER, "model", {"evaluation/0123456789ab/report.json": report.to_json()}, folder)


if __name__ == "__main__":
    print(json.dumps(publish_world(Path(sys.argv[1]))))
