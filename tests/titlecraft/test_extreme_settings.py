"""Extreme numbers and malformed recipes give one line that names the setting, in every section."""

from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from titlecraft.command_line.recipe_options import SECTIONS, StageParser, read_recipe
from titlecraft.errors import UserError

DIGITS, NESTED = "9" * 5000, "[" * 3000 + "]" * 3000
NUMBERS = [
    (f"{section}.{field.name}", get_type_hints(kind)[field.name])
    for section, kind in SECTIONS.items()
    for field in fields(kind)
    if get_type_hints(kind)[field.name] in (int, float, int | None)
]


def refusal(options: list[str]) -> str:
    """The error of a command line with these options, all of one section."""
    section = options[0].removeprefix("--").split(".")[0]
    with pytest.raises(UserError) as refused:
        StageParser("train", "Train.", [section]).parse(options)
    message = str(refused.value)
    assert "\n" not in message and len(message) < 500
    return message


@pytest.mark.parametrize(("name", "kind"), NUMBERS)
def test_every_number_of_a_recipe_is_finite_and_has_bounds(name: str, kind: type, tmp_path: Path) -> None:
    assert len(NUMBERS) > 25
    extremes = [".nan", ".inf", "-.inf", "1e999"] if kind is float else [DIGITS, "-1", "99999999999999999999", ".inf"]
    section, key = name.split(".")
    for value in extremes:
        assert f"--{name}" in refusal([f"--{name}={value}"]), value
        (tmp_path / "r.yaml").write_text(f"{section}:\n  {key}: {value}\n")
        with pytest.raises(UserError, match=r"r\.yaml(:2: | is not YAML)"):
            read_recipe(tmp_path / "r.yaml")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--training.seed=4294967296", "--training.seed: expected a whole number <= 4294967295"),
        ("--training.learning_rate=1e300", "--training.learning_rate: expected a number <= 1000.0"),
        ("--training.learning_rate=1e-300", "--training.learning_rate: expected a number >= 1e-12"),
        ("--lora.r=12345678901234567890", "--lora.r: expected a whole number <= 65536"),
        ("--evaluation.confidence=0.9999999999999999", "--evaluation.confidence: expected a number <= 0.9999"),
        ("--generation.temperature=1e-300", "--generation.temperature: expected a number >= 0.001"),
        (f"--training.seed={DIGITS}", "--training.seed: expected a number of fewer than 4300 digits"),
        (f"--lora.target_modules={NESTED}", "thousands of nested brackets"),
        (f"--lora.target_modules={NESTED[:3000]}", "[… (3,000 characters): expected a list"),
    ],
)
def test_an_extreme_setting_is_refused_in_one_line(option: str, message: str) -> None:
    assert message in refusal([option])


def test_every_library_accepts_the_largest_seed() -> None:
    recipe, _ = StageParser("train", "Train.", ["training"]).parse(["--training.seed=4294967295"])
    np.random.seed(recipe.training.seed)  # the narrowest of those that transformers' set_seed tells
    with pytest.raises(ValueError, match="Seed must be between"):
        np.random.seed(recipe.training.seed + 1)


ALIASES = "a: &a [x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"lora:\n  target_modules: {NESTED}\n", r"r\.yaml:2: more than 8 levels: expected sections"),
        (NESTED[:3000], r"r\.yaml:1: more than 8 levels"),
        ("{a: " * 3000, r"r\.yaml:1: more than 8 levels"),
        (ALIASES, r"r\.yaml:4: more than 20 aliases"),
        (f"training:\n  seed: {DIGITS}\n", r"r\.yaml is not YAML: Exceeds the limit \(4300 digits\)"),
        (
            "lora:\n  r: 4 #" + "x" * 10_000_000,
            r"r\.yaml has 10,000,014 bytes: expected a recipe, of at most 1,000,000",
        ),
        ("base:\n  repo: 2020-99-99\n", r"r\.yaml is not YAML: month must be in 1\.\.12"),
        (
            "training:\n  max_steps: 5\n  seed: 3\n  max_steps: 50\n",
            r"r\.yaml:4: training\.max_steps is already in line 2",
        ),
        ("lora:\n  r: 5\nlora:\n  alpha: 3\n", r"r\.yaml:3: lora is already in line 1"),
        (
            "generation:\n  max_new_tokens: 9\nevaluation:\n  confidence: .nan\n",
            r"r\.yaml:4: evaluation\.confidence: expected a number",
        ),
    ],
)
def test_hostile_recipes_are_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as refused:
        read_recipe(tmp_path / "r.yaml")
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500


def test_an_alias_in_a_recipe_may_repeat_a_value(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("training:\n  seed: &seed 7\ndata:\n  seed: *seed\n")
    assert read_recipe(tmp_path / "r.yaml") == {"training.seed": 7, "data.seed": 7}


@pytest.mark.parametrize("workers", [0, -1, 1_000_000])
def test_too_many_workers_are_refused(workers: int) -> None:
    from dataset_builder.engine.interface import require_engine

    with pytest.raises(UserError, match=rf"^--workers {workers}: expected 1 to 512 processes$"):
        require_engine("local", workers, None)
    require_engine("local", 1, None)
