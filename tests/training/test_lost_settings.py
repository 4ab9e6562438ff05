"""Settings without effect give one line each in plans and runs; settings that prevent learning are refused."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import present
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.errors import UserError
from titlecraft.settings import Base, Recipe, Training
from training.lost_settings import fault, lost, require_learning
from training.model.backend import processes_fault
from training.planning.plan import problems_of_settings

TRL = Training(backend="trl", max_steps=100, warmup_steps=10)


def said(training: Training, *given: str, items: int = 1000, steps: int | None = None, length: int = 256) -> list[str]:
    """The messages for a base with 512 positions."""
    config = SimpleNamespace(max_position_embeddings=512)
    steps = steps or present(training.max_steps)
    return lost(training, Base(max_length=length), config, given, items=items, steps=steps)


def parsed(*arguments: str) -> tuple[Training, frozenset[str]]:
    """The training section of a command line, and the names of the given settings."""
    stage = StageParser("train", "Train.", ["base", "lora", "training", "generation"])
    return stage.parse(list(arguments))[0].training, stage.given


@pytest.mark.parametrize("recipe", ["seed", "quality", "fast-convergence", "low-memory", "tiny", "auto", "full-epoch"])
def test_the_recipes_give_no_message(recipe: str) -> None:
    training, given = parsed("--recipe", recipe)
    assert said(training, *given, items=1_000_000, steps=training.max_steps or 15_000) == []


@pytest.mark.parametrize(("arguments", "expected"), [
    (["--training.epochs=3"], "training.epochs 3 is not used: training.max_steps 60 decides; for epochs set --training.max_steps=null"),
    (["--training.epochs", "1"], "training.epochs 1 is not used: training.max_steps 60 decides"),
    (["--training.epochs=0.5", "--training.max_steps=100"], "training.epochs 0.5 is not used"),
    (["--training.max_steps=6"], "training.warmup_steps 10 is not shorter than the run of 6 steps: the learning rate rises to 50% of "),
    (["--training.warmup_steps=60"], "training.warmup_steps 60 is not shorter than the run of 60 steps: the learning rate rises to 98%"),
    (["--training.logging_steps=61"], "training.logging_steps 61 is more than the run's 60: the log has one line, of the last step"),
    (["--training.schedule=constant"], "training.warmup_steps 10 is not used: training.schedule constant has no warm-up"),
    (["--training.batch_size=900", "--training.accumulation=2"],
     "a step of training.batch_size 900 × accumulation 2 takes 1,800 examples and there are 1,000: each step sees all of them"),
])  # fmt: skip
def test_options_without_effect_give_a_message(arguments: list[str], expected: str) -> None:
    training, given = parsed("--recipe", "tiny", *arguments)
    [line] = said(training, *given)
    assert line.startswith(expected) and "\n" not in line


def test_epochs_of_a_recipe_lose_to_the_default_max_steps(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("training:\n  epochs: 1\n")
    training, given = parsed("--recipe", str(tmp_path / "r.yaml"))
    assert [line.partition(":")[0] for line in said(training, *given)] == ["training.epochs 1 is not used"]


def test_a_length_beyond_the_base_is_cut_with_a_message() -> None:
    assert said(TRL, length=512) == []
    assert said(TRL, length=2048) == ["base.max_length 2048 is cut to 512: the base has no more positions"]


@pytest.mark.parametrize("steps", [None, 1])
def test_a_run_of_one_warm_up_step_is_refused(steps: int | None) -> None:
    training = replace(TRL, max_steps=steps, epochs=0.001)
    with pytest.raises(
        UserError, match=r"^the run has one step, and training\.warmup_steps 10 gives it a learning rate of 0"
    ):
        require_learning(training, 1)
    assert (fault(training) is None) == (steps is None)  # how many steps epochs are is known later
    for learning in (replace(training, warmup_steps=0), replace(training, schedule="constant")):
        assert fault(learning) is None
        require_learning(learning, 1)
    require_learning(training, 2)


def test_a_plan_refuses_what_a_run_refuses() -> None:
    for training in (
        replace(TRL, max_steps=1),
        replace(TRL, backend="unsloth", packing=True),
        replace(TRL, backend="unsloth", fused_kernels=True),
        replace(TRL, backend="unsloth", shard_base=True),
    ):
        assert problems_of_settings(Recipe(training=training), present(training.max_steps)) == [
            processes_fault(training, 1)
        ]
    by_epochs = replace(TRL, max_steps=None)
    assert (
        len(problems_of_settings(Recipe(training=by_epochs), 1)) == 1
        and problems_of_settings(Recipe(training=by_epochs), 2) == []
    )
