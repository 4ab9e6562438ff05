"""The memory estimate compared with peaks measured on an H200, and the choice of settings that fit a GPU."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args, get_type_hints

import pytest

from tests import present
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.errors import UserError
from titlecraft.settings import Base, Lora, Training
from training.planning.fit import MemoryBudget, choose_fit, fit_here, free_memory, next_smaller, what_fits
from training.planning.memory import OPTIMIZER_BYTES, Kernels, estimate_memory, shape_of

GIB, GB = 2**30, 10**9
PLAIN = Kernels(fused=False, stored_dropout=True, wide=True, grouped=False)


def llama_8b():
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=128_256,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
    )


def auto(**changes: object) -> tuple[Lora, Training, Base]:
    arguments = ["--recipe", "auto", *(f"--{name.replace('__', '.')}={value}" for name, value in changes.items())]
    recipe, _ = StageParser("train", "", ["base", "lora", "training"]).parse(arguments)
    return recipe.lora, recipe.training, recipe.base


# tokens of padded batches: the largest of the run's forward passes, the median of 400 runs drawn from the rows' lengths
@pytest.mark.parametrize(("how", "measured_gib", "tokens", "checkpointing", "dropout", "kernels", "off"), [
    ("TRL + PEFT, batch 2, padded", 9.9, 2068, True, 0.05, PLAIN, 0.02),
    ("Unsloth, batch 2 without padding", 6.6, 1290, True, 0.05, Kernels(stored_dropout=True, offloads=True), 0.03),
    ("Unsloth, batch 16 without padding", 7.3, 5140, True, 0.05, Kernels(stored_dropout=True, offloads=True), 0.09),
    ("Unsloth, packed 8 x 2048", 64.7, 16_384, False, 0.0, Kernels(keeps_product=False), 0.02),
    ("TRL + PEFT, packed 8 x 2048, sdpa with a mask", 24, 16_384, True, 0.05,
     Kernels(fused=False, stored_dropout=True, wide=True, grouped=False, masked=True), -0.04),
    ("TRL + PEFT, packed 8 x 2048, varlen, Liger", 80, 16_384, False, 0.0, Kernels(), 0.00),
    ("the same with dropout", 115, 16_384, False, 0.05, Kernels(stored_dropout=True), 0.00),
])  # fmt: skip
def test_the_estimate_is_close_to_measured_peaks(
    how: str, measured_gib: float, tokens: int, checkpointing: bool, dropout: float, kernels: Kernels, off: float
) -> None:
    training = Training(gradient_checkpointing=checkpointing)
    memory = estimate_memory(
        llama_8b(), Lora(dropout=dropout), training, Base(quantization="nf4"), tokens=tokens, kernels=kernels
    )
    error = memory.total / GIB / measured_gib - 1
    assert error == pytest.approx(off, abs=0.01), how
    assert -0.1 < error < 0.2


@pytest.mark.parametrize(
    ("changes", "measured_gb", "off"),
    [
        ({}, 80.4, 0.07),
        ({"batch_size": 4, "accumulation": 2}, 46.9, -0.005),
        ({"gradient_checkpointing": True, "fused_kernels": False}, 16.1, 0.09),
    ],
)
def test_the_estimate_is_close_for_runs_that_it_was_not_fitted_to(
    changes: dict[str, Any], measured_gb: float, off: float
) -> None:
    """Peaks of benchmarks/training_speed.py (parts fast, fast_4x2 and plain_packed) on an H200, measured after the fit."""
    fast = Training(
        backend="trl",
        optimizer="adamw_torch_fused",
        batch_size=8,
        accumulation=1,
        gradient_checkpointing=False,
        packing=True,
        fused_kernels=True,
    )
    training = replace(fast, **changes)
    error = estimate_memory(llama_8b(), Lora(), training, Base(quantization="nf4")).total / GB / measured_gb - 1
    assert error == pytest.approx(off, abs=0.01)


def test_exact_parts_of_the_estimate() -> None:
    memory = estimate_memory(llama_8b(), *auto(training__fused_kernels=True))
    # 6,979,321,856 weights of linear layers at 4.127 bits, 2 x 128,256 x 4096 of embeddings at 16
    assert memory.weights == round(6_979_321_856 * 4.127 / 8 + 2 * 128_256 * 4096 * 2) == 5_701_803_966
    assert memory.adapter == 41_943_040 * (4 + 4 + 2)
    full = estimate_memory(llama_8b(), *auto(base__quantization="none"))
    assert full.weights == 8_029_995_008 * 2  # 8,030,261,248 parameters, but for 65 norms of 4096
    assert 8_029_995_008 + 65 * 4096 == 8_030_261_248


def test_shapes_of_small_bases() -> None:
    from tests.tiny_world import make_base

    shape = shape_of(make_base(400).config)
    assert (shape.hidden, shape.inner, shape.query, shape.key, shape.layers, shape.tied) == (64, 128, 64, 32, 2, False)
    memory = estimate_memory(make_base(400).config, *auto(base__max_length=256))
    assert memory.adapter == 2 * 16 * (2 * (64 + 64) + 2 * (64 + 32) + 3 * (64 + 128)) * 10


@pytest.mark.parametrize(("free", "length", "checkpointing", "batch", "message"), [
    (8, 1024, True, 1, "8.0 GB of GPU memory free: checkpointing, batch 1 × 8, an estimated 7.4 GB; checkpointing, batch 2 × 4 would take 7.9 GB"),
    (16, 2048, True, 4, "16.0 GB of GPU memory free: checkpointing, batch 4 × 2, an estimated 11.1 GB; checkpointing, batch 8 × 1 would take 15.3 GB"),
    (24, 2048, False, 1, "24.0 GB of GPU memory free: no checkpointing, batch 1 × 8, an estimated 16.8 GB; no checkpointing, batch 2 × 4 would take 26.7 GB"),
    (80, 2048, False, 4, "80.0 GB of GPU memory free: no checkpointing, batch 4 × 2, an estimated 46.4 GB; no checkpointing, batch 8 × 1 would take 86.0 GB"),
    (141, 2048, False, 8, "141.0 GB of GPU memory free: no checkpointing, batch 8 × 1, an estimated 86.0 GB"),
])  # fmt: skip
def test_the_fastest_settings_that_fit_are_chosen(
    free: int, length: int, checkpointing: bool, batch: int, message: str
) -> None:
    lora, training, base = auto(base__max_length=length)
    chosen, sentence = choose_fit(MemoryBudget(llama_8b(), lora, training, base, free * GB))
    assert (chosen.gradient_checkpointing, chosen.batch_size, chosen.accumulation) == (
        checkpointing,
        batch,
        8 // batch,
    )
    assert sentence == message
    assert estimate_memory(llama_8b(), lora, chosen, base).total < free * GB - 500_000_000


def test_shorter_examples_allow_faster_settings() -> None:
    lora, training, base = auto(training__packing=False)
    chosen, _ = choose_fit(MemoryBudget(llama_8b(), lora, training, base, 24 * GB, longest=600))
    assert (chosen.gradient_checkpointing, chosen.batch_size) == (False, 4)


def test_if_nothing_fits_the_error_names_settings_that_would() -> None:
    with pytest.raises(
        UserError,
        match=(
            r"unsloth/llama-3-8b-bnb-4bit does not fit into 8\.0 GB of free GPU memory: checkpointing, batch 1 × 8 and "
            r"base\.max_length 2048 take an estimated 7\.9 GB, with 0\.5 GB to spare; --base\.max_length=1024 would fit "
            r"\(7\.4 GB\), or --recipe low-memory"
        ),
    ):
        choose_fit(MemoryBudget(llama_8b(), *auto(), 8 * GB))
    with pytest.raises(UserError, match=r"nor would examples of 256 tokens: set a smaller base\.repo"):
        choose_fit(MemoryBudget(llama_8b(), *auto(), 4 * GB))


def test_an_out_of_memory_error_names_options_that_fit() -> None:
    lora, training, base = auto()
    assert what_fits(MemoryBudget(llama_8b(), lora, training, base, 85 * GB)) == (
        "the GPU's memory is full: no checkpointing, batch 8 × 1, 2048 tokens each, an estimated 86.0 GB of 85.0 GB; "
        "--training.batch_size=4 --training.accumulation=2 --training.gradient_checkpointing=false would fit (46.4 GB), "
        "with the same batch for each step"
    )
    assert "; --base.max_length=1024 would fit (7.4 GB)" in what_fits(
        MemoryBudget(llama_8b(), lora, training, base, 8 * GB)
    )


def test_each_retry_needs_less_memory_and_retries_end() -> None:
    """Even if the estimate is wrong and says that everything fits."""
    (lora, training, base), sizes = auto(), []
    while training is not None:
        assert training.batch_size * training.accumulation == 8
        sizes.append(estimate_memory(llama_8b(), lora, training, base).total)
        training = next_smaller(MemoryBudget(llama_8b(), lora, training, base, 141 * GB))
    assert len(sizes) > 4 and all(after <= 0.9 * before for before, after in pairwise(sizes))


def test_a_recipe_without_fit_memory_is_unchanged() -> None:
    lora, training, base = auto(training__fit_memory="false")
    assert fit_here(MemoryBudget(llama_8b(), lora, training, base)) == (training, None)


@pytest.mark.skipif(free_memory() is not None, reason="there is a GPU")
def test_without_a_gpu_nothing_is_chosen_and_a_note_says_so() -> None:
    lora, training, base = auto()
    kept, message = fit_here(MemoryBudget(llama_8b(), lora, training, base))
    assert kept == training and present(message).startswith("training.fit_memory: there is no GPU here")


def test_every_optimizer_has_its_bytes() -> None:
    """A new optimizer is added in titlecraft/settings.py and in training/planning/memory.py."""
    choices = get_args(get_type_hints(Training)["optimizer"])
    assert set(choices) == OPTIMIZER_BYTES.keys()
