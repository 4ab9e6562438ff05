"""Publishes an adapter of another program to the Hub of the environment: plain PEFT files and a dataset in Alpaca's format.

python -m tests.playground.third_party_world FOLDER
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.evaluation.published_world import upload
from tests.tiny_world import make_base, row, save_base
from titlecraft.records.base import RepoType

BASE, DATASET, ADAPTER = "titlecraft/tiny-base", "titlecraft/questions", "titlecraft/others-adapter"
CARD = """---
license: mit
model-index:
- name: others-adapter
  results:
  - task: {type: text-generation}
    dataset: {type: titlecraft/questions, name: questions}
    metrics: [{type: accuracy, value: 0.5}]
---

# Mine

Words.
"""


def add_other_adapter(base: Any) -> Any:
    """The base with an adapter of many kinds: rsLoRA, ranks that differ, and a layer that is trained in full."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    config = LoraConfig(
        r=4,
        lora_alpha=8,
        use_rslora=True,
        rank_pattern={"q_proj": 2},
        target_modules=["q_proj", "v_proj", "down_proj"],
        modules_to_save=["lm_head"],
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(base, config)
    for name, parameter in model.named_parameters():
        if "lora_B" in name or "modules_to_save" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def publish(folder: Path) -> None:
    """Write and upload base, dataset and adapter."""
    for name in ("base", "questions", "adapter"):
        (folder / name).mkdir(parents=True)
    save_base(folder / "base")
    (folder / "base" / "README.md").write_text("---\nlicense: mit\n---\n")
    rows = [row(number) for number in range(400)]
    lines = [json.dumps({"instruction": one["input"], "input": "", "output": one["output"]}) for one in rows]
    (folder / "questions" / "train.jsonl").write_text("\n".join(lines) + "\n")
    model = add_other_adapter(make_base(400))
    model.peft_config["default"].base_model_name_or_path = BASE
    model.save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").write_text(CARD)
    make_base(400, hidden=32).save_pretrained(folder / "wide")
    shutil.copy(folder / "base" / "tokenizer.json", folder / "wide")
    shutil.copy(folder / "base" / "tokenizer_config.json", folder / "wide")
    upload(folder / "wide", "titlecraft/wide-base", "model")
    kinds: dict[str, tuple[str, RepoType]] = {
        "base": (BASE, "model"),
        "questions": (DATASET, "dataset"),
        "adapter": (ADAPTER, "model"),
    }
    for name, (repo, kind) in kinds.items():
        upload(folder / name, repo, kind)


if __name__ == "__main__":
    publish(Path(sys.argv[1]))
