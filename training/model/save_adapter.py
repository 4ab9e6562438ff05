"""Write a trained adapter for publishing, with an adapter_config.json that old versions of PEFT can read."""

import json
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel

from titlecraft.records.repo_files import ADAPTER_CONFIG, CARD

ESSENTIAL = (
    "base_model_name_or_path",
    "bias",
    "inference_mode",
    "lora_alpha",
    "lora_dropout",
    "peft_type",
    "r",
    "revision",
    "target_modules",
    "task_type",
)
"""Keys of adapter_config.json that are always written, even with PEFT's default value."""


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write the adapter's tensors and its config into `folder`."""
    # "auto" would read the base's newest config on the Hub
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / CARD).unlink(missing_ok=True)  # PEFT's card; Titlecraft writes its own
    file = folder / ADAPTER_CONFIG
    file.write_text(json.dumps(essential(json.loads(file.read_bytes())), indent=2, sort_keys=True))


def essential(config: dict[str, Any]) -> dict[str, Any]:
    """The keys of ESSENTIAL, and the other keys whose values are not PEFT's defaults.

    PEFT reads a missing key as its default, but refuses a key that it does not know: PEFT 0.10 knows 22 of today's 45.
    """
    defaults = LoraConfig().to_dict()

    def is_default(key: str) -> bool:
        return config[key] is None or config[key] == defaults.get(key)

    return {
        key: value
        for key, value in config.items()
        if key != "peft_version" and (key in ESSENTIAL or not is_default(key))
    }
