"""When a training validates: as the recipe says, or within 3 % of the run."""

import pytest

from titlecraft.errors import UserError
from titlecraft.records import Pin
from titlecraft.settings import Training
from training.lost_settings import fault
from training.planning.validation_schedule import MOST_OF_A_RUN, Schedule, rows_to_draw, schedule, without_rows
from training.steps import count_steps

DATA = Pin(type="dataset", repo="ns/data", revision="d" * 40)


def planned(training: Training, examples: int, available: int = 10_000) -> Schedule:
    return schedule(training, examples, examples, count_steps(examples, training), available)


@pytest.mark.parametrize("steps", [1, 3, 10, 100, 101, 1000, 20_000])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_by_default_it_takes_no_more_than_three_percent(steps: int, checkpointing: bool) -> None:
    found = planned(Training(max_steps=steps, gradient_checkpointing=checkpointing), 10**6)
    assert found.times <= 11 and found.rows <= 512
    enough = 8 * steps * (3 if checkpointing else 2) * MOST_OF_A_RUN >= 2 * 32  # else it measures before and after only
    assert (found.cost <= MOST_OF_A_RUN) if enough else (found.times, found.rows) == (2, 32)
    due = [step for step in range(steps + 1) if found.is_due(step)]
    assert due[0] == 0 and due[-1] == steps and len(due) == found.times


def test_a_long_run_validates_ten_times_on_all_rows_and_a_short_one_on_fewer() -> None:
    assert planned(Training(max_steps=20_000), 10**6).describe().startswith(
        "512 rows before the first step and after every 2,000 steps, 11 times, about 1.2 % of the run"
    )  # fmt: skip
    middle, short = planned(Training(max_steps=3000), 10**6), planned(Training(max_steps=100), 10**6)
    assert (middle.times, middle.rows) == (11, 196) and (short.times, short.rows) == (2, 32)
    assert planned(Training(max_steps=20_000), 10**6, available=40).rows == 40


def test_what_a_recipe_sets_is_taken_to_the_letter() -> None:
    some = planned(Training(max_steps=100, validate_every=7, validation_rows=300), 10**6)
    assert (some.every, some.rows, some.times) == (7, 300, 16) and some.cost == pytest.approx(16 * 300 / 2400)
    assert planned(Training(max_steps=None, epochs=2, validate_every=0.25), 800).every == 25
    assert planned(Training(max_steps=5, validate_every=90), 800).every == 5
    for off in (Training(validate_every=0), Training(validation_rows=0)):
        found = planned(off, 800)
        assert not any(found.is_due(step) for step in range(101)) and found.times == 0 and rows_to_draw(off) == 32
    assert planned(Training(), 800, available=0).every == 0


def test_settings_that_need_validation_are_refused_without_it() -> None:
    assert "training.validate_every 0 turns it off" in str(fault(Training(patience=3, validate_every=0)))
    assert "training.validation_rows 0 turns it off" in str(fault(Training(patience=3, validation_rows=0)))
    assert "1.5 is no number of steps" in str(fault(Training(validate_every=1.5)))
    assert fault(Training(patience=3)) is None and fault(Training(validate_every=0.5)) is None
    with pytest.raises(UserError, match=r"^training\.patience 3 needs validation, .* build the dataset with a larger"):
        without_rows(Training(patience=3), DATA, 0, ())
    note = str(without_rows(Training(), DATA, 0, {"training.keep"}))
    assert note.startswith("no validation: ns/data@") and "so that training.keep best is not used" in note
    assert (
        without_rows(Training(), DATA, 5, ()) is None and without_rows(Training(validate_every=0), DATA, 0, ()) is None
    )
