"""A run that is stopped and goes on from a checkpoint is the run that was not stopped: adapter, log and counts."""

import resource
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import present
from tests.training.model.test_fast_path import awake, examples, rows_of
from tests.training.test_trainer import adapter_on_base
from titlecraft.process.threads import steady_threads
from titlecraft.records import file_sha256
from titlecraft.settings import Training
from training.checkpoints.folder import KEPT, Run, by_step, load_if_complete, newest, read_checkpoint
from training.checkpoints.saving import Saving
from training.model.kernels import apply_kernels
from training.record import write_log
from training.trainer import make_trainer, run_all_steps
from training.watching.energy import Energy

RUN = Run(key="a" * 64, inputs={"training": "1"})
SETTINGS = Training(
    backend="trl", batch_size=2, accumulation=2, max_steps=11, warmup_steps=2, schedule="cosine", optimizer="adamw_torch",
    gradient_checkpointing=False, logging_steps=3, learning_rate=1e-2,
)  # fmt: skip
PACKED = replace(SETTINGS, packing=True, fused_kernels=True, batch_size=1)


class PowerCut(Exception):
    """Ends a run between two steps."""


def cut(before: int, step: int) -> None:
    """No step after so many."""
    if step == before:
        raise PowerCut


def run(
    folder: Path,
    settings: Training,
    *,
    every: int = 0,
    resume: Path | None = None,
    at_step: Callable[[int], object] = int,
) -> tuple[str, list[dict[str, Any]], dict[str, int], int]:
    """Train; returns sha256 of the adapter, the log, the counts and the number of parts."""
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
    trainer = make_trainer(model, tokenizer, data, settings, "float32", folder / "unfinished", saving)
    trainer.add_callback(AtStep())
    with steady_threads(model):
        run_all_steps(trainer)
    model.save_pretrained(folder)
    log = write_log(trainer.state.log_history, folder / "log.jsonl")
    return file_sha256(folder / "adapter_model.safetensors"), log, trainer.seen, trainer.run_state.cost(Energy()).parts


# ten examples, of which a step takes four: three steps an epoch; packed there are five rows, and steps of two
@pytest.mark.slow
@pytest.mark.parametrize("settings", [SETTINGS, PACKED], ids=["padded", "packed"])
@pytest.mark.parametrize(
    ("every", "stop"), [(3, 3), (2, 5), (4, 7)], ids=["end-of-epoch", "second-epoch", "third-epoch"]
)
def test_going_on_is_as_if_nothing_had_happened(settings: Training, every: int, stop: int, tmp_path: Path) -> None:
    *uninterrupted, parts = run(tmp_path / "whole", settings)
    assert parts == 1 and by_step(tmp_path / "whole" / "checkpoints") == []
    with pytest.raises(PowerCut):
        run(tmp_path / "cut", settings, every=every, at_step=partial(cut, stop))
    place, found = present(newest(tmp_path / "cut" / "checkpoints"))
    assert (found.step, found.steps) == (stop // every * every, 11)
    *resumed, parts = run(tmp_path / "cut", settings, every=every, resume=place)
    assert resumed == uninterrupted
    assert parts == 2
    assert [file.name for file in by_step(tmp_path / "cut" / "checkpoints")] == [
        f"step-{step}" for step in range(every, 11, every)
    ][-KEPT:]


def test_a_checkpoint_is_the_files_that_are_needed_and_no_card(tmp_path: Path) -> None:
    run(tmp_path, SETTINGS, every=5)
    assert sorted(file.name for file in (tmp_path / "checkpoints" / "step-10").iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "checkpoint.json", "optimizer.pt", "rng_state.pth", "scheduler.pt",
        "trainer_state.json",
    ]  # fmt: skip
    assert not list((tmp_path / "unfinished").rglob("*.*"))


def test_a_damaged_or_partial_checkpoint_is_passed_over(tmp_path: Path) -> None:
    run(tmp_path, SETTINGS, every=5)
    older, newer = by_step(tmp_path / "checkpoints")
    assert present(newest(tmp_path / "checkpoints"))[0] == newer
    (newer / "optimizer.pt").write_bytes((newer / "optimizer.pt").read_bytes()[:-1])
    assert load_if_complete(newer) is None and present(newest(tmp_path / "checkpoints"))[0] == older
    listed = (older / "checkpoint.json").read_bytes()
    (older / "checkpoint.json").write_bytes(listed.replace(b"rng_state.pth", b"pytorch_model.bin"))
    assert read_checkpoint(listed) and newest(tmp_path / "checkpoints") is None
    (older / "checkpoint.json").unlink()
    assert newest(tmp_path / "checkpoints") is None
    (older / "checkpoint.json").write_text('{"run": 1}')
    assert newest(tmp_path / "checkpoints") is None


@pytest.mark.parametrize("room", [1_000, 30_000], ids=["adapter", "optimizer"])
def test_a_full_disk_costs_the_checkpoint_and_not_the_run(
    room: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file may grow beyond `room` bytes until step 6: the operating system refuses as it does for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(step: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]) if step < 6 else before)

    try:
        assert run(tmp_path, SETTINGS, every=5, at_step=limit)[2]["examples"] == 38
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "no checkpoint at step 5 (" in capsys.readouterr().out
    assert [place.name for place in by_step(tmp_path / "checkpoints")] == ["step-10"]
