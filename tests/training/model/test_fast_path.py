"""The fast path equals the plain one, with the functions of a GPU run and a tiny Llama on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny_world import make_base
from tests.training.test_trainer import adapter_on_base
from titlecraft.models.attention.document import DOCUMENTS, use_documents_attention
from titlecraft.settings import Training
from training.checks import check_accumulation, check_packing, losses_of_answers
from training.data.packing import flatten_rows, pack, packed_dataset
from training.model.answer_loss import use_answer_loss
from training.model.dropout import drop, keep_mask
from training.model.dropped_product import add_dropped_product_, dropped_gradient, dropped_product
from training.model.fused_lora import fuse_lora, unfuse_lora
from training.model.kernels import apply_kernels, remove_kernels
from training.trainer import make_trainer, run_all_steps

pytestmark = pytest.mark.slow

LENGTHS = [7, 30, 12, 25, 9, 18, 5, 22, 11, 16]


def examples() -> Any:
    """Ten examples of different lengths, the answers half as long."""
    from datasets import Dataset

    drawn = np.random.default_rng(3)
    rows = [drawn.integers(5, 300, length).tolist() for length in LENGTHS]
    labels = [[-100] * (len(row) // 2) + row[len(row) // 2 :] for row in rows]
    return Dataset.from_dict({"input_ids": rows, "labels": labels})


def rows_of(capacity: int = 40) -> Any:
    return packed_dataset(examples(), np.array(LENGTHS), capacity, seed=1)


def gradients(model: Any, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The gradients of all adapter weights after one backward pass in training mode."""
    model.train()
    model.zero_grad()
    model(**{name: value for name, value in batch.items() if name != "shift_labels"}).loss.backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.requires_grad}


def awake(model: Any) -> Any:
    """Set B to random weights, because a fresh adapter changes nothing and A gets no gradient."""
    torch.manual_seed(5)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.05)
    return model


def test_packing_puts_every_example_into_one_row() -> None:
    lengths = np.random.default_rng(0).integers(5, 200, 25_000)
    rows = pack(lengths, 256, seed=7)
    assert sorted(place for row in rows for place in row) == list(range(25_000))
    assert max(sum(lengths[row]) for row in rows) <= 256
    assert lengths.sum() / 256 / len(rows) > 0.98
    assert rows == pack(lengths, 256, seed=7) != pack(lengths, 256, seed=8)


def test_a_flattened_batch_has_boundaries_and_no_label_for_first_tokens() -> None:
    rows = [{"input_ids": [[1, 2, 3], [4, 5]], "labels": [[-100, 2, 3], [4, 5]]}, {"input_ids": [[6]], "labels": [[6]]}]
    batch = flatten_rows(rows)
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4, 5, 6]]
    assert batch["labels"].tolist() == [[-100, 2, 3, -100, 5, -100]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0, 1, 0]]
    assert batch["cu_seq_lens_q"].tolist() == [0, 3, 5, 6] and batch["max_length_q"] == 3


def test_packed_examples_have_their_own_losses_and_plain_attention_fails_the_check() -> None:
    model = awake(adapter_on_base()[0])
    use_documents_attention(model)
    held = check_packing(model, rows_of())
    assert [(check.name, check.expected, check.holds) for check in held] == [
        ("loss of a packed example against its loss alone, nats per token", "at most 0.0001 apart", True),
        ("packed examples that see their neighbour", "False", True),
    ]
    model.set_attn_implementation("eager")  # builds a plain causal mask where it is given one document's borders only
    row = flatten_rows([rows_of()[0]])
    row["position_ids"] = torch.arange(row["input_ids"].shape[1])[None]
    alone = losses_of_answers(model, flatten_rows([rows_of()[0]]))
    assert max(abs(a - b) for a, b in zip(alone, losses_of_answers(model, row), strict=True)) > 0.01


def test_fused_layers_have_the_gradients_of_pefts_formula() -> None:
    model = awake(adapter_on_base()[0])
    batch = {name: torch.tensor([examples()[1][name]]) for name in ("input_ids", "labels")}
    plain = gradients(model, batch)
    assert fuse_lora(model) == 14
    fused = gradients(model, batch)
    assert plain.keys() == fused.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(fused[name], gradient, rtol=1e-4, atol=1e-6)
    with model.disable_adapter(), torch.no_grad():
        off = model(batch["input_ids"]).logits
    base = make_base(model.config.vocab_size)
    assert torch.equal(off, base(batch["input_ids"]).logits.detach())
    unfuse_lora(model)
    assert not any("forward" in vars(layer) for layer in model.modules() if hasattr(layer, "lora_A"))


def test_the_same_elements_are_dropped_forward_and_backward() -> None:
    x = torch.ones(64, 300)
    kept = keep_mask((64, 300), seed=11, p=0.05, device="cpu")
    assert kept.float().mean() == pytest.approx(0.95, abs=0.005)
    assert (kept.float().mean(0) > 0.7).all() and (kept.float().mean(1) > 0.85).all()
    assert torch.equal(drop(x, 11, 0.05), kept / 0.95)
    assert torch.equal(dropped_product(x, torch.eye(8, 300), 11, 0.05), kept[:, :8] / 0.95)
    assert torch.equal(dropped_gradient(x, torch.eye(64, 8), 11, 0.05), kept[:8] / 0.95)
    update = add_dropped_product_(torch.ones(64, 300), torch.ones(64, 1), torch.ones(1, 300), 11, 0.05)
    assert torch.equal(update, 1 + kept / 0.95)
    other = keep_mask((64, 300), seed=12, p=0.05, device="cpu")
    both = (~kept & ~other).float().mean()
    assert both == pytest.approx(0.05**2, abs=0.001)  # independent: 0.0025


