"""Settings of a training that have no effect, and settings that contradict each other. `--dry-run` and `train` share the messages."""

from collections.abc import Collection
from typing import Any

from titlecraft.errors import UserError
from titlecraft.settings import Base, Training

DEFAULT = Training()


def fault(training: Training) -> str | None:
    """The reason why these settings cannot train on any machine, or None if they can."""
    if training.backend == "unsloth" and training.shard_base:
        return "training.shard_base is for backend trl: use --training.backend=trl, or --training.shard_base=false"
    if training.backend == "unsloth" and (training.packing or training.fused_kernels):
        name = "packing" if training.packing else "fused_kernels"
        return (
            f"training.{name} is for backend trl, Unsloth brings its own: use --training.backend=trl, "
            f"or --training.{name}=false"
        )
    every = training.validate_every
    if every is not None and every > 1 and every != int(every):
        return f"training.validate_every {every:g} is no number of steps: set a whole number, or less than 1 for a share of an epoch"
    if training.patience is not None and (every == 0 or not training.validation_rows):
        return (
            f"training.patience {training.patience} needs validation, and training."
            f"{'validate_every' if every == 0 else 'validation_rows'} 0 turns it off: set another, or --training.patience=null"
        )
    return idle(training, training.max_steps) if training.max_steps else None


def idle(training: Training, steps: int) -> str | None:
    """The reason why a run of `steps` steps would change no weight, or None. The first warm-up step has a learning rate of 0."""
    if steps == 1 and training.warmup_steps and training.schedule != "constant":
        return (
            f"the run has one step, and training.warmup_steps {training.warmup_steps} gives it a learning rate of 0, so that nothing "
            "would be learned: set --training.warmup_steps=0, or more steps"
        )
    return None


def require_learning(training: Training, steps: int) -> None:
    """Raises UserError if a run of `steps` steps would change no weight."""
    if message := idle(training, steps):
        raise UserError(message)


def lost(
    training: Training, base: Base, config: Any, given: Collection[str], *, items: int, steps: int, devices: int = 1
) -> list[str]:
    """A message for each setting that is not used as given, or has no effect.

    Args:
        config: the base's transformers config.
        given: dotted names of the settings that a recipe file or an option set; the others are defaults.
        items: number of examples or packed rows.
        steps: optimizer steps of the run.
        devices: number of processes, each of which computes batch_size x accumulation items per step.
    """
    messages = []
    if training.max_steps and ("training.epochs" in given or training.epochs != DEFAULT.epochs):
        messages.append(
            f"training.epochs {training.epochs:g} is not used: training.max_steps {training.max_steps} decides; for epochs set "
            "--training.max_steps=null"
        )
    warmup = training.warmup_steps
    if training.schedule == "constant":
        if warmup and "training.warmup_steps" in given:
            messages.append(
                f"training.warmup_steps {warmup} is not used: training.schedule constant has no warm-up; constant_with_warmup has"
            )
    elif warmup >= steps:
        share = (steps - 1) / warmup
        messages.append(
            f"training.warmup_steps {warmup} is not shorter than the run of {steps} {'step' if steps == 1 else 'steps'}: the learning "
            f"rate rises to {share:.0%} of training.learning_rate and is never {training.learning_rate:g}; set fewer warm-up steps"
        )
    off = training.validate_every == 0 or training.validation_rows == 0
    if off and "training.keep" in given and training.keep == "best":
        messages.append("training.keep best is not used: without validation the last step is published")
    if training.validate_every is not None and training.validate_every > steps:
        messages.append(
            f"training.validate_every {training.validate_every:g} is more than the run's {steps} steps: it validates before the first "
            "and after the last"
        )
    if training.logging_steps > steps:
        messages.append(
            f"training.logging_steps {training.logging_steps} is more than the run's {steps}: the log has one line, of the last step"
        )
    step_items = training.batch_size * training.accumulation * devices
    if step_items > items:
        noun = "packed rows" if training.packing else "examples"
        messages.append(
            f"a step of training.batch_size {training.batch_size} × accumulation {training.accumulation}"
            f"{f' × {devices} devices' if devices > 1 else ''} takes {step_items:,} {noun} and there are {items:,}: each step sees all of them"
        )
    positions = getattr(config, "max_position_embeddings", None)
    if positions and base.max_length > positions:
        messages.append(f"base.max_length {base.max_length} is cut to {positions}: the base has no more positions")
    return messages
