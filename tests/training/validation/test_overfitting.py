"""A few rows over many epochs overfit: the published weights are those of before, and titles of the test split say so."""

from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import set_seed

from evaluation.statistics.intervals import mean_interval
from tests import present
from tests.tiny_world import make_base, row, train_tokenizer
from titlecraft.models.base.model import LoadedBase
from titlecraft.models.loss.answer_nll import reference_nll
from titlecraft.process.threads import steady_threads
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin
from titlecraft.settings import Evaluation, Lora, Prompt, Training
from training.data.examples import encode_split
from training.data.validation_rows import Pair, encode_held_out
from training.model.build import add_adapter
from training.planning.validation_schedule import Schedule
from training.trainer import make_trainer, run_all_steps
from training.validation.validator import Sample

ROWS = 12
SETTINGS = Training(
    backend="trl", batch_size=12, accumulation=1, max_steps=50, warmup_steps=0, schedule="constant", optimizer="adamw_torch",
    precision="float32", gradient_checkpointing=False, learning_rate=1e-2, validate_every=10,
)  # fmt: skip


def pairs(tokenizer: Any, numbers: range) -> list[Pair]:
    return encode_held_out([row(n) for n in numbers], tokenizer, PromptFormat.from_settings(Prompt()), 512, "drop")


def test_the_published_step_is_the_one_before_it_overfits(tmp_path: Path) -> None:
    tokenizer = train_tokenizer()
    set_seed(SETTINGS.seed)
    base = LoadedBase(make_base(len(tokenizer)), tokenizer, "none", None, "float32")
    model = add_adapter(base, Pin(type="model", repo="ns/base", revision="b" * 40), Lora(r=8, dropout=0.0), SETTINGS)
    rows = Dataset.from_list([row(40 * number) for number in range(ROWS)])
    examples = encode_split(rows, tokenizer, PromptFormat.from_settings(Prompt()), 512)
    validation, test = pairs(tokenizer, range(1, 500, 17)), pairs(tokenizer, range(2, 500, 9))
    trainer = make_trainer(
        model, tokenizer, examples.dataset, SETTINGS, "float32", tmp_path, None,
        Sample(validation, Schedule(10, len(validation), 50, 0.1)),
    )  # fmt: skip
    validator = present(trainer.validator)
    last: list[float] = []

    def score() -> list[float]:
        scored = reference_nll(model.eval(), test, 2)
        return [nll / len(answer) for nll, (_, answer) in zip(scored, test, strict=True)]

    put_back = validator.restore_kept_weights
    validator.restore_kept_weights = lambda: (last.extend(score()), put_back())[1]  # type: ignore[method-assign]
    with steady_threads(model):
        run_all_steps(trainer)
        best = score()
    steps = {point.step: point.loss for point in validator.points}
    kept = validator.kept().step
    assert 0 < kept < 50 and steps[kept] == min(steps[step] for step in steps if step) and steps[50] > steps[kept]
    assert steps[kept] < steps[0], "the base was not improved at all"
    interval = mean_interval(np.array(best) - np.array(last), Evaluation())
    assert present(interval.high) < -0.05, "on the test split the published step is no better than the last one"
