"""Claims about validation during training: the table of steps, and which of them is published; and how the recipe was chosen."""

from typing import Any

from model_card.claims.claim import Claim

VALIDATION = "training.validation"
CHOSEN = "training.chosen"
REASONS = {"lowest validation loss": "the one with the lowest validation loss", "last step": "the last one"}


def published_step(values: dict[str, Any]) -> dict[str, Any]:
    """Why the published step was kept, how many examples it had seen, and whether the run was stopped early."""
    points = values["points"]
    kept, last = next(point for point in points if point["step"] == values["kept"]), points[-1]["step"]
    stopped = f" Training stopped after step {last:,}, because the loss fell no more." if values["stopped"] else ""
    return {"why": REASONS[values["reason"]], "examples": kept["examples"], "stopped_after": stopped}


def row_of_step(values: dict[str, Any]) -> dict[str, Any]:
    """The cells of a step; those of the published step are bold."""
    point = values["point"]
    trained = point["training_loss"]
    cells = [
        f"{point['step']:,}",
        f"{point['epoch']:.4g}",
        f"{point['examples']:,}",
        "" if trained is None else f"{trained:.4g}",
        f"{point['validation_loss']:.4f}",
    ]
    bold = point["step"] == values["kept"]
    return {"cells": " | ".join(f"**{cell}**" if bold and cell else cell for cell in cells)}


def chosen_settings(values: dict[str, Any]) -> dict[str, Any]:
    """The chosen settings with their values."""
    return {"settings": " and ".join(f"`{key}` {value}" for key, value in values["chosen"].items())}


CLAIMS_OF_VALIDATION = (
    Claim("training.chosen", "training",
          "The recipe was chosen among {among:,} recipes by the {judged_on} of {rows:,} rows of the `{split}` split of "
          "[{repo}](/datasets/{repo}) at `{revision}`: {settings} (sweep.json with sha256 `{sweep}`).",
          {"among": f"{CHOSEN}.among", "judged_on": f"{CHOSEN}.judged_on", "rows": f"{CHOSEN}.rows", "split": f"{CHOSEN}.split",
           "repo": f"{CHOSEN}.dataset.repo", "revision": f"{CHOSEN}.dataset.revision", "chosen": f"{CHOSEN}.settings",
           "sweep": f"{CHOSEN}.sweep"}, derive=chosen_settings),
    Claim("training.validation", "training",
          "Validation loss on {rows:,} random rows of the `{split}` split ({tokens:,} answer tokens), in nats per answer token, without "
          "dropout. Published is step {kept:,} of {planned:,}, {why}, after {examples:,} examples.{stopped_after} The step was chosen on "
          "these rows; the evaluation uses the test split.",
          {"rows": f"{VALIDATION}.rows", "split": f"{VALIDATION}.split", "tokens": f"{VALIDATION}.tokens", "kept": f"{VALIDATION}.kept",
           "planned": f"{VALIDATION}.planned_steps", "reason": f"{VALIDATION}.reason", "stopped": f"{VALIDATION}.stopped_early",
           "points": f"{VALIDATION}.points"}, derive=published_step),
    Claim("training.validated", "training", "| {cells} |", {"point": "*", "kept": f"{VALIDATION}.kept"}, each=f"{VALIDATION}.points",
          derive=row_of_step),
    Claim("cost.validation", "cost", "| validation | {seconds:,} s of the time above |", {"seconds": "training.measured.validation_seconds"}),
)  # fmt: skip
