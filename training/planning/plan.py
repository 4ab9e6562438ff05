"""titlecraft train --dataset NS/NAME --repo NS/NAME --recipe auto --dry-run [--json]

What a training will see, take and owe, before anybody pays for a GPU: from the dataset, and of the base its config,
tokenizer and card. No weights are downloaded, and no GPU is asked.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from msgspec import field

from titlecraft.errors import UserError
from titlecraft.hub.data_revision import pin_data
from titlecraft.hub.licence import licence_of, obligations, require_name
from titlecraft.hub.pins import pin, published_pin, require_own, require_write
from titlecraft.records import TRAINING_RECORD, Licence, Pin, Record
from titlecraft.settings import Recipe, Training
from training.data.lengths import measure_lengths, packed_items
from training.lost_settings import fault, idle, lost
from training.planning.fit import choose_fit, usable
from training.planning.memory import estimate_memory
from training.planning.speed import CARDS, Card, estimate_rate, measured_rate
from training.planning.steps import count_steps, padding_efficiency


class CardPlan(Record):
    """The run on one card. `memory` and `needs` in bytes, estimated; `measured` is about the rate."""

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


class Plan(Record):
    """What a training will see, take and owe. Where `exact` is false, tokens are those of `encoded_rows` rows scaled up.

    `quantization` is how the base will be loaded: as it is published, or else as the recipe asks.
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


def plan(dataset: str, repo: str, recipe: Recipe, given: Collection[str] = ()) -> Plan:
    """The plan of `titlecraft train` with these arguments. Raises UserError where there is nothing to plan.

    `given` has the dotted names of the settings that a recipe or an option gave.
    """
    data, base = pin_data(dataset), pin(f"{recipe.base.repo}@{recipe.base.revision}", "model")
    from training.model.build import longest_example, require_packable
    from training.planning.known_base import inspect_base

    known = inspect_base(base, recipe)
    config, base_parameters, trainable = known.config, known.parameters, known.trainable
    longest = longest_example(recipe.base, config)
    settings, training = replace(recipe.base, max_length=longest, quantization=known.quantization), recipe.training
    lengths = measure_lengths(data, base, settings.max_length, training.seed)
    examples, tokens = round(len(lengths.tokens) * lengths.scale), round(int(lengths.tokens.sum()) * lengths.scale)
    if training.packing:
        items = packed_items(lengths, settings.max_length, training.seed)
        efficiency = tokens / (items * settings.max_length)
    else:
        items, efficiency = examples, padding_efficiency(lengths.tokens, training.batch_size, training.seed)
    steps = count_steps(items, training)
    tokens_seen = round(steps.items_seen / items * tokens)
    longest = settings.max_length if training.packing else int(lengths.tokens.max())
    slots = tokens / items / efficiency  # of one item, padding included
    licence = licence_of(base)
    demands = [
        lambda: require_write(repo),
        lambda: require_own(published_pin(repo, "model"), TRAINING_RECORD),
        lambda: require_name(repo, licence, base),
    ]
    if training.packing:
        demands.append(lambda: require_packable(config, base, settings.max_length))
    return Plan(
        dataset=data, base=base, repo=repo, rows=lengths.rows, exact=lengths.encoded == lengths.rows,
        encoded_rows=lengths.encoded, examples=examples, truncated=round(lengths.truncated * lengths.scale),
        tokens=tokens, completion_tokens=round(int(lengths.completion.sum()) * lengths.scale),
        packed_rows=items if training.packing else None, efficiency=round(efficiency, 4), steps=steps.count,
        examples_seen=round(steps.items_seen / items * examples), share_seen=round(steps.share, 6),
        tokens_seen=tokens_seen, base_parameters=base_parameters, trainable_parameters=trainable, quantization=known.quantization,
        cards=[plan_card(card, config, replace(recipe, base=settings), longest, slots, efficiency, tokens_seen,
                         base_parameters) for card in CARDS],
        licence=licence, obligations=obligations(licence, base),
        problems=[*problems_of_settings(training, steps.count), *problems(demands)],
        notes=lost(training, recipe.base, config, given, items=items, steps=steps.count),
    )  # fmt: skip


def plan_card(
    card: Card, config: Any, recipe: Recipe, longest: int, slots: float, efficiency: float, tokens_seen: int,
    parameters: int,
) -> CardPlan:  # fmt: skip
    """The run on one card: as the recipe has it or, with training.fit_memory, as it would be fitted there."""
    lora, training, base = recipe.lora, recipe.training, recipe.base
    if training.fit_memory:
        try:
            training, _ = choose_fit(config, lora, training, base, card.memory, longest=longest)
        except UserError:
            training = smallest(training)
    needs = estimate_memory(config, lora, training, base, tokens=training.batch_size * longest).total
    layers = config.get_text_config().num_hidden_layers
    rate = measured_rate(card, training, parameters) or estimate_rate(
        card, training, parameters, layers, training.batch_size * slots, efficiency
    )
    return CardPlan(
        name=card.name, memory=card.memory, fits=needs <= usable(card.memory), needs=needs, batch_size=training.batch_size,
        accumulation=training.accumulation, gradient_checkpointing=training.gradient_checkpointing,
        tokens_per_second=round(rate.tokens_per_second, 1), seconds=round(tokens_seen / rate.tokens_per_second, 1),
        measured=rate.measured, basis=rate.basis,
    )  # fmt: skip


def smallest(training: Training) -> Training:
    """The same step in the least memory."""
    whole = training.batch_size * training.accumulation
    return replace(training, batch_size=1, accumulation=whole, gradient_checkpointing=True)


def problems_of_settings(training: Training, steps: int) -> list[str]:
    """Why these settings cannot be trained with, or would learn nothing in so many steps."""
    return [found for found in dict.fromkeys((fault(training), idle(training, steps))) if found]


def problems(demands: list[Callable[[], Any]]) -> list[str]:
    """What would stop the run before its first step: what these say that raise UserError."""
    found = []
    for demand in demands:
        try:
            demand()
        except UserError as error:
            found.append(str(error))
    return found
