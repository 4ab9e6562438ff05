"""Validation in a run: the rows and the schedule that it has, what it measured for the record, and what is printed."""

from collections.abc import Collection
from typing import Any

from titlecraft.errors import UserError
from titlecraft.process import distributed
from titlecraft.records import Pin, Validation, ValidationPoint
from titlecraft.settings import Training
from training.validation.rows import MOST_WITHOUT, SPLIT, Pair
from training.validation.schedule import Schedule, is_off
from training.validation.validator import Sample, Validator


def rows_to_draw(training: Training) -> int:
    """Maximum number of rows that a run may need; without validation, as many as show the effect of the adapter."""
    return MOST_WITHOUT if is_off(training) else training.validation_rows


def without_rows(training: Training, data: Pin, rows: int, given: Collection[str]) -> str | None:
    """The note that there is no validation without rows, or None. Raises UserError if training.patience needs them."""
    if rows or is_off(training):
        return None
    why = f"{data} has no row in a {SPLIT} split that base.max_length has room for"
    if training.patience is not None:
        raise UserError(
            f"training.patience {training.patience} needs validation, and {why}: build the dataset with a larger "
            "--data.validation_share, or set --training.patience=null"
        )
    kept = ", so that training.keep best is not used" if "training.keep" in given and training.keep == "best" else ""
    return f"no validation: {why}{kept}; the last step is published"


def sample_of(pairs: list[Pair], planned: Schedule) -> Sample | None:
    """The rows of a run that validates, or None; prints the schedule."""
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
        seconds=round(validator.seconds, 1),
    )


def points_of(lines: list[dict[str, Any]]) -> list[ValidationPoint]:
    """The validations in the lines of training_log.jsonl, each with the training loss of the last line until then."""
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
    """Print which step is published, of how many, and why."""
    points, steps = validation.points, validation.points[-1].step
    stopped = f"; stopped after {steps:,} of {validation.planned_steps:,} steps" if validation.stopped_early else ""
    print(
        f"validation loss {validation.loss_at(0):.4f} before training, {points[-1].validation_loss:.4f} at step {steps:,}{stopped}; "
        f"published is step {validation.kept:,}, {validation.loss_at(validation.kept):.4f} ({validation.reason})"
    )
