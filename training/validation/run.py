"""Validation in a run: its sample, its record, and its line on the console."""

from typing import Any

from titlecraft.process import distributed
from titlecraft.records import Validation, ValidationPoint
from training.data.validation_rows import SPLIT, Pair
from training.planning.validation_schedule import Schedule
from training.validation.validator import Sample, Validator


def sample_of(pairs: list[Pair], planned: Schedule) -> Sample | None:
    """The validation sample, or None for a run without validation; prints the schedule."""
    if not planned.every:
        return None
    if distributed.is_rank0():
        print(f"validation: {planned.describe()}")
    return Sample(pairs[: planned.rows], planned)


def record_validation(validator: Validator, lines: list[dict[str, Any]]) -> Validation:
    """The record of a run's validations; `lines` are those of training_log.jsonl."""
    kept = validator.kept()
    lowest = validator.settings.keep == "best"
    return Validation(
        split=SPLIT,
        rows=len(validator.scorer.pairs),
        tokens=validator.scorer.tokens,
        points=points_of(lines),
        kept=kept.step,
        reason="lowest validation loss" if lowest else "last step",
        planned_steps=validator.schedule.steps,
        stopped_early=validator.stopped,
    )


def points_of(lines: list[dict[str, Any]]) -> list[ValidationPoint]:
    """The validations in the lines of training_log.jsonl, each with the latest training loss before it."""
    points = []
    for line in lines:
        if "validation_loss" not in line:
            continue
        losses = [other["loss"] for other in lines if "loss" in other and other["step"] <= line["step"]]
        points.append(
            ValidationPoint(
                step=line["step"],
                epoch=round(float(line.get("epoch", 0.0)), 4),
                examples=line["examples_seen"],
                training_loss=round(losses[-1], 4) if losses else None,
                validation_loss=line["validation_loss"],
            )
        )
    return points


def print_kept(validation: Validation) -> None:
    """Print the validation losses, and which step is published and why."""
    points, steps = validation.points, validation.points[-1].step
    stopped = f"; stopped after {steps:,} of {validation.planned_steps:,} steps" if validation.stopped_early else ""
    print(
        f"validation loss {validation.loss_at(0):.4f} before training, {points[-1].validation_loss:.4f} at step {steps:,}{stopped}; "
        f"published is step {validation.kept:,}, {validation.loss_at(validation.kept):.4f} ({validation.reason})"
    )
