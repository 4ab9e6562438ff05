"""A run that validates trains as one that does not, publishes its best step, and goes on after an interruption as if there was none."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import present
from tests.training.checkpoints.test_checkpoints import RUN, PowerCut, cut
from tests.training.model.test_fast_path import awake, examples, rows_of
from tests.training.test_trainer import adapter_on_base
from titlecraft.models.loss.answer_nll import plain_nll
from titlecraft.process.threads import steady_threads
from titlecraft.records import Validation, file_sha256
from titlecraft.settings import Training
from training.checkpoints.folder import by_step, load_if_complete, newest
from training.checkpoints.saving import Saving
from training.model.kernels import apply_kernels
from training.planning.validation_schedule import Schedule
from training.record import write_log
from training.trainer import CountingTrainer, make_trainer, run_all_steps
from training.validation.best_weights import BEST_WEIGHTS
from training.validation.run import record_validation
from training.validation.validator import Sample

SETTINGS = Training(
    backend="trl", batch_size=2, accumulation=2, max_steps=14, warmup_steps=0, schedule="constant", optimizer="adamw_torch",
    gradient_checkpointing=False, logging_steps=3, learning_rate=5e-2, validate_every=2,
)  # fmt: skip
PACKED = replace(SETTINGS, packing=True, fused_kernels=True, batch_size=1, learning_rate=0.15)
HELD_OUT = [(list(range(5, 5 + n)), list(range(60, 64 + n))) for n in (3, 9, 5, 14)]


def train(
    folder: Path,
    settings: Training,
    *,
    sample: bool = True,
    every: int = 0,
    resume: Path | None = None,
    at_step: Callable[[int], object] = int,
) -> CountingTrainer:
    """Train a tiny adapter with dropout, on a sample or without one; the adapter is then in `folder`."""
    from transformers import TrainerCallback, set_seed

    class AtStep(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            at_step(state.global_step)

    set_seed(settings.seed)
    model, tokenizer = adapter_on_base(dropout=0.2)
    data = rows_of() if settings.packing else examples()
    apply_kernels(awake(model), settings)
    saving = Saving(RUN, folder / "checkpoints", every=every, resume=resume)
    torch.manual_seed(resume is not None)  # what a process happens to begin with must not matter
    held_out = Sample(HELD_OUT, Schedule(int(settings.validate_every or 0), 4, settings.max_steps or 0, 0.1))
    trainer = make_trainer(
        model, tokenizer, data, settings, "float32", folder / "unfinished", saving, held_out if sample else None
    )
    trainer.add_callback(AtStep())
    with steady_threads(model):
        run_all_steps(trainer)
    model.save_pretrained(folder)
    return trainer


def outcome(folder: Path, trainer: CountingTrainer) -> tuple[str, list[dict[str, Any]], dict[str, int], Validation]:
    """sha256 of the adapter, the log, the counts, and the validations."""
    lines = write_log(trainer.state.log_history, folder / "log.jsonl")
    validation = record_validation(present(trainer.validator), lines)
    return file_sha256(folder / "adapter_model.safetensors"), lines, trainer.seen, validation


def recorded(folder: Path, trainer: CountingTrainer) -> Validation:
    return record_validation(present(trainer.validator), write_log(trainer.state.log_history, folder / "log.jsonl"))


@pytest.mark.parametrize("settings", [SETTINGS, PACKED], ids=["padded", "packed"])
def test_validation_changes_nothing_in_the_training(settings: Training, tmp_path: Path) -> None:
    without = train(tmp_path / "without", settings, sample=False)
    validated = train(tmp_path / "with", replace(settings, keep="last"))
    names = ["without", "with"]
    adapters = [file_sha256(tmp_path / name / "adapter_model.safetensors") for name in names]
    assert adapters[0] == adapters[1]
    plain = [line for line in write_log(validated.state.log_history, tmp_path / "log") if "loss" in line]
    assert plain == write_log(without.state.log_history, tmp_path / "log") and without.seen == validated.seen


@pytest.mark.parametrize("settings", [SETTINGS, PACKED], ids=["padded", "packed"])
def test_the_best_step_is_what_remains_and_its_loss_is_that_of_plain_logits(settings: Training, tmp_path: Path) -> None:
    trainer = train(tmp_path, settings)
    record, model = recorded(tmp_path, trainer), trainer.model.eval()
    assert [point.step for point in record.points] == [0, 2, 4, 6, 8, 10, 12, 14]
    losses = {point.step: point.validation_loss for point in record.points}
    trained = {step: loss for step, loss in losses.items() if step}
    assert record.kept == min(trained, key=lambda step: (trained[step], step)) < 14 and losses[14] > losses[record.kept]
    tokens = sum(len(answer) for _, answer in HELD_OUT)
    assert sum(plain_nll(model, *pair) for pair in HELD_OUT) / tokens == pytest.approx(losses[record.kept], abs=1e-4)
    assert (record.rows, record.tokens, record.reason) == (4, tokens, "lowest validation loss")
    assert (record.planned_steps, record.stopped_early) == (14, False)


@pytest.mark.parametrize(
    ("settings", "every", "stop"), [(SETTINGS, 1, 1), (SETTINGS, 3, 4), (SETTINGS, 9, 9), (PACKED, 2, 3)]
)
def test_a_stopped_run_that_was_interrupted_is_the_run_left_alone(
    settings: Training, every: int, stop: int, tmp_path: Path
) -> None:
    """Of both the best weights lie in the checkpoint: as its own, or beside them."""
    settings = replace(settings, patience=2)
    whole = outcome(tmp_path / "whole", train(tmp_path / "whole", settings))
    assert whole[3].stopped_early and whole[3].points[-1].step < 14
    with pytest.raises(PowerCut):
        train(tmp_path / "cut", settings, every=every, at_step=partial(cut, stop))
    place, _ = present(newest(tmp_path / "cut" / "checkpoints"))
    resumed = train(tmp_path / "cut", settings, every=every, resume=place)
    assert outcome(tmp_path / "cut", resumed) == whole


def test_a_checkpoint_has_the_best_weights_beside_its_own_where_they_are_others(tmp_path: Path) -> None:
    kept = recorded(tmp_path, train(tmp_path, SETTINGS, every=13)).kept
    [folder] = by_step(tmp_path / "checkpoints")
    assert kept < 13 and load_if_complete(folder) and (folder / BEST_WEIGHTS).is_file()
    (folder / BEST_WEIGHTS).write_bytes(b"other")
    assert load_if_complete(folder) is None


def test_patience_counts_validations_without_a_lower_loss_and_last_keeps_the_last(tmp_path: Path) -> None:
    free = recorded(tmp_path / "free", train(tmp_path / "free", SETTINGS))
    for patience in (1, 2):
        settings = replace(SETTINGS, patience=patience, keep="last")
        record = recorded(tmp_path / "p", train(tmp_path / "p", settings))
        best = waited = 0
        for point in free.points[1:]:
            lower = not best or point.validation_loss < free.loss_at(best)
            best, waited = (point.step, 0) if lower else (best, waited + 1)
            if waited == patience:
                break
        losses = [(point.step, point.validation_loss) for point in (*record.points, *free.points)]
        assert losses[: len(record.points)] == losses[len(record.points) :][: len(record.points)]
        assert record.points[-1].step == point.step < 14
        assert (record.kept, record.reason, record.stopped_early) == (point.step, "last step", True)
