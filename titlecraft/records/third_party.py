"""What is known of an adapter whose training has no record, in a report or an export of it."""

from msgspec import UNSET, UnsetType

from titlecraft.records.base import Pin, Record
from titlecraft.records.rows import ReadRows, RowSettings
from titlecraft.records.training import Licence, TrainedPrompt
from titlecraft.settings import Base, Generation

UNKNOWN = (
    "on which texts it was trained, how long, with which settings and which seed",
    "whether titles of the test split, or texts close to them, were in its training",
    "whether it was trained on the prompt that it is asked with here",
    "whether its base was quantised in its training",
)


class ThirdPartyAdapter(Record, frozen=True):
    """The inputs that a user stated for an adapter without a training record, and what its files say of it.

    The fields that a TrainingRecord has mean the same; they are not those of the training, which is unknown. `base_named` is the
    base that adapter_config.json names, `kinds` what the adapter is beyond plain LoRA, and `not_served` what cannot serve it beside
    its base and why.
    """

    dataset: Pin
    base: Pin
    licence: Licence
    base_settings: Base
    generation: Generation
    precision: str
    quantization: str
    trained_prompt: TrainedPrompt
    trainable_parameters: int
    special_tokens: dict[str, str | None]
    base_named: str | None
    kinds: list[str]
    not_served: list[str]
    rows: ReadRows | None = None

    @property
    def row_settings(self) -> RowSettings | None:
        """How the rows of the dataset are read; null for a dataset that Titlecraft built."""
        return self.rows.settings if self.rows else None

    def facts(self) -> list[str]:
        """What its files say, in sentences; `unknown` has the rest."""
        other = self.base_named and self.base_named != self.base.repo
        named = [f"adapter_config.json names the base {self.base_named}, and {self.base.repo} is used"] if other else []
        served = [f"With {reason}" for reason in self.not_served]
        return [*self.kinds, *named, *served]

    def unknown(self) -> str:
        """What no record says, in one sentence."""
        return f"It has no training record. Unknown: {'; '.join(UNKNOWN)}."


def third_party_of(training: object) -> "ThirdPartyAdapter | UnsetType":
    """What a report or an export records of its adapter in place of a training record; unset for Titlecraft's own."""
    return training if isinstance(training, ThirdPartyAdapter) else UNSET