def test_forward_and_backward_pass_of_a_fused_layer_have_the_same_dropout() -> None:
    from training.model.fused_lora import FusedLora

    layer = torch.nn.Linear(6, 5, bias=True, dtype=torch.float64)
    torch.manual_seed(1)
    x, A, B = (torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in ((7, 6), (3, 6), (5, 3)))

    def forward(*args: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(9)  # the same mask at every call, as finite differences need it
        return FusedLora.apply(*args, layer, 2.0, 0.4)

    assert torch.autograd.gradcheck(forward, (x, A, B))


def test_the_answer_loss_and_its_gradient_equal_transformers() -> None:
    model = awake(adapter_on_base()[0])
    batch = flatten_rows([rows_of()[0]])
    use_documents_attention(model)
    plain, before = gradients(model, batch), float(model(**batch).loss)
    use_answer_loss(model)
    assert float(model(**batch).loss) == pytest.approx(before, rel=1e-5)
    for name, gradient in gradients(model, batch).items():
        torch.testing.assert_close(gradient, plain[name], rtol=1e-4, atol=1e-6)
    halved = model(**batch, num_items_in_batch=2 * int((batch["labels"] != -100).sum())).loss
    assert float(halved) == pytest.approx(before / 2, rel=1e-5)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("batch, accumulation", [(4, 1), (2, 2), (1, 4)])
def test_loss_and_gradient_do_not_depend_on_the_split_of_a_step(
    fused: bool, batch: int, accumulation: int, tmp_path: Path
) -> None:
    settings = Training(
        backend="trl",
        packing=True,
        fused_kernels=fused,
        batch_size=batch,
        accumulation=accumulation,
        max_steps=1,
        warmup_steps=0,
        optimizer="adamw_torch",
        gradient_checkpointing=False,
    )
    from dataclasses import replace

    full = replace(settings, batch_size=4, accumulation=1)
    losses = []
    for index, way in enumerate((settings, full)):
        model, tokenizer = adapter_on_base(dropout=0.0)
        apply_kernels(awake(model), way)
        trainer = make_trainer(model, tokenizer, rows_of(), way, "float32", tmp_path / str(index))
        assert [check.holds for check in check_accumulation(trainer)] == [True]
        assert not any(trainer.seen.values())  # a check is no training
        run_all_steps(trainer)
        losses.append(trainer.state.log_history[0])
        assert trainer.seen == {"examples": 10, "tokens": 155, "computed": 155, "completion_tokens": 80}
        remove_kernels(model)
        assert model.config._attn_implementation == "sdpa"
    assert losses[0]["loss"] == pytest.approx(losses[1]["loss"], rel=1e-5)
    assert losses[0]["grad_norm"] == pytest.approx(losses[1]["grad_norm"], rel=1e-4)


def test_fused_on_a_cpu_the_same_batches_are_learned_without_padding(tmp_path: Path) -> None:
    """Losses and norms of gradients of three steps, in which only the padded way computes more tokens than the examples have."""
    logs, seen = [], []
    for fused in (False, True):
        settings = Training(
            backend="trl", fused_kernels=fused, batch_size=3, accumulation=1, max_steps=3, warmup_steps=0,
            optimizer="adamw_torch", gradient_checkpointing=False, learning_rate=1e-2,
        )  # fmt: skip
        model, tokenizer = adapter_on_base(dropout=0.0)
        apply_kernels(awake(model), settings)
        assert (model.config._attn_implementation == DOCUMENTS) is fused
        trainer = make_trainer(model, tokenizer, examples(), settings, "float32", tmp_path / str(fused))
        run_all_steps(trainer)
        logs.append(trainer.state.log_history[:3])
        seen.append(dict(trainer.seen))
        remove_kernels(model)
    for plain, fast in zip(*logs, strict=True):
        assert fast["loss"] == pytest.approx(plain["loss"], rel=1e-5)
        assert fast["grad_norm"] == pytest.approx(plain["grad_norm"], rel=1e-4)
    assert seen[1] == seen[0] | {"computed": seen[0]["tokens"]} and seen[0]["computed"] > seen[0]["tokens"]


def test_a_loss_averaged_over_passes_fails_the_check(tmp_path: Path) -> None:
    """A known fault of trainers: the means of passes are averaged without their numbers of tokens."""
    model, tokenizer = adapter_on_base()
    settings = Training(backend="trl", packing=True, batch_size=1, accumulation=2, max_steps=1, optimizer="adamw_torch")
    apply_kernels(model, settings)
    trainer = make_trainer(model, tokenizer, rows_of(), settings, "float32", tmp_path)
    right = trainer.compute_loss
    trainer.compute_loss = lambda model, inputs, num_items_in_batch: right(model, inputs) / 2
    (check,) = check_accumulation(trainer)
    assert not check.holds and check.expected == "at most 0.0001 apart"


def test_reasons_against_fused_kernels() -> None:
    model, _ = adapter_on_base()
    attention, fused = apply_kernels(model, Training(backend="trl", packing=True, fused_kernels=True))
    assert attention == "sdpa, document by document: no varlen attention, it needs a CUDA GPU, this is cpu"
    assert fused == "loss over answers, 14 layers fused with their adapters"
    assert model.config._attn_implementation == DOCUMENTS
