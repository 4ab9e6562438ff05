"""A run with non-finite numbers ends at that step in every process, and keeps its last good checkpoint."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import ROOT, present
from tests.training.checkpoints.test_checkpoints import RUN, run
from tests.training.model.test_fast_path import awake, rows_of
from tests.training.test_trainer import SETTINGS, adapter_on_base, examples
from tests.warm import PYTHON
from titlecraft.errors import UserError
from titlecraft.records import describe_file
from titlecraft.settings import Training
from training.checkpoints.folder import Checkpoint, by_step, newest
from training.checkpoints.saving import Saving
from training.model.kernels import apply_kernels
from training.record import write_log
from training.trainer import make_trainer, run_all_steps

pytestmark = pytest.mark.slow

NAN, INF = float("nan"), float("inf")
PLAIN = replace(SETTINGS, max_steps=4, batch_size=1, accumulation=2, gradient_checkpointing=False, logging_steps=1)
WAYS = {
    "plain": (PLAIN, NAN),
    "checkpointed, fused optimizer": (replace(PLAIN, gradient_checkpointing=True, optimizer="adamw_torch_fused"), INF),
    "fused": (replace(PLAIN, fused_kernels=True, accumulation=1), INF),
    "packed and fused, logged rarely": (replace(PLAIN, packing=True, fused_kernels=True, logging_steps=4), NAN),
}


def trainer_of(folder: Path, settings: Training, every: int = 0) -> Any:
    """A trainer of the tiny base."""
    model, tokenizer = adapter_on_base(dropout=0.1)
    apply_kernels(awake(model), settings)
    data = rows_of() if settings.packing else examples()
    saving = Saving(RUN, folder / "checkpoints", every=every)
    return make_trainer(model, tokenizer, data, settings, "float32", folder / "unfinished", saving)


def break_loss(trainer: Any, batch: int, by: float) -> None:
    """Multiply the loss of the batch with this number, one of several of a step."""
    plain, numbers = trainer.compute_loss, count()

    def compute_loss(*args: Any, **kwargs: Any) -> Any:
        loss = plain(*args, **kwargs)
        return loss * by if next(numbers) == batch else loss

    trainer.compute_loss = compute_loss


def a_weight(trainer: Any) -> Any:
    """A trainable weight."""
    return next(parameter for name, parameter in trainer.model.named_parameters() if "lora_B" in name)


def at_step(trainer: Any, step: int, event: str, do: Callable[[], None]) -> None:
    """A callback that calls a function at this event of this step (1 is the first)."""
    from transformers import TrainerCallback

    class AtStep(TrainerCallback):
        pass

    def told(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == step - 1:
            do()

    setattr(AtStep, event, told)
    trainer.add_callback(AtStep())


@pytest.mark.parametrize("way", WAYS)
def test_a_non_finite_loss_ends_the_run_at_its_step(way: str, tmp_path: Path) -> None:
    settings, by = WAYS[way]
    trainer = trainer_of(tmp_path, settings, every=1)
    break_loss(trainer, 3 * settings.accumulation - 1, by)  # the last batch of step 3
    with pytest.raises(UserError) as stopped:
        run_all_steps(trainer)
    place, kept = present(newest(tmp_path / "checkpoints"))
    assert str(stopped.value) == (
        f"training stopped at step 3: the loss is {by}; set a lower --training.learning_rate than 0.0002; the last good "
        f"checkpoint is of step 2, in {place}: --resume continues from it with the same settings, --fresh starts again with others; "
        "nothing was published"
    )
    assert kept.step == 2 and [one.name for one in by_step(tmp_path / "checkpoints")] == ["step-1", "step-2"]
    assert all(bool(weight.isfinite().all()) for weight in load_file(place / "adapter_model.safetensors").values())
    json.loads((place / "trainer_state.json").read_text(), parse_constant=pytest.fail)  # it calls that for NaN


@pytest.mark.parametrize("by", [NAN, INF])
def test_non_finite_gradients_end_the_run(by: float, tmp_path: Path) -> None:
    trainer, steps = trainer_of(tmp_path, replace(PLAIN, accumulation=1), every=1), count(1)
    a_weight(trainer).register_hook(lambda gradient: gradient * (by if next(steps) == 3 else 1))
    message = (
        rf"^training stopped at step 3: the gradient norm is (nan|inf); set a lower .* is of step 2, in {tmp_path}.*"
    )
    with pytest.raises(UserError, match=message):
        run_all_steps(trainer)


def test_non_finite_weights_after_the_last_step_are_refused(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, replace(PLAIN, max_steps=2), every=2)
    at_step(trainer, 2, "on_optimizer_step", lambda: a_weight(trainer).data.view(-1)[3:4].fill_(-INF))
    with pytest.raises(
        UserError, match=r"^training stopped at step 2: the largest weight of the adapter is inf; set a lower"
    ):
        run_all_steps(trainer)
    assert newest(tmp_path / "checkpoints") is None


def test_the_error_of_the_first_step_blames_the_base(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, PLAIN)
    break_loss(trainer, 0, NAN)
    message = "no weight had been changed yet, so it is the base, or its precision: set another --training.precision than float32, or"
    with pytest.raises(
        UserError, match=message + r".*; there is no checkpoint before it \(--save-every N keeps some\)"
    ):
        run_all_steps(trainer)


def test_an_extreme_learning_rate_ends_the_run(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, replace(PLAIN, learning_rate=1000.0, max_steps=40, warmup_steps=1), every=6)
    with pytest.raises(
        UserError, match=r"^training stopped at step \d+: the .* is (nan|inf); set a lower .* than 1000; the last good"
    ):
        run_all_steps(trainer)


def test_a_checkpoint_with_nan_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        run(tmp_path, PLAIN, every=1, at_step=lambda step: stop(step))
    older, newer = by_step(tmp_path / "checkpoints")
    assert present(newest(tmp_path / "checkpoints"))[0] == newer
    weights = load_file(newer / "adapter_model.safetensors")
    next(iter(weights.values())).view(-1)[0] = NAN
    save_file(weights, newer / "adapter_model.safetensors")
    files = [describe_file(newer, newer / file.path) for file in newest_record(newer).files]
    (newer / "checkpoint.json").write_bytes(Checkpoint(run=RUN, step=2, steps=4, files=files).to_json())
    assert present(newest(tmp_path / "checkpoints"))[0] == older


def stop(step: int) -> None:
    """Stop the run after three steps, as a machine that is switched off does."""
    if step == 3:
        raise RuntimeError


def newest_record(place: Path) -> Checkpoint:
    """The record in checkpoint.json, without a check of the files."""
    from training.checkpoints.folder import read_checkpoint

    return present(read_checkpoint((place / "checkpoint.json").read_bytes()))


def test_the_log_of_skipped_steps_is_valid_json(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, PLAIN)
    trainer.health.fault = lambda was_skipped: None  # as for a step in float16
    at_step(trainer, 3, "on_pre_optimizer_step", lambda: None)
    plain, steps = trainer._get_grad_norm, count(1)
    trainer._get_grad_norm = lambda *args, **kwargs: (
        torch.tensor(INF if next(steps) == 3 else 1.0) + 0 * plain(*args, **kwargs)
    )
    run_all_steps(trainer)
    lines = write_log(trainer.state.log_history, tmp_path / "log.jsonl")
    assert ["grad_norm" in line for line in lines] == [True, True, False, True]
    for line in (tmp_path / "log.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)


def test_non_finite_numbers_are_left_out_of_the_log(tmp_path: Path) -> None:
    history = [
        {"step": 1, "loss": 2.0, "grad_norm": INF, "learning_rate": 0.1, "mean_token_accuracy": NAN},
        {"step": 1},
    ]
    assert write_log(history, tmp_path / "log.jsonl") == [{"step": 1, "loss": 2.0, "learning_rate": 0.1}]
    assert (tmp_path / "log.jsonl").read_text() == '{"step": 1, "loss": 2.0, "learning_rate": 0.1}\n'


def test_a_process_uses_one_of_several_visible_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, seen = replace(PLAIN, max_steps=2), []
    for visible in (1, 3):
        trainer = trainer_of(tmp_path / str(visible), settings)
        trainer.args._n_gpu = visible  # what transformers takes from torch.cuda.device_count()
        monkeypatch.setattr(torch.cuda, "device_count", lambda visible=visible: visible)
        assert "OwnDropout" not in trainer.callback_handler.callback_list  # the first process drops what it always has
        assert trainer.args.train_batch_size == settings.batch_size and trainer.args.n_gpu == 1
        run_all_steps(trainer)
        log = [(line["loss"], line["grad_norm"]) for line in trainer.state.log_history if "loss" in line]
        seen.append((trainer.seen, log, a_weight(trainer).sum().item()))
    assert seen[0] == seen[1] and seen[0][0]["examples"] == 4


def test_two_processes_both_stop_and_have_different_dropout(tmp_path: Path) -> None:
    # no Hub is asked
    own = {
        "OMP_NUM_THREADS": "1",
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(tmp_path / "home"),
    }
    process = subprocess.run(
        [PYTHON, "-m", "tests.training.two_ranks", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | own,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    (one, broken, resumed), (other, also_broken, also_resumed) = json.loads(process.stdout.splitlines()[-1])
    assert one["weights"] == other["weights"] and one["step"] == other["step"] == 2
    assert all(mine != theirs for mine, theirs in zip(one["dropped"], other["dropped"], strict=True))
    assert resumed is also_resumed is True
    assert broken["step"] == also_broken["step"] == 2
    assert "stopped at step 2: the gradient norm is nan" in broken["error"]
    assert "stopped at step 2: the loss is nan" in also_broken["error"]
