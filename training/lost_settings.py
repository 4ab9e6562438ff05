"""Settings of a training that lose to others or do nothing, one line each; and those that contradict each other.

`--dry-run` and `train` say the same of the same recipe: both ask here.
"""

from collections.abc import Collection
from typing import Any

from titlecraft.errors import UserError
from titlecraft.settings import Base, Training

DEFAULT = Training()


def fault(training: Training) -> str | None:
    """Why no machine can train with these settings, or None where one can."""
    if training.backend == "unsloth" and training.shard_base:
        return "training.shard_base is for backend trl: use --training.backend=trl, or --training.shard_base=false"
    if training.backend == "unsloth" and (training.packing or training.fused_kernels):
        name = "packing" if training.packing else "fused_kernels"
        return (
            f"training.{name} is for backend trl, Unsloth brings its own: use --training.backend=trl, "
            f"or --training.{name}=false"
        )
    return idle(training, training.max_steps) if training.max_steps else None


def idle(training: Training, steps: int) -> str | None:
    """Why so many steps would change no weight, or None: the first step of a warm-up has a learning rate of zero."""
    if steps == 1 and training.warmup_steps and training.schedule != "constant":
        return (
            f"the run has one step, and training.warmup_steps {training.warmup_steps} gives it a learning rate of 0, so that nothing "
            "would be learned: set --training.warmup_steps=0, or more steps"
        )
    return None


def require_learning(training: Training, steps: int) -> None:
    """Raises UserError where a run of so many steps would learn nothing."""
    if found := idle(training, steps):
        raise UserError(found)


def lost(
    training: Training, base: Base, config: Any, given: Collection[str], *, items: int, steps: int, devices: int = 1
) -> list[str]:
    """A line for each setting that is not used as it stands, or has no effect.

    Args:
        config: of the base, from transformers.
        given: dotted names of the settings that a recipe or an option gave; the others are defaults.
        items: examples, or packed rows, that there are.
        steps: optimizer steps of the run.
        devices: processes that share each step.
    """
    found = []
    if training.max_steps and ("training.epochs" in given or training.epochs != DEFAULT.epochs):
        found.append(
            f"training.epochs {training.epochs:g} is not used: training.max_steps {training.max_steps} decides; for epochs set "
            "--training.max_steps=null"
        )
    warmup = training.warmup_steps
    if training.schedule == "constant":
        if warmup and "training.warmup_steps" in given:
            found.append(
                f"training.warmup_steps {warmup} is not used: training.schedule constant has no warm-up; constant_with_warmup has"
            )
    elif warmup >= steps:
        share = (steps - 1) / warmup
        found.append(
            f"training.warmup_steps {warmup} is not shorter than the run of {steps} {'step' if steps == 1 else 'steps'}: the learning "
            f"rate rises to {share:.0%} of training.learning_rate and is never {training.learning_rate:g}; set fewer warm-up steps"
        )
    if training.logging_steps > steps:
        found.append(
            f"training.logging_steps {training.logging_steps} is more than the run's {steps}: the log has one line, of the last step"
        )
    whole = training.batch_size * training.accumulation * devices
    if whole > items:
        what = "packed rows" if training.packing else "examples"
        found.append(
            f"a step of training.batch_size {training.batch_size} × accumulation {training.accumulation}"
            f"{f' × {devices} devices' if devices > 1 else ''} takes {whole:,} {what} and there are {items:,}: each step sees all of them"
        )
    positions = getattr(config, "max_position_embeddings", None)
    if positions and base.max_length > positions:
        found.append(f"base.max_length {base.max_length} is cut to {positions}: the base has no more positions")
    return found
