"""Which recipes train in each rung of a sweep where some fail, what has no effect, and the folder that its files go into."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from titlecraft.errors import UserError
from titlecraft.records import Pin
from titlecraft.settings import Recipe, Training
from training.checkpoints.folder import Run
from training.sweep.combinations import combine, no_effect, no_rows
from training.sweep.files import require_folder
from training.sweep.record import Judged
from training.sweep.train_rungs import TrainRungs

RATES = [1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2]
ROWS, STEPS = 6, 8


class Line:
    """Trains nothing: a recipe's loss is its number, or it breaks from a step on."""

    def __init__(self, breaks: dict[int, int], data: str = "d") -> None:
        self.breaks, self.data = breaks, data
        self.trained: list[tuple[int, int]] = []
        self.sample = [([1], [2, 3])] * ROWS
        recipe = Recipe(training=Training(max_steps=STEPS, validate_every=0))
        self.job = SimpleNamespace(recipe=recipe)
        self.encoded = SimpleNamespace(examples=SimpleNamespace(dataset=range(40)), config=None)

    def train_until(self, recipe: Recipe, run: Run, folder: Path, step: int, rows: int) -> Judged:
        number = RATES.index(recipe.training.learning_rate) + 1
        self.trained.append((number, step))
        if step >= self.breaks.get(number, STEPS + 1):
            raise UserError("training stopped: the gradient norm is nan; set a lower rate")
        return Judged(key=run.key, step=step, losses=[float(number)] * rows, seconds=1.0, tokens=9)

    def base_losses(self) -> list[float]:
        return [len(self.data) * 10.0] * ROWS


class Silent:
    def running(self, *arguments: Any) -> None: ...
    def finished(self, *arguments: Any) -> None: ...
    def show(self, *arguments: Any) -> None: ...


def rungs_of(folder: Path, line: Line) -> TrainRungs:
    combinations = combine(line.job.recipe, {"training.learning_rate": RATES})
    runs = {one.number: Run(f"{line.data}{one.number}".ljust(64, "0"), {}) for one in combinations}
    return TrainRungs(combinations, runs, line, folder, Silent())  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("breaks", "best", "last"),
    [
        ({}, 1, {1, 2}),
        ({1: 1}, 2, {2, 3}),
        ({1: 8, 2: 8}, 3, {3, 4}),
        ({1: 8, 2: 8, 3: 8, 4: 8}, 5, {5, 6}),
        ({1: 4, 2: 4, 3: 4, 4: 8, 6: 1, 7: 2, 8: 1}, 5, {5}),
    ],
)
def test_a_dropped_recipe_takes_the_place_of_one_that_fails(
    tmp_path: Path, breaks: dict[int, int], best: int, last: set[int]
) -> None:
    rungs = rungs_of(tmp_path, Line(breaks))
    rungs.train()
    outcome = rungs.outcome()
    trained = rungs.one_base.trained  # pyright: ignore[reportAttributeAccessIssue]
    failed = {number for number, step in trained if step >= breaks.get(number, 9)}
    assert outcome["best"] == best and {run.number for run in outcome["runs"] if run.failed} == failed
    finalists = {run.number for run in outcome["runs"] if len(run.judged) == len(rungs.rungs)}
    assert finalists == last
    for run in outcome["runs"]:
        assert [one.step for one in run.judged] == [rungs.step(run.number, rung) for rung in range(len(run.judged))]


def test_if_all_fail_the_first_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none of the recipes could be trained: training stopped"):
        rungs_of(tmp_path, Line(dict.fromkeys(range(1, 9), 2))).train()


def test_the_base_is_judged_again_over_another_dataset(tmp_path: Path) -> None:
    assert rungs_of(tmp_path, Line({})).base_losses() == [10.0] * ROWS
    other = Line({}, "another dataset")
    assert rungs_of(tmp_path, other).base_losses() == [150.0] * ROWS
    other.base_losses = lambda: pytest.fail("it is on disk")  # pyright: ignore[reportAttributeAccessIssue]
    assert np.sum(rungs_of(tmp_path, other).base_losses()) == 150.0 * ROWS


def test_files_of_others_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match="file is a file: expected a folder"):
            require_folder(out)
    require_folder(tmp_path / "new" / "below")
    require_folder(tmp_path)
    (tmp_path / "recipe.yaml").write_text("training: {}")
    with pytest.raises(UserError, match=r"recipe\.yaml is not of a sweep and would be replaced: name another folder"):
        require_folder(tmp_path)
    (tmp_path / "sweep.json").write_text("{}")
    require_folder(tmp_path)


def test_what_cannot_be_judged_is_told_before_the_sweep() -> None:
    data, none = Pin(type="dataset", repo="ns/data", revision="d" * 40), Recipe(training=Training(validation_rows=0))
    assert no_rows(data, Recipe(), 9) is None
    assert "set another --training.validation_rows than 0" in (no_rows(data, none, 9) or "")
    assert "has none: build the dataset" in (no_rows(data, Recipe(), 0) or "")
    recipe = Recipe(training=Training(max_steps=8, epochs=0.01))
    assert "is not used: training.max_steps 8 decides" in (
        no_effect({"training.epochs": [0.01]}, recipe, None, 9, 8) or ""
    )
    assert no_effect({"lora.r": [4]}, recipe, None, 9, 8) is None
