"""training_record.json: the inputs of a training, what it saw, its checks, its losses and its cost."""

from dataclasses import replace
from typing import Any, Literal

from titlecraft.prompt import PromptFormat
from titlecraft.records.base import Code, File, Pin, Record, digest
from titlecraft.records.chosen import Chosen
from titlecraft.records.rows import ReadRows, RowSettings
from titlecraft.records.validation import Effect, Validation
from titlecraft.settings import Base, Generation, Lora, Training


class Check(Record, frozen=True):
    """One check of a training run: what was expected, and what was found."""

    name: str
    expected: str
    found: str
    holds: bool


class Examples(Record, frozen=True):
    """Examples that the trainer was given (`available`) and examples that it saw. Tokens are counted without padding.

    `padding_share` is 1 - tokens seen / tokens computed; null in records of before it was counted.
    """

    available: int
    seen: int
    distinct_seen: int
    tokens_seen: int
    completion_tokens_seen: int
    truncated: int
    left_out: int
    padding_share: float | None = None


class Losses(Record, frozen=True):
    """Mean negative log-likelihood per completion token, in nats: over the first and last tenth of the logged steps."""

    first: float
    last: float


class Optimizer(Record, frozen=True):
    """Hyperparameters of AdamW that no recipe sets. Gradients are clipped to the norm `max_grad_norm`."""

    max_grad_norm: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


class Measured(Record, frozen=True):
    """Clock, memory and energy of a run, as measured on `device`. Null where the machine gives no figure.

    `devices` counts the processes, one for each device; memory is that of the first. `energy_kwh` is of the parts that have
    a meter, `energy_of`, as read by `energy_by`; `co2_eq_grams` is that times the carbon intensity of the grid of `country`.
    A run that was interrupted has several `parts`; each counts until the checkpoint that the next went on from, and none of
    their energy is known. Of the time, `validation_seconds` went into validation; null if the run did not validate.
    """

    device: str
    wall_seconds: float
    tokens_per_second: float
    peak_gpu_memory_gb: float | None
    peak_process_memory_gb: float | None
    energy_kwh: float | None
    energy_of: str | None = None
    energy_by: str | None = None
    co2_eq_grams: float | None = None
    country: str | None = None
    devices: int = 1
    parts: int = 1
    validation_seconds: float | None = None


class TrainedPrompt(Record, frozen=True):
    """The prompt that an adapter was trained on: the dataset's wording in Alpaca's template or in the base's chat template.

    `setting` is prompt.format of the recipe, and `reason` says why it gave this format.
    """

    setting: Literal["auto", "alpaca", "chat"]
    reason: str
    prompt: PromptFormat

    def __str__(self) -> str:
        return f"{self.prompt.format}: {self.reason}"


class Licence(Record, frozen=True):
    """Licence of the base as its own card states it; `warning` says what could not be found out."""

    id: str
    name: str | None
    link: str | None
    warning: str | None


LATER_INPUTS = ("prompt_format", "rows", "chosen")  # left out of a key where they are null, as in trainings of before


class TrainingInputs(Record, frozen=True):
    """Everything that the result of a training depends on. Trainings with equal inputs have equal keys and equal adapters.

    `length` and `quantization` are base.max_length and base.quantization of the recipe; `devices` counts the processes;
    `prompt_format` is prompt.format, null in trainings of before there was a choice; `rows` has the settings by which the rows
    of a dataset are read that Titlecraft did not build; `chosen` is the sweep that chose settings of the recipe.
    """

    dataset: Pin
    base: Pin
    length: int
    quantization: str
    lora: Lora
    training: Training
    generation: Generation
    code: Code
    devices: int
    prompt_format: str | None = None
    rows: RowSettings | None = None
    chosen: Chosen | None = None

    @property
    def key(self) -> str:
        """The training's key: sha256 over all inputs."""
        return digest(self.by_name())

    def digests(self) -> dict[str, str]:
        """Name of each input -> its own sha256, so that two trainings can be compared input by input."""
        return {name: digest({name: value}) for name, value in self.by_name().items()}

    def by_name(self) -> dict[str, Any]:
        """The inputs by name, without those that older trainings did not have where they are null."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not None or name not in LATER_INPUTS}


class TrainingRecord(Record, frozen=True):
    """How an adapter was trained.

    `attention` and `fused_kernels` say how it was computed; `memory_note` what was chosen by the GPU's memory, if anything;
    `template_note` what the base's chat template became, if it has one; and `router_note` that the balancing loss of a mixture of
    experts is left out. `skipped_steps` counts those whose gradients overflowed in float16, which changed no weight. `optimizer`
    and `effect` are null in records of before they were written down; `trained_prompt` in those of before there was another
    format than alpaca: their prompt is prompt.json of the dataset. `targets_chosen`: the recipe left the layers of `lora` to the
    base's family. `validation` is null if the training did not validate. `rows` says how the rows of a dataset were read that Titlecraft did not
    build. `chosen` is the sweep that chose settings of the recipe; null if none did.
    `metrics` is the Space that shows the metrics of the run; null if they were not published.
    """

    key: str
    code: Code
    dataset: Pin
    base: Pin
    licence: Licence
    base_settings: Base
    lora: Lora
    training: Training
    generation: Generation
    precision: str
    quantization: str
    quantization_note: str | None
    attention: str
    fused_kernels: str
    memory_note: str | None
    trainable_parameters: int
    base_parameters: int
    special_tokens: dict[str, str | None]
    steps: int
    epochs: float
    examples: Examples
    loss: Losses
    checks: list[Check]
    files: list[File]
    measured: Measured
    router_note: str | None = None
    skipped_steps: int = 0
    optimizer: Optimizer | None = None
    effect: Effect | None = None
    validation: Validation | None = None
    template_note: str | None = None
    trained_prompt: TrainedPrompt | None = None
    targets_chosen: bool = False
    rows: ReadRows | None = None
    chosen: Chosen | None = None
    metrics: str | None = None
    schema: Literal["titlecraft/training/1"] = "titlecraft/training/1"

    def key_inputs(self) -> TrainingInputs:
        """The inputs of the training as the record lists them. Their key is `key`, unless `memory_note` says that the batch was
        chosen by the GPU's memory: then `training` is what ran, and the key is that of the recipe."""
        return TrainingInputs(
            dataset=self.dataset,
            base=self.base,
            length=self.base_settings.max_length,
            quantization=self.base_settings.quantization,
            lora=replace(self.lora, target_modules=None) if self.targets_chosen else self.lora,
            training=self.training,
            generation=self.generation,
            code=self.code,
            devices=self.measured.devices,
            prompt_format=self.trained_prompt.setting if self.trained_prompt else None,
            rows=self.row_settings,
            chosen=self.chosen,
        )

    @property
    def row_settings(self) -> RowSettings | None:
        """How the rows of the dataset are read; null for a dataset that Titlecraft built."""
        return self.rows.settings if self.rows else None
