"""python docs/gpus.py: write the table of GPUs into README.md, from the same cards, rates and memory estimates as `--dry-run`.

One epoch over a million products of the measured mean length with Llama 3 8B in 4 bit.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

from benchmarks.world.random_8b import config_8b
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.settings import Recipe
from training.planning.plan import Workload, plan_card
from training.planning.speed import CARDS, Card

ROOT = Path(__file__).resolve().parent.parent
TABLE = re.compile(r"(<!-- gpus: [^>]*-->\n).*?(<!-- end -->)", re.DOTALL)
PRODUCTS, PARAMETERS, TOKENS = 1_000_000, 8_030_261_248, 2048
LARGE = 80 * 10**9  # bytes; recipe full-epoch fits from here on


def tokens_of_a_product() -> float:
    """Return the mean tokens of a row in the measurement of the fast path."""
    measured = json.loads((ROOT / "benchmarks" / "results" / "training.json").read_bytes())["measured"]["fast"]
    return measured["tokens_per_second"] / measured["rows_per_second"]


def recipe_of(card: Card) -> tuple[str, Recipe, float]:
    """Return a recipe's name, its settings, and the mean tokens of one of its items, for a card of this size and age."""
    name = "seed" if not card.modern else "full-epoch" if card.memory > LARGE else "auto"
    recipe, _ = StageParser("train", "", ["base", "lora", "training"]).parse(["--recipe", name])
    return name, recipe, TOKENS if recipe.training.packing else tokens_of_a_product()


def table() -> str:
    """Return the table in Markdown, one line a card."""
    tokens = tokens_of_a_product()
    lines = ["| GPU | recipe | products a second | hours | |", "|---|---|---|---|---|"]
    for card in CARDS:
        name, recipe, item = recipe_of(card)
        run = Workload(
            config=config_8b(),
            recipe=replace(recipe, base=replace(recipe.base, max_length=TOKENS)),
            longest=TOKENS,
            tokens_per_item=item,
            efficiency=1.0,
            tokens_seen=round(PRODUCTS * tokens),
            parameters=PARAMETERS,
        )
        plan = plan_card(card, run)
        gpu = f"{card.name}, {card.memory / 1e9:.0f} GB"
        if not plan.fits:
            lines.append(f"| {gpu} | `{name}` | | | does not fit |")
            continue
        rate, hours = plan.tokens_per_second / tokens, plan.seconds / 3600
        kind = "measured" if plan.measured else "estimated"
        lines.append(f"| {gpu} | `{name}` | {rate:.1f} | {hours:,.0f} | {kind} |")
    return "\n".join(lines) + "\n"


def current(text: str) -> str:
    """Return the text of the README with the table as the planner has it now."""
    return TABLE.sub(lambda match: match[1] + table() + match[2], text)


if __name__ == "__main__":
    page = ROOT / "README.md"
    page.write_text(current(page.read_text(encoding="utf-8")), encoding="utf-8")
