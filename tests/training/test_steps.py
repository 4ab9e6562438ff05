"""Steps, packed rows and rates of a plan, compared with literal numbers, TRL and transformers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import ROOT
from titlecraft.settings import Training
from training.data.packing import best_fit, pack
from training.planning.speed import CARDS, MEASURED, Rate, estimate_rate, measured_rate
from training.steps import Steps, count_steps, padding_efficiency

H200 = CARDS[-1]


def test_best_fit_decreasing_by_hand() -> None:
    # 7+3, 6+4, 5+5, 2: the 3 goes where 3 are left, not where 4 are
    assert len(best_fit(np.array([3, 5, 7, 2, 4, 5, 6]), 10)) == 4
    assert len(best_fit(np.array([10, 10, 1]), 10)) == 3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_number_of_packed_rows_equals_trl(seed: int) -> None:
    from datasets import Dataset
    from trl.data_utils import pack_dataset

    lengths = np.random.default_rng(seed).lognormal(3, 1, 800).clip(1, 128).astype(np.int32)
    examples = Dataset.from_dict({"input_ids": [[5] * length for length in lengths.tolist()]})
    assert len(best_fit(lengths, 128)) == len(pack_dataset(examples, 128, "bfd"))


def test_a_split_is_packed_in_shuffled_chunks() -> None:
    lengths = np.repeat(np.array([600, 424], dtype=np.int32), 15_000)  # of which two make a row, if they meet
    assert 15_000 <= len(pack(lengths, 1024, seed=3)) < 15_400
    assert len(pack(lengths, 1024, seed=3)) == len(pack(lengths, 1024, seed=3))


def test_padding_of_random_batches() -> None:
    assert padding_efficiency(np.full(10, 7), 4, seed=0) == 1.0
    assert padding_efficiency(np.array([1, 3]), 2, seed=0) == 4 / 6
    assert padding_efficiency(np.array([1, 3]), 8, seed=0) == 4 / 6  # fewer examples than one batch


@pytest.mark.parametrize(("items", "settings", "expected"), [
    (1_200_000, Training(), Steps(100, 800, 800 / 1_200_000)),
    (10, Training(batch_size=2, accumulation=2, max_steps=None), Steps(3, 10, 1.0)),  # 4 + 4 + 2
    (10, Training(batch_size=2, accumulation=2, max_steps=5), Steps(5, 18, 1.0)),  # 10 + 4 + 4
    (10, Training(batch_size=2, accumulation=2, max_steps=None, epochs=0.5), Steps(2, 8, 0.8)),
    (3, Training(batch_size=16, accumulation=1, max_steps=4), Steps(4, 12, 1.0)),
])  # fmt: skip
def test_steps_and_items_seen(items: int, settings: Training, expected: Steps) -> None:
    assert count_steps(items, settings) == expected


@pytest.mark.parametrize(
    ("batch", "accumulation", "settings"),
    [
        (2, 2, {"max_steps": None}),
        (2, 2, {"max_steps": 5}),
        (2, 2, {"max_steps": None, "epochs": 0.5}),
        (3, 1, {"max_steps": None, "epochs": 2.0}),
    ],
)
def test_steps_and_items_equal_those_of_the_trainer(
    batch: int, accumulation: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    from tests.training.test_trainer import adapter_on_base, examples
    from training.trainer import make_trainer, run_all_steps

    training = Training(
        backend="trl",
        batch_size=batch,
        accumulation=accumulation,
        warmup_steps=0,
        optimizer="adamw_torch",
        gradient_checkpointing=False,
        **settings,
    )
    model, tokenizer = adapter_on_base()
    data = examples().select(range(10))
    trainer = make_trainer(model, tokenizer, data, training, "float32", tmp_path)
    run_all_steps(trainer)
    expected = count_steps(10, training)
    assert (trainer.state.global_step, trainer.seen["examples"]) == (expected.count, expected.items_seen)


def test_a_rate_from_the_datasheet() -> None:
    fast = Training(backend="trl", packing=True, fused_kernels=True, gradient_checkpointing=False, batch_size=8)
    rate = estimate_rate(H200, fast, 8_030_261_248, 32, tokens=16_384, efficiency=0.99)
    # 0.45 x 989e12 FLOP/s over 4 x 8.03e9 FLOP/token, and 1 % of the tokens are padding; 13,888 were measured
    assert rate == Rate(rate.tokens_per_second, False, "45% of 989 TFLOP/s")
    assert rate.tokens_per_second == pytest.approx(13_717, abs=1)
    seed = Training()
    assert estimate_rate(H200, seed, 8_030_261_248, 32, tokens=500, efficiency=1.0).tokens_per_second == pytest.approx(
        974, abs=5
    )
    t4 = estimate_rate(CARDS[0], seed, 8_030_261_248, 32, tokens=500, efficiency=1.0)
    assert t4 == Rate(t4.tokens_per_second, False, "8% of 65 TFLOP/s")
    assert t4.tokens_per_second == pytest.approx(108, abs=1)


def test_a_measured_rate_is_used_for_its_gpu_settings_and_size_only(tmp_path: Path) -> None:
    file = tmp_path / "training.json"
    entry = {
        "gpu": "NVIDIA H200",
        "tokens_per_second": 14_000.0,
        "parameters": 8_030_261_248,
        "backend": "trl",
        "packing": True,
        "fused_kernels": True,
        "gradient_checkpointing": False,
    }
    file.write_text(json.dumps([entry]))
    fast = Training(backend="trl", packing=True, fused_kernels=True, gradient_checkpointing=False)
    assert measured_rate(H200, fast, 8_000_000_000, file) == Rate(14_000.0, True, "benchmarks/training.py, NVIDIA H200")
    assert measured_rate(CARDS[-2], fast, 8_000_000_000, file) is None
    assert measured_rate(H200, fast, 3_000_000_000, file) is None
    assert measured_rate(H200, Training(), 8_000_000_000, file) is None


def test_the_shipped_rates_equal_the_benchmark() -> None:
    results = json.loads((ROOT / "benchmarks" / "results" / "training.json").read_bytes())
    assert json.loads(MEASURED.read_bytes()) == results["rates"]
