"""What `titlecraft sweep` writes into a recipe file, and a training of that recipe into its record."""

from typing import Any, Literal

from titlecraft.records.base import Pin, Record


class Chosen(Record, frozen=True):
    """The sweep that chose settings of a recipe.

    `settings`, by dotted name, are those of the best of `among` recipes by the NLL of `rows` rows of the `split` of `dataset`.
    `sweep` is the sha256 of its sweep.json.
    """

    among: int
    settings: dict[str, Any]
    rows: int
    dataset: Pin
    sweep: str
    split: Literal["validation"] = "validation"
    judged_on: Literal["validation NLL"] = "validation NLL"
