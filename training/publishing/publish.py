"""Publish a trained adapter: check its files, write its card, commit everything at once."""

from collections.abc import Callable
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.hub.publishing import REPLACED_BY_TRAINING, publish
from titlecraft.models.adapter.weights import require_finite
from titlecraft.records import Pin, TrainingRecord
from titlecraft.records.repo_files import ADAPTER_WEIGHTS
from training.checkpoints.branch import delete_branch
from training.publishing.finished import command_to_publish

FIX = "train again with --fresh and a lower --training.learning_rate, or another --training.precision"

WriteCard = Callable[[Path, str, Pin | None], None]
"""Writes README.md into the folder to publish: (folder, NS/NAME of the repo, its head) -> None."""


def publish_trained(
    folder: Path, repo: str, head: Pin | None, record: TrainingRecord, *, private: bool, write_card: WriteCard
) -> Pin:
    """Publish the adapter in `folder` as one commit and return its pin.

    Raises UserError; its message has the command that publishes the folder later.
    """
    require_trained(folder / ADAPTER_WEIGHTS)
    try:
        write_card(folder, repo, head)
        published = publish(
            repo,
            "model",
            head,
            folder,
            f"Train {record.steps} steps on {record.dataset}",
            private=private,
            replaces=REPLACED_BY_TRAINING,
            check=lambda path: require_loads(path, record.base),
        )
    except UserError as error:
        raise UserError(
            f"{error}; the trained adapter is complete, and `{command_to_publish(folder)}` publishes it"
        ) from error
    delete_branch(repo)
    return published


def require_trained(file: Path) -> None:
    """Raises UserError if a saved tensor is not finite, or if every lora_B is zero.

    PEFT initialises lora_B with zeros, so an adapter whose lora_B are all zero was changed by no step.
    """
    tensors = require_finite(file, "nothing was published", FIX)
    lora_b = [tensor for tensor in tensors if "lora_B" in tensor.name]
    if not lora_b:
        raise UserError(f"{file.name} holds no LoRA tensors; nothing was published")
    if all(tensor.zero for tensor in lora_b):
        raise UserError(
            f"{file.name} is as it was before the first step, every lora_B is zero: no step changed a weight, so there is nothing "
            "to publish; set more --training.max_steps than --training.warmup_steps, or a higher --training.learning_rate"
        )


def require_loads(folder: Path, base: Pin) -> None:
    """Read the published files back with PEFT. Raises UserError if the config does not name the base, or the weights are bad."""
    from peft import PeftConfig

    config = PeftConfig.from_pretrained(str(folder))
    if (config.base_model_name_or_path, config.revision) != (base.repo, base.revision):
        raise UserError(
            f"adapter_config.json names {config.base_model_name_or_path}@{config.revision}: expected {base}"
        )
    require_trained(folder / ADAPTER_WEIGHTS)
