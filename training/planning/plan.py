"""titlecraft train --dataset NS/NAME --repo NS/NAME --recipe auto --dry-run [--json]

Plan a training: steps, tokens, memory, time per GPU, and the duties of the base's licence. Reads the dataset and the base's
config, tokenizer and card; downloads no weights and uses no GPU.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from msgspec import field
from transformers import PretrainedConfig

from titlecraft.errors import UserError
from titlecraft.hub.data_revision import pin_data
from titlecraft.hub.licence import licence_of, obligations, require_name
from titlecraft.hub.pins import pin, published_pin, require_own, require_write
from titlecraft.models.base.prompt_of_dataset import prompt_for
from titlecraft.records import TRAINING_RECORD, Licence, Pin, ReadRows, Record, RowSettings, TrainedPrompt
from titlecraft.rows.folder import read_rows, settings_for
from titlecraft.settings import Recipe, Training
from training.adapter_settings import adapter_fault, adapter_notes
from training.data.lengths import measure_lengths, packed_items
from training.data.long_answers import longest_example
from training.data.validation_rows import count_rows
from training.lost_settings import fault, idle, lost
from training.model.packable import require_packable
from training.planning.fit import MemoryBudget, choose_fit
from training.planning.known_base import inspect_base
from training.planning.speed import CARDS, Card, estimate_rate, measured_rate
from training.planning.validation_schedule import ValidationPlan, notes_of, planned, schedule, without_rows
from training.steps import count_steps, padding_efficiency


class CardPlan(Record, frozen=True):
    """The run on one GPU model. `memory` and `needs` are bytes; `measured` says whether the rate was measured or estimated."""

    name: str
    memory: int
    fits: bool
    needs: int
    batch_size: int
    accumulation: int
    gradient_checkpointing: bool
    tokens_per_second: float
    seconds: float
    measured: bool
    basis: str


class Plan(Record, frozen=True):
    """The plan of a training. If `exact` is false, token counts are extrapolated from `encoded_rows` rows.

    `quantization` is how the base will be loaded; `prompt` is the prompt's format, and why; `targets` are the adapted layers,
    and `read_as` says how the rows of a dataset are read that Titlecraft did not build.
    """

    dataset: Pin
    base: Pin
    repo: str
    rows: int
    exact: bool
    encoded_rows: int
    examples: int
    truncated: int
    tokens: int
    completion_tokens: int
    packed_rows: int | None
    efficiency: float
    steps: int
    examples_seen: int
    share_seen: float
    tokens_seen: int
    base_parameters: int
    trainable_parameters: int
    cards: list[CardPlan]
    licence: Licence
    obligations: list[str]
    problems: list[str]
    notes: list[str] = field(default_factory=list)
    quantization: str = "nf4"
    prompt: TrainedPrompt | None = None
    targets: list[str] | None = None
    validation: ValidationPlan | None = None
    read_as: ReadRows | None = None


def plan(dataset: str, repo: str, recipe: Recipe, given: Collection[str] = ()) -> Plan:
    """The plan of `titlecraft train` with these arguments. Raises UserError if dataset or base cannot be trained with.

    `given` has the dotted names of the settings that a recipe file or an option set.
    """
    data, base = pin_data(dataset), pin(f"{recipe.base.repo}@{recipe.base.revision}", "model")
    if recipe.base.quantization == "auto":  # a plan is about GPUs
        recipe = replace(recipe, base=replace(recipe.base, quantization="nf4"))
    known = inspect_base(base, recipe)
    config = known.config
    longest = longest_example(recipe.base, config)
    settings, training = replace(recipe.base, max_length=longest, quantization=known.quantization), recipe.training
    row_settings = settings_for(data, RowSettings.of(recipe))
    rows = read_rows(data, row_settings) if row_settings else None
    prompt, _ = prompt_for(data, base, recipe.prompt.format, rows, known.tokenizer)
    lengths = measure_lengths(data, base, prompt.prompt, settings.max_length, training, row_settings)
    examples, tokens = round(len(lengths.tokens) * lengths.scale), round(int(lengths.tokens.sum()) * lengths.scale)
    if training.packing:
        items = packed_items(lengths, settings.max_length, training.seed)
        efficiency = tokens / (items * settings.max_length)
    else:
        items, efficiency = examples, padding_efficiency(lengths.tokens, training.batch_size, training.seed)
    steps = count_steps(items, training)
    tokens_seen = round(steps.items_seen / items * tokens)
    longest = settings.max_length if training.packing else int(lengths.tokens.max())
    available = count_rows(data, row_settings)
    validations = schedule(training, items, examples, steps, available)
    licence = licence_of(base)
    requirements: list[Callable[[], object]] = [
        lambda: require_write(repo),
        lambda: require_own(published_pin(repo, "model"), TRAINING_RECORD),
        lambda: require_name(repo, licence, base),
        lambda: without_rows(training, data, available, given),
    ]
    if training.packing:
        requirements.append(lambda: require_packable(config, base, settings.max_length))
    workload = Workload(
        config=config,
        recipe=replace(recipe, base=settings, lora=known.lora),
        longest=longest,
        tokens_per_item=tokens / items / efficiency,
        efficiency=efficiency,
        tokens_seen=tokens_seen,
        parameters=known.parameters,
    )
    return Plan(
        dataset=data,
        base=base,
        repo=repo,
        rows=lengths.rows,
        exact=lengths.encoded == lengths.rows,
        encoded_rows=lengths.encoded,
        examples=examples,
        truncated=round(lengths.truncated * lengths.scale),
        tokens=tokens,
        completion_tokens=round(int(lengths.completion.sum()) * lengths.scale),
        packed_rows=items if training.packing else None,
        efficiency=round(efficiency, 4),
        steps=steps.count,
        examples_seen=round(steps.items_seen / items * examples),
        share_seen=round(steps.share, 6),
        tokens_seen=tokens_seen,
        base_parameters=known.parameters,
        trainable_parameters=known.trainable,
        quantization=known.quantization,
        prompt=prompt,
        read_as=rows,
        targets=known.lora.target_modules,
        cards=[plan_card(card, workload) for card in CARDS],
        licence=licence,
        obligations=obligations(licence, base),
        problems=[*problems_of_settings(recipe, steps.count), *problems(requirements)],
        notes=lost(training, recipe.base, config, given, items=items, steps=steps.count)
        + adapter_notes(recipe.lora, training)
        + notes_of(training, data, available),
        validation=planned(validations) if validations.every else None,
    )


@dataclass(frozen=True)
class Workload:
    """What a run computes, as far as memory and time on a card depend on it.

    Args:
        config: the base's transformers config.
        recipe: all settings; its `base` says how the base will really be loaded.
        longest: tokens of the longest example, or of a packed row.
        tokens_per_item: mean tokens of an example or packed row, including padding.
        efficiency: share of these tokens that are not padding.
        tokens_seen: tokens of the whole run, without padding.
        parameters: of the base.
    """

    config: PretrainedConfig
    recipe: Recipe
    longest: int
    tokens_per_item: float
    efficiency: float
    tokens_seen: int
    parameters: int


def plan_card(card: Card, run: Workload) -> CardPlan:
    """The run on one card, with the recipe's batch or, with training.fit_memory, with the batch that fits the card."""
    training = run.recipe.training
    budget = MemoryBudget(run.config, run.recipe.lora, training, run.recipe.base, card.memory, run.longest)
    if training.fit_memory:
        try:
            training, _ = choose_fit(budget)
        except UserError:
            training = smallest(training)
    needs = budget.needs(training)
    layers = run.config.get_text_config().num_hidden_layers
    tokens = training.batch_size * run.tokens_per_item
    rate = measured_rate(card, training, run.parameters) or estimate_rate(
        card, training, run.parameters, layers, tokens, run.efficiency
    )
    return CardPlan(
        name=card.name,
        memory=card.memory,
        fits=needs <= budget.usable,
        needs=needs,
        batch_size=training.batch_size,
        accumulation=training.accumulation,
        gradient_checkpointing=training.gradient_checkpointing,
        tokens_per_second=round(rate.tokens_per_second, 1),
        seconds=round(run.tokens_seen / rate.tokens_per_second, 1),
        measured=rate.measured,
        basis=rate.basis,
    )


def smallest(training: Training) -> Training:
    """The settings that compute the same step in the least memory."""
    step = training.batch_size * training.accumulation
    return replace(training, batch_size=1, accumulation=step, gradient_checkpointing=True)


def problems_of_settings(recipe: Recipe, steps: int) -> list[str]:
    """Reasons why these settings cannot train, or would change no weight in this number of steps."""
    training = recipe.training
    messages = dict.fromkeys((fault(training), adapter_fault(recipe.lora, training), idle(training, steps)))
    return [message for message in messages if message]


def problems(requirements: list[Callable[[], object]]) -> list[str]:
    """Messages of the requirements that raise UserError: each would stop the run before its first step."""
    messages = []
    for require in requirements:
        try:
            require()
        except UserError as error:
            messages.append(str(error))
    return messages
