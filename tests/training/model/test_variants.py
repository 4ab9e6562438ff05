"""Variants and initial weights of an adapter: reloaded on the untouched base, it gives the logits of the trained model."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer

from playground.export.merge import merge
from tests.tiny_world import make_base, train_tokenizer
from tests.training.test_trainer import BASE, SETTINGS, examples, in_four_bit
from titlecraft.errors import UserError
from titlecraft.models.adapter.probe import probe_adapter, probe_logits
from titlecraft.models.adapter.zeroed import is_base_when_zeroed
from titlecraft.models.base.four_bit import frozen_weight
from titlecraft.models.base.model import LoadedBase
from titlecraft.settings import Lora, Training
from training.adapter_settings import adapter_fault, adapter_notes
from training.model import initial_weights
from training.model.build import add_adapter
from training.model.fused_lora import fuse_lora
from training.model.initial_weights import ChangedBase
from training.model.lora_targets import expected_trainable, require_init
from training.model.save_adapter import save_adapter
from training.trainer import make_trainer, run_all_steps

TARGETS = ["q_proj", "v_proj", "down_proj"]
PROBE = list(range(5, 25))


def lora(**changed: Any) -> Lora:
    return Lora(**({"r": 4, "alpha": 6, "dropout": 0.0, "target_modules": TARGETS} | changed))


def trained(settings: Lora, base: Any, folder: Path, fused: bool = False) -> tuple[Any, Any]:
    """The model trained for two steps, and its logits."""
    tokenizer = train_tokenizer()
    changed = ChangedBase(base, settings) if settings.changes_base else None
    model = add_adapter(LoadedBase(base, tokenizer, "none", None, "float32"), BASE, settings, SETTINGS)
    expected = expected_trainable(model.get_base_model(), settings, TARGETS)
    assert expected == sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    if changed:
        changed.keep_initial_weights(model)
    if fused:
        assert fuse_lora(model) == (0 if settings.variant == "dora" else 6)
    run_all_steps(make_trainer(model, tokenizer, examples(), SETTINGS, "float32", folder / "work"))
    logits = probe_logits(model, PROBE)
    if changed:
        assert changed.convert(model, PROBE, "float32").holds
    return model, logits


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(
    "changed",
    [
        {"variant": "rslora"},
        {"variant": "dora"},
        {"init": "pissa"},
        {"init": "olora"},
        {"init": "pissa", "variant": "rslora"},
    ],
    ids=lambda changed: " ".join(changed.values()),
)
def test_a_reloaded_adapter_gives_the_logits_of_the_trained_model(
    changed: dict[str, Any], fused: bool, tmp_path: Path
) -> None:
    settings, vocabulary = lora(**changed), len(train_tokenizer())
    model, logits = trained(settings, make_base(vocabulary), tmp_path, fused)
    bare = probe_logits(make_base(vocabulary), PROBE)
    probe = probe_adapter(model, bare, PROBE)
    assert probe.changes and probe.restores
    save_adapter(model, tmp_path)
    reloaded: Any = PeftModel.from_pretrained(make_base(vocabulary), str(tmp_path))
    torch.testing.assert_close(probe_logits(reloaded, PROBE), logits, rtol=1e-3, atol=1e-3)
    config: Any = reloaded.peft_config["default"]
    assert (config.r, config.lora_alpha) == (settings.published_r, settings.published_alpha)
    assert config.init_lora_weights is True and config.revision == BASE.revision
    assert is_base_when_zeroed(reloaded, probe_logits(make_base(vocabulary))) == (settings.variant != "dora")
    merged = merge(copy.deepcopy(reloaded))
    torch.testing.assert_close(probe_logits(merged, PROBE), logits, rtol=1e-3, atol=1e-3)


def test_the_base_under_pissa_keeps_its_logits_before_the_first_step() -> None:
    base = make_base(len(train_tokenizer()))
    bare, settings = probe_logits(base, PROBE), lora(init="pissa")
    changed = ChangedBase(base, settings)
    model = add_adapter(LoadedBase(base, train_tokenizer(), "none", None, "float32"), BASE, settings, SETTINGS)
    with model.disable_adapter():
        assert not torch.allclose(probe_logits(model, PROBE), bare, atol=0.1)
    torch.testing.assert_close(probe_logits(model, PROBE), bare, rtol=1e-3, atol=1e-3)
    assert torch.equal(changed.base_logits(model, PROBE), bare)
    torch.testing.assert_close(probe_logits(model, PROBE), bare, rtol=1e-3, atol=1e-3)


def test_loftq_starts_nearer_to_full_precision_and_leaves_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = make_base(len(train_tokenizer()))
    full.save_pretrained(tmp_path / "base")
    monkeypatch.setattr(initial_weights, "download", lambda base, patterns: tmp_path / "base")
    base = in_four_bit(copy.deepcopy(full))
    bare = probe_logits(base, PROBE)
    loaded = LoadedBase(base, train_tokenizer(), "nf4", None, "float32")
    model = add_adapter(loaded, BASE, lora(init="loftq", r=16), SETTINGS)
    with model.disable_adapter():
        assert torch.equal(probe_logits(model, PROBE), bare)
    for name, layer in model.named_modules():
        if isinstance(layer, LoraLayer):
            own = full.get_submodule(name.removeprefix("base_model.model.")).weight
            rounded = frozen_weight(layer.get_base_layer(), torch.float32)
            adapted: Any = layer
            update = adapted.get_delta_weight("default")
            assert (own - rounded - update).norm() < 0.85 * (own - rounded).norm()
    save_adapter(model, tmp_path)
    reloaded = PeftModel.from_pretrained(in_four_bit(copy.deepcopy(full)), str(tmp_path))
    assert torch.equal(probe_logits(reloaded, PROBE), probe_logits(model, PROBE))


@pytest.mark.parametrize(
    ("settings", "training", "processes", "message"),
    [
        (lora(variant="dora", init="pissa"), SETTINGS, 1, "lora.variant dora starts from the base's weights"),
        (lora(variant="dora"), Training(), 1, "lora.variant dora is for backend trl"),
        (lora(init="loftq"), Training(), 1, "lora.init loftq is for backend trl"),
        (lora(), Training(neftune_noise_alpha=5), 1, "training.neftune_noise_alpha 5 is for backend trl"),
        (lora(variant="dora"), Training(backend="trl", shard_base=True), 2, "set --training.shard_base=false"),
        (
            lora(init="loftq"),
            Training(backend="trl", shard_base=True),
            2,
            "cannot be combined with training.shard_base",
        ),
        (lora(init="olora"), SETTINGS, 2, "lora.init olora changes the base's weights"),
    ],
)
def test_combinations_that_are_refused(settings: Lora, training: Training, processes: int, message: str) -> None:
    fault = adapter_fault(settings, training, processes)
    assert fault and message in fault and "\n" not in fault
    assert adapter_fault(lora(variant="rslora"), training if training.backend == "unsloth" else SETTINGS) is None or (
        training.neftune_noise_alpha is not None
    )


@pytest.mark.parametrize(
    ("changed", "quantization", "published", "message"),
    [
        ({"init": "pissa"}, "nf4", "none", "set --base.quantization=none"),
        ({"init": "olora"}, "nf4", "nf4", "set base.repo to one that is published in full precision"),
        ({"init": "loftq"}, "nf4", "nf4", "reads the weights in full precision"),
        ({"init": "loftq"}, "none", "none", "set --base.quantization=nf4"),
        ({"init": "pissa", "r": 65}, "none", "none", "lora.r 65 is more than the 64 singular values of model.layers.0"),
    ],
)
def test_bases_that_are_refused(changed: dict[str, Any], quantization: str, published: str, message: str) -> None:
    model = make_base(100)
    with pytest.raises(UserError) as error:
        require_init(lora(**changed), model, BASE, quantization, published)
    assert message in str(error.value) and "\n" not in str(error.value)
    require_init(lora(variant="rslora"), model, BASE, quantization, published)


def test_what_is_computed_otherwise_is_said() -> None:
    fused = Training(backend="trl", fused_kernels=True)
    assert "layers are not fused" in adapter_notes(lora(variant="dora"), fused)[0]
    assert "a LoRA of rank 8, twice lora.r" in adapter_notes(lora(init="pissa"), fused)[0]
    assert adapter_notes(lora(variant="rslora", init="loftq"), fused) == []


def test_noise_is_added_in_training_only(tmp_path: Path) -> None:
    tokenizer = train_tokenizer()
    base = make_base(len(tokenizer))
    model = add_adapter(LoadedBase(base, tokenizer, "none", None, "float32"), BASE, lora(), SETTINGS)
    noisy = replace(SETTINGS, neftune_noise_alpha=50.0)
    before = probe_logits(model, PROBE)
    losses = {}
    for name, settings in (("plain", SETTINGS), ("noisy", noisy)):
        trainer = make_trainer(copy.deepcopy(model), tokenizer, examples(), settings, "float32", tmp_path)
        run_all_steps(trainer)
        losses[name] = trainer.state.log_history[0]["loss"]
    assert losses["noisy"] != losses["plain"] and torch.equal(probe_logits(model, PROBE), before)


@pytest.mark.parametrize("changed", [{"variant": "dora"}, {"init": "loftq"}, {}])
def test_weights_computed_from_a_four_bit_base_are_not_rounded(
    changed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = make_base(len(train_tokenizer()))
    full.save_pretrained(tmp_path / "base")
    monkeypatch.setattr(initial_weights, "download", lambda base, patterns: tmp_path / "base")
    base = in_four_bit(full)
    base.is_loaded_in_4bit = True
    model = add_adapter(LoadedBase(base, train_tokenizer(), "nf4", None, "float32"), BASE, lora(**changed), SETTINGS)
    before = probe_logits(model, PROBE)
    make_trainer(model, train_tokenizer(), examples(), SETTINGS, "float32", tmp_path / "work")
    assert torch.equal(probe_logits(model.eval(), PROBE), before)
