"""Repos of an adapter and of a dataset as literal files in a folder, with changes by an attacker who recomputes all checksums."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import save_file

from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from tests.model_card.literal_records import ADAPTER, DATASET, dataset_record, training_record
from titlecraft.hub.checksums import write_sums
from titlecraft.records import describe_file, file_sha256
from titlecraft.records.repo_files import CHECKSUMS
from titlecraft.settings import Lora

CONFIG: dict[str, Any] = {
    "base_model_name_or_path": "ns/base",
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "r": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.05,
    "target_modules": ["q_proj", "v_proj"],
    "revision": "b" * 40,
    "peft_version": "0.21.2",
    "bias": "none",
    "inference_mode": True,
    "init_lora_weights": True,
    "fan_in_fan_out": False,
    "use_dora": False,
    "alpha_pattern": {},
    "modules_to_save": None,
    "megatron_core": "megatron.core",
    "qalora_group_size": 16,
}


Change = Callable[[Path], None]


def layers(*names: str) -> dict[str, np.ndarray]:
    """Both factors of these layers, of rank 4."""
    part = {"lora_A.weight": np.ones((4, 16), np.float32), "lora_B.weight": np.ones((16, 4), np.float32)}
    return {f"base_model.model.layers.0.{name}.{factor}": array for name in names for factor, array in part.items()}


def adapter(
    folder: Path, change: Change = lambda folder: None, targets: tuple[str, ...] = ("q_proj", "v_proj")
) -> RepoState:
    """An adapter's repo, changed by an attacker who recomputes the checksums of the record and SHA256SUMS."""
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG))
    save_file(layers(*(f"self_attn.{name}" for name in targets)), folder / "adapter_model.safetensors")
    for name in ("tokenizer.json", "tokenizer_config.json", "prompt.json", "training_log.jsonl"):
        (folder / name).write_text("{}")
    change(folder)
    files = [describe_file(folder, folder / name) for name in ("adapter_model.safetensors", "adapter_config.json")]
    lora = Lora(r=4, alpha=8, target_modules=list(targets))
    record = msgspec.structs.replace(training_record("llama3"), files=files, lora=lora)
    (folder / "training_record.json").write_bytes(record.to_json())
    return listed(folder, ADAPTER)


def dataset(folder: Path, change: Change = lambda folder: None) -> RepoState:
    """A dataset's repo, changed in the same way."""
    record = dataset_record()
    for split in record.splits.values():
        for file in split.files:
            write_file(file.path)(folder)
    for name in ("prompt.json", "quarantine/lines.jsonl", "assets/splits.png", "lineage.json"):
        write_file(name)(folder)
    change(folder)
    (folder / "dataset_record.json").write_bytes(record.to_json())
    return listed(folder, DATASET)


def listed(folder: Path, pin: Any) -> RepoState:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS]
    (folder / CHECKSUMS).write_bytes(
        write_sums({path.relative_to(folder).as_posix(): file_sha256(path) for path in paths})
    )
    return RepoState.of_folder(pin, folder)


def write_file(path: str, text: str = "x") -> Change:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)

    return change


def config(**values: Any) -> Change:
    return lambda folder: write_file("adapter_config.json", json.dumps(CONFIG | values))(folder)


def tensors(**more: np.ndarray) -> Change:
    """A change that writes these tensors; __ in a name stands for a dot."""
    return lambda folder: save_file(
        layers("self_attn.q_proj", "self_attn.v_proj") | {name.replace("__", "."): one for name, one in more.items()},
        folder / "adapter_model.safetensors",
    )


def wrong(lines: list[Line]) -> list[str]:
    return [f"{line.claim}: {line.claimed}" for line in lines if line.verdict == "does not hold"]
