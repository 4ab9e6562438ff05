"""float16 steps with overflowing gradients are skipped and counted; too many skipped steps end the run with a reason."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from tests.training.test_health import INF, PLAIN
from titlecraft.errors import UserError
from training.health import MOST_SKIPPED, StopWhenBroken


def scaled(skips: list[bool]) -> tuple[Any, Callable[[], None]]:
    """The callback of a float16 trainer whose steps overflow as listed, and a function that ends its next step."""
    left = iter(skips)
    accelerator = SimpleNamespace(scaler=object(), optimizer_step_was_skipped=False)
    trainer = SimpleNamespace(
        accelerator=accelerator, _tr_loss=torch.tensor(1.0), model=torch.nn.Linear(2, 2), saving=None
    )
    health, state, control = StopWhenBroken(trainer, PLAIN, "float16"), TrainerState(), TrainerControl()
    arguments = TrainingArguments(output_dir="unused", use_cpu=True)

    def step() -> None:
        accelerator.optimizer_step_was_skipped = next(left)
        health.norm = torch.tensor(INF if accelerator.optimizer_step_was_skipped else 1.0)
        state.global_step += 1
        health.on_step_end(arguments, state, control)

    return health, step


def test_steps_that_float16_skips_are_counted_and_do_not_end_the_run() -> None:
    skips = [True] * (MOST_SKIPPED - 1) + [False] + [True] * (MOST_SKIPPED - 1) + [False]
    health, step = scaled(skips)
    for _ in skips:
        step()
    assert health.skipped == 2 * (MOST_SKIPPED - 1)


def test_a_run_that_skips_every_step_ends() -> None:
    _, step = scaled([True] * MOST_SKIPPED)
    for _ in range(MOST_SKIPPED - 1):
        step()
    with pytest.raises(
        UserError, match=r"step 25: the gradients of 25 steps in a row overflowed in float16, .*precision=float32;"
    ):
        step()


def test_a_short_run_that_skips_every_step_is_refused() -> None:
    health, step = scaled([True, True, False])
    step(), step()
    with pytest.raises(
        UserError, match=r"^the gradients of all 2 steps overflowed in float16, so that nothing was learned: set "
    ):
        health.require_learned(2)
    step()
    health.require_learned(3)
