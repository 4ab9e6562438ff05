"""The training loss equals the model's own in every mode and family; otherwise the run is refused before the first step."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny_families import FAMILIES, NOT_PACKABLE, make, with_adapter
from tests.tiny_world import train_tokenizer
from tests.training.model.test_fast_path import LENGTHS, examples, rows_of
from titlecraft.errors import UserError
from titlecraft.models.attention import spy
from titlecraft.models.layers import decoder_of
from titlecraft.models.loss.answer_logits import Head, head_of, own_logits
from titlecraft.models.loss.guard import INT8_TOLERANCE, TOLERANCE, tolerance
from titlecraft.records import Pin
from titlecraft.settings import Training
from training.data.packing import longest_of_rows
from training.model.answer_loss import liger_fault, loss_in_chunks, loss_of_some, use_answer_loss
from training.model.kernels import apply_kernels
from training.model.own_loss import check_own_loss, choose_items, measure, nonzero_adapter
from training.model.router_loss import NOTE, leave_router_loss_out
from training.trainer import make_trainer

BASE = Pin(type="model", repo="ns/base", revision="0" * 40)
PLAIN = Training(backend="trl", batch_size=2, accumulation=1, max_steps=1, precision="float32", optimizer="adamw_torch")
MODES = {
    "plain": PLAIN,
    "fused": replace(PLAIN, fused_kernels=True),
    "packed": replace(PLAIN, packing=True),
    "packed and fused": replace(PLAIN, packing=True, fused_kernels=True),
}
SCALED = {
    "granite": Head(1 / 6),
    "granite moe": Head(1 / 6),
    "cohere": Head(0.25),
    "cohere2": Head(0.25),
    "gemma2": Head(cap=5.0),
    "gemma3": Head(cap=7.0),
}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer()


def trainer_of(model: Any, settings: Training, tokenizer: Any, folder: Path) -> tuple[Any, Any]:
    """A trainer over the ten examples, and the yardstick measured before kernels were applied."""
    leave_router_loss_out(model)
    dataset, lengths = examples(), np.array(LENGTHS)
    if settings.packing:
        dataset = rows_of()
        lengths = longest_of_rows(dataset, lengths)
    yardstick = measure(model, dataset, lengths, settings.batch_size)
    apply_kernels(model, settings)
    return make_trainer(model, tokenizer, dataset, settings, "float32", folder), yardstick


@pytest.mark.parametrize(
    "family, mode",
    [
        (family, mode)
        for family in (
            "llama",
            "granite",
            "cohere",
            "cohere2",
            "gemma2",
            "gemma3",
            "mixtral",
            "nemotron",
            "phi",
            "gpt-oss",
        )
        for mode, settings in MODES.items()
        if not (settings.packing and family in NOT_PACKABLE)
    ],
)
def test_the_loss_of_every_mode_equals_the_models_own(family: str, mode: str, tokenizer: Any, tmp_path: Path) -> None:
    settings = MODES[mode]
    trainer, yardstick = trainer_of(with_adapter(make(family)), settings, tokenizer, tmp_path)
    checks = check_own_loss(trainer, yardstick, settings, BASE)
    assert [check.holds for check in checks] == [True, True]
    assert checks[0].name == f"training loss ({mode}) against the model's own logits, nats per token"
    routed = family in ("mixtral", "gpt-oss")
    assert checks[0].expected == f"at most {'0.002' if routed else '0.0001'} apart"
    assert max(float(check.found.split()[0]) for check in checks) < 1e-5
    assert abs(yardstick.nonzero - yardstick.fresh) > 3e-4  # an adapter that is left out would be seen


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_of_chosen_positions_equal_a_plain_forward_pass(family: str) -> None:
    model, ids = make(family), torch.randint(3, 300, (1, 20), generator=torch.Generator().manual_seed(1))
    before = torch.get_rng_state()
    with torch.no_grad():
        states = decoder_of(model)(input_ids=ids, use_cache=False).last_hidden_state[0]
        own = own_logits(model, states[5:9])
        plain = model(input_ids=ids, use_cache=False).logits[0, 5:9]
    torch.testing.assert_close(own, plain, rtol=1e-5, atol=1e-5)
    assert head_of(model) == SCALED.get(family, Head())
    assert torch.equal(torch.get_rng_state(), before)
    assert "forward" not in vars(decoder_of(model))  # nothing is left over the model


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", ["llama", *SCALED])
def test_the_head_is_found_in_16_bits_too(family: str, precision: str) -> None:
    assert head_of(make(family).to(getattr(torch, precision))) == SCALED.get(family, Head())


def test_an_unknown_head_runs_the_models_own_code() -> None:
    model = make("llama")
    own = type(model).forward

    def shifted(*args: Any, **kwargs: Any) -> Any:
        out = own(model, *args, **kwargs)
        out.logits = out.logits * torch.linspace(0.5, 2, out.logits.shape[-1])  # as no known family
        return out

    model.forward = shifted
    ids = torch.arange(3, 23)[None]
    with torch.no_grad():
        states = decoder_of(model)(input_ids=ids).last_hidden_state[0]
        torch.testing.assert_close(own_logits(model, states), model(input_ids=ids).logits[0])
    assert head_of(model) is None and liger_fault(model) == "its logits are more than a product, a scale and a cap"


@pytest.mark.parametrize("family", ["llama", "granite", "gemma3"])
def test_chunked_loss_and_gradient_equal_those_of_all_logits(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, drawn = make(family), torch.Generator().manual_seed(1)
    states = torch.randn(11, 64, generator=drawn, requires_grad=True)
    targets = torch.randint(3, 300, (11,), generator=drawn)
    monkeypatch.setattr("training.model.answer_loss.LOGITS_AT_ONCE", 4 * 320)
    losses, gradients = [], []
    for loss in (loss_of_some(model, states, targets), loss_in_chunks(states, model, targets)):
        losses.append(float(loss.detach()))
        gradients.append(torch.autograd.grad(loss, states)[0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("mode", MODES)
def test_an_adapter_on_the_output_layer_is_in_the_loss_and_gets_its_gradient(
    mode: str, tokenizer: Any, tmp_path: Path
) -> None:
    model = with_adapter(make("llama"), "lm_head")
    trainer, yardstick = trainer_of(model, MODES[mode], tokenizer, tmp_path)
    assert all(check.holds for check in check_own_loss(trainer, yardstick, MODES[mode], BASE))
    head = model.get_base_model().get_output_embeddings()
    batch = trainer._prepare_inputs(trainer.data_collator([trainer.train_dataset[0]]))
    trainer.compute_loss(trainer.model, batch).backward()
    assert float(head.lora_B["default"].weight.grad.abs().max()) > 0
    # on a GPU, Liger would multiply with the frozen weight
    assert liger_fault(model.get_base_model()) == "its output layer is trained"


def test_a_loss_that_leaves_out_the_scale_is_refused_with_the_fix(tokenizer: Any, tmp_path: Path) -> None:
    model, settings = with_adapter(make("granite")), MODES["fused"]
    trainer, yardstick = trainer_of(model, settings, tokenizer, tmp_path)
    model.get_base_model().__dict__["_titlecraft_head"] = Head()  # the old mistake: logits are a product
    with pytest.raises(
        UserError,
        match=r"^ns/base@000000000000: the training loss \(fused\) is \d+\.\d{4} nats per token, and "
        r".* by the model's own logits: expected at most 0\.0001 apart; use --training\.fused_kernels=false$",
    ):
        check_own_loss(trainer, yardstick, settings, BASE)


def test_a_loss_that_leaves_out_the_adapter_is_refused(tokenizer: Any, tmp_path: Path) -> None:
    model = with_adapter(make("llama"))
    trainer, yardstick = trainer_of(model, PLAIN, tokenizer, tmp_path)
    with model.disable_adapter(), pytest.raises(UserError, match=r"training loss \(plain, weights in the adapter\) is"):
        check_own_loss(trainer, yardstick, PLAIN, BASE)


def test_a_nonzero_adapter_is_restored_afterwards() -> None:
    model = with_adapter(make("llama"))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    with nonzero_adapter(model):
        assert any(bool((value != before[name]).any()) for name, value in model.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_the_longest_and_the_shortest_item_are_compared() -> None:
    lengths = np.array([7, 30, 5, 12])
    assert (choose_items(lengths, 4), choose_items(lengths, 1), choose_items(lengths[:1], 4)) == ([1, 2], [1], [0])


@pytest.mark.parametrize("family", ["mixtral", "qwen3 moe", "granite moe", "gpt-oss"])
def test_the_router_loss_is_left_out_even_if_the_config_enables_it(family: str, tokenizer: Any, tmp_path: Path) -> None:
    base = make(family, output_router_logits=True)
    model = with_adapter(base)
    assert leave_router_loss_out(model) == NOTE
    trainer, yardstick = trainer_of(model, PLAIN, tokenizer, tmp_path)
    assert all(check.holds for check in check_own_loss(trainer, yardstick, PLAIN, BASE))
    assert trainer.aux_loss_enabled is False and base.config.output_router_logits is False


def test_a_model_without_experts_has_no_note() -> None:
    assert leave_router_loss_out(make("llama")) is None


def test_a_model_that_names_no_decoder_is_refused() -> None:
    model = make("llama")
    model.get_decoder = lambda: model
    with pytest.raises(UserError, match=r"^LlamaForCausalLM does not name the decoder .*: set another base\.repo$"):
        use_answer_loss(model)


def test_a_family_with_liger_kernels_is_not_run_on_meta(monkeypatch: pytest.MonkeyPatch) -> None:
    """On torch's device "meta" a Triton kernel reads invalid memory; on a GPU that ended the retry of --auto-batch."""
    monkeypatch.setattr(spy, "ANSWERS", {})
    with torch.device("meta"):
        model = type(make("llama"))(make("llama").config)
    kernel = type("rope", (), {"__module__": "liger_kernel.ops.rope"})
    module = sys.modules[type(model).__module__]
    monkeypatch.setattr(spy, "ask", lambda causal: pytest.fail("it was run"))
    monkeypatch.setattr(module, "apply_rotary_pos_emb", kernel)
    assert spy.asked_of_attention(model) is None and spy.ANSWERS == {}
    monkeypatch.undo()
    asked = spy.asked_of_attention(model)
    monkeypatch.setattr(module, "apply_rotary_pos_emb", kernel)
    assert asked and spy.asked_of_attention(model) == asked  # said before the kernels came, and remembered


def test_the_tolerance_of_an_8_bit_base_allows_rounding_by_batch() -> None:
    """bitsandbytes chooses outlier columns over the whole batch, so a row is rounded differently alone."""
    model = make("llama")
    assert tolerance(with_adapter(model)) == TOLERANCE["float32"]
    model.is_loaded_in_8bit = True
    assert tolerance(with_adapter(model)) == INT8_TOLERANCE > TOLERANCE["float32"]
