"""Which settings may be swept, and the recipes that their values make."""

from dataclasses import replace

import pytest

from titlecraft.errors import UserError
from titlecraft.settings import Recipe, Training
from training.sweep.combinations import SWEPT, SweepRequest, combine, require_sweepable

RATES = [1e-4, 2e-4, 5e-4]


def test_every_combination_is_one_recipe_and_nothing_else_changes() -> None:
    recipe = Recipe(training=Training(max_steps=7, seed=3))
    found = combine(recipe, {"training.learning_rate": RATES, "lora.r": [8, 64]})
    assert [one.number for one in found] == [1, 2, 3, 4, 5, 6]
    pairs = [(one.recipe.training.learning_rate, one.recipe.lora.r) for one in found]
    assert pairs == [(rate, r) for rate in RATES for r in (8, 64)]
    assert [tuple(one.settings.values()) for one in found] == pairs
    for one in found:
        undone = replace(one.recipe.training, learning_rate=recipe.training.learning_rate)
        assert undone == recipe.training and replace(one.recipe.lora, r=16) == recipe.lora


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("data.limit", "data.limit decides the dataset, and another dataset is another experiment"),
        ("prompt.question", "prompt.question decides the dataset"),
        ("base.repo", "base.repo decides the base and what is scored"),
        ("base.max_length", "base.max_length decides the base and what is scored"),
        ("training.seed", "training.seed is no choice between recipes, since the best of several seeds is luck"),
        ("training.validation_rows", "training.validation_rows does not decide what an adapter learns"),
        ("training.packing", "training.packing does not decide what an adapter learns"),
        ("evaluation.titles", "evaluation.titles does not decide what an adapter learns"),
        (
            "training.learning_rates",
            r"unknown setting 'training.learning_rates'; did you mean training.learning_rate\?",
        ),
        ("lora.rank_of_it", "unknown setting 'lora.rank_of_it'; "),
    ],
)
def test_what_is_no_choice_between_recipes_is_refused(key: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        require_sweepable(key)


def test_the_others_are_accepted() -> None:
    for key in SWEPT:
        require_sweepable(key)
    assert {"lora.r", "training.learning_rate", "training.epochs"} <= set(SWEPT)


@pytest.mark.parametrize(
    ("swept", "message"),
    [
        ({}, "there is one recipe, and nothing to choose"),
        ({"lora.r": [8]}, "there is one recipe, and nothing to choose"),
        ({"lora.r": [8, 16, 8]}, "lora.r has the value 8 2 times: expected different values"),
        ({"lora.r": [*range(1, 31)], "lora.alpha": [*range(1, 11)]}, r"30 \(lora.r\) × 10 \(lora.alpha\) are 300 recipes: expected at most 256"),
    ],
)  # fmt: skip
def test_too_few_too_many_and_equal_recipes_are_refused(swept: dict[str, list[int]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        combine(Recipe(), swept)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (Training(backend="unsloth"), "needs --training.backend=trl: unsloth, which this recipe has"),
        (Training(backend="trl", shard_base=True), "runs in one process over one loaded base: set --training.shard_base=false"),
    ],
)  # fmt: skip
def test_one_process_trains_all_adapters_over_one_base(training: Training, message: str) -> None:
    with pytest.raises(UserError, match=message):
        SweepRequest("ns/data", "ns/repo", Recipe(training=training), {"lora.r": [1, 2]}).combinations()


def test_torchrun_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="start it without torchrun"):
        SweepRequest("ns/data", "ns/repo", Recipe(training=Training(backend="trl")), {"lora.r": [1, 2]}).combinations()
