"""Sentences of the card's training section about adapters that are not plain LoRA from an update of zero."""

from typing import Any

VARIANTS = {
    "rslora": "The update is scaled by {alpha} / √{r} (rsLoRA, Kalajdzievski 2023).",
    "dora": "The adapter trains the magnitude of each row of a weight beside its direction (DoRA, Liu et al. 2024).",
}
CONVERTED = " It is published for the unchanged base model, as a LoRA of rank {rank}."
STARTS = {
    "pissa": "The adapter started from the largest singular values of the base's weights (PiSSA, Meng et al. 2024)." + CONVERTED,
    "olora": "The adapter started from a QR decomposition of the base's weights (OLoRA, Büyükakyüz 2024)." + CONVERTED,
    "loftq": "The adapter started from what 4-bit weights lose (LoftQ, Li et al. 2023), so that it has an effect before the first step.",
}  # fmt: skip


def variant_sentence(values: dict[str, Any]) -> dict[str, Any] | None:
    """The sentence about lora.variant; None for plain LoRA."""
    sentence = VARIANTS.get(values["variant"])
    return {"sentence": sentence.format(alpha=values["alpha"], r=values["r"])} if sentence else None


def init_sentence(values: dict[str, Any]) -> dict[str, Any] | None:
    """The sentence about lora.init; None for an update of zero."""
    sentence = STARTS.get(values["init"])
    return {"sentence": sentence.format(rank=2 * values["r"])} if sentence else None
