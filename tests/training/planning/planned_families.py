"""python -m tests.training.planning.planned_families FOLDER: plan each family's recipe on a tiny base of that family."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.evaluation.published_world import upload
from tests.tiny_chat import chat_tokenizer
from tests.tiny_families import make
from tests.tiny_world import train_tokenizer
from tests.training.planning.planned import ADAPTER, DATASET, publish
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.errors import UserError
from training.planning.plan import plan

RECIPES = {"qwen3": "thinks", "gemma3": "gemma", "mistral": "mistral", "smollm3": "iso date"}
"""Recipe, and family of tests.tiny_families -> kind of chat template of tests.tiny_chat."""


OTHERS = ("mixtral", "qwen3 moe", "gpt-oss", "falcon", "falcon, alibi", "stablelm", "bloom", "mpt", "gpt-j", "mamba")


def plan_others(folder: Path) -> dict[str, Any]:
    """Return family -> the plan of recipe tiny, or the message of its refusal."""
    parser = StageParser("train", "", ["base", "lora", "training", "generation", "prompt.format"])
    tokenizer, plans = train_tokenizer(), {}
    for family in OTHERS:
        name = family.replace(", ", "-").replace(" ", "-")
        tokenizer.save_pretrained(folder / name)
        make(family, vocab_size=len(tokenizer)).save_pretrained(folder / name)
        upload(folder / name, f"titlecraft/tiny-{name}", "model")
        arguments = ["--recipe", "tiny", f"--base.repo=titlecraft/tiny-{name}", "--base.max_length=200"]
        recipe, _ = parser.parse(arguments)
        try:
            plans[family] = json.loads(plan(DATASET, ADAPTER, recipe, parser.given).to_json())
        except UserError as error:
            plans[family] = str(error)
    return plans


def main(folder: Path) -> None:
    """Print recipe or family -> its plan, as JSON."""
    publish(folder)
    plans = plan_others(folder)
    for family, template in RECIPES.items():
        tokenizer = chat_tokenizer(template)
        tokenizer.save_pretrained(folder / family)
        make(family, vocab_size=len(tokenizer), max_position_embeddings=512).save_pretrained(folder / family)
        upload(folder / family, f"titlecraft/tiny-{family}", "model")
        parser = StageParser("train", "", ["base", "lora", "training", "generation", "prompt.format"])
        recipe, _ = parser.parse(["--recipe", family, f"--base.repo=titlecraft/tiny-{family}"])
        plans[family] = json.loads(plan(DATASET, ADAPTER, recipe, parser.given).to_json())
    print(json.dumps(plans))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
