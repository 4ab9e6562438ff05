"""python -m tests.training.two_ranks FOLDER: train a tiny adapter in two forked processes; write the results of each as JSON.

First with dropout, to compare the dropped elements; then with a NaN loss in the second process; then interrupted and resumed.
"""

import json
import os
import socket
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from transformers import TrainerCallback, set_seed

from tests.training.checkpoints.test_checkpoints import RUN
from tests.training.test_trainer import SETTINGS, adapter_on_base, examples
from titlecraft.errors import UserError
from titlecraft.settings import Training
from training.checkpoints.folder import newest
from training.checkpoints.saving import Saving
from training.trainer import make_trainer, run_all_steps


class Cut(TrainerCallback):
    """Ends a run after this number of steps, as a machine that is switched off does."""

    def __init__(self, after: int | None) -> None:
        self.after = after

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.after:
            raise InterruptedError


class Dropped(TrainerCallback):
    """Records dropout of 32 ones at the beginning of each step, and restores the random state."""

    def __init__(self) -> None:
        self.kept: list[list[float]] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        before = torch.get_rng_state()
        self.kept.append(torch.nn.functional.dropout(torch.ones(32), 0.5).tolist())
        torch.set_rng_state(before)


def poison(trainer: Any, batch: int) -> None:
    """Make the loss of the batch with this number NaN in the second process."""
    plain, numbers = trainer.compute_loss, count()

    def compute_loss(*args: Any, **kwargs: Any) -> Any:
        loss = plain(*args, **kwargs)
        return loss * float("nan") if next(numbers) == batch and os.environ["RANK"] == "1" else loss

    trainer.compute_loss = compute_loss


def train(folder: Path, settings: Training, dropout: float, broken_batch: int | None) -> dict[str, Any]:
    """Run one training; return the results of this process."""
    set_seed(settings.seed)
    model, tokenizer = adapter_on_base(dropout)
    set_seed(settings.seed)
    trainer, dropped = make_trainer(model, tokenizer, examples(), settings, "float32", folder), Dropped()
    trainer.add_callback(dropped)
    if broken_batch is not None:
        poison(trainer, broken_batch)
    error = None
    try:
        run_all_steps(trainer)
    except UserError as stopped:
        error = str(stopped)
    weights = {
        name: parameter.double().sum().item() for name, parameter in model.named_parameters() if parameter.requires_grad
    }
    return {"dropped": dropped.kept, "error": error, "step": trainer.state.global_step, "weights": weights}


def resumed(folder: Path) -> bool:
    """Whether a run with dropout that is interrupted after three steps and resumed from the second equals an uninterrupted run."""
    settings, results = replace(SETTINGS, accumulation=1, max_steps=4), []
    for cut, place in ((None, folder / "whole"), (3, folder / "cut"), (None, folder / "cut")):
        begin = newest(place / "checkpoints")
        saving = Saving(RUN, place / "checkpoints", every=2, resume=begin[0] if begin else None)
        set_seed(settings.seed)
        model, tokenizer = adapter_on_base(0.5)
        torch.manual_seed(bool(begin))  # what a process happens to begin with must not matter
        trainer = make_trainer(model, tokenizer, examples(), settings, "float32", place, saving)
        trainer.add_callback(Cut(cut))
        try:
            run_all_steps(trainer)
        except InterruptedError:
            continue
        results.append(
            {
                name: parameter.detach().clone()
                for name, parameter in model.named_parameters()
                if parameter.requires_grad
            }
        )
    return all(results[0][name].equal(results[1][name]) for name in results[0])


def as_rank(rank: int, port: int, folder: Path) -> None:
    """Run all trainings as this rank, in a process of its own."""
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    distributed.init_process_group("gloo")
    results = [train(folder / str(rank), SETTINGS, 0.5, None), train(folder / str(rank), SETTINGS, 0.0, 5)]
    (folder / f"{rank}.json").write_text(json.dumps([*results, resumed(folder)]))
    distributed.destroy_process_group()


def free_port() -> int:
    """An unused port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    torch.set_num_threads(1)
    where, port, children = Path(sys.argv[1]), free_port(), []
    for rank in range(2):
        if not (child := os.fork()):
            as_rank(rank, port, where)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    print(json.dumps([json.loads((where / f"{rank}.json").read_text()) for rank in range(2)]))
