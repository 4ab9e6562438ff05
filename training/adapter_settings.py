"""Kinds and initial weights of an adapter that cannot be combined with other settings, and what is computed otherwise for them."""

from titlecraft.settings import Lora, Training


def adapter_fault(lora: Lora, training: Training, processes: int = 1) -> str | None:
    """The reason why this adapter cannot be trained with these settings on any base, with the fix, or None."""
    start = "--lora.init=default"
    if lora.variant == "dora" and lora.init != "default":
        return f"lora.variant dora starts from the base's weights and cannot have lora.init {lora.init}: set {start}"
    if training.backend == "unsloth":
        unsupported = {
            f"lora.variant {lora.variant}": lora.variant == "dora",
            f"lora.init {lora.init}": lora.init != "default",
            f"training.neftune_noise_alpha {training.neftune_noise_alpha}": training.neftune_noise_alpha is not None,
        }
        if names := [name for name, used in unsupported.items() if used]:
            return f"{names[0]} is for backend trl: use --training.backend=trl"
    if training.shard_base and lora.variant == "dora":
        return "lora.variant dora reads whole weights and cannot be trained on a shared base: set --training.shard_base=false"
    if training.shard_base and lora.init != "default":
        return f"lora.init {lora.init} reads whole weights and cannot be combined with training.shard_base: set {start}"
    if lora.changes_base and processes > 1:
        return f"lora.init {lora.init} changes the base's weights, which several processes do not share: set {start}, or use one process"
    return None


def adapter_notes(lora: Lora, training: Training) -> list[str]:
    """A message for each part of the run that is computed otherwise for this adapter."""
    notes = []
    if lora.variant == "dora" and training.fused_kernels:
        notes.append(
            "lora.variant dora: layers are not fused with their adapters; the loss over answers and Liger's layer kernels are used"
        )
    if lora.changes_base:
        notes.append(
            f"lora.init {lora.init}: the adapter is published for the unchanged base, as a LoRA of rank {lora.published_r}, twice lora.r"
        )
    return notes
