"""A sharded base between forward passes; test_several.py tests that it trains the same adapter."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import distributed
from torch._C._distributed_c10d import HashStore
from torch.distributed.tensor import DTensor

from tests import present
from tests.training.model.test_fast_path import awake
from tests.training.test_trainer import adapter_on_base
from titlecraft.errors import UserError
from titlecraft.settings import Training
from training.model import sharded_base
from training.model.backend import processes_fault
from training.model.fused_lora import fuse_lora, unfuse_lora
from training.model.sharded_base import shard_base


@pytest.fixture
def group() -> Iterator[None]:
    """A process group of one process."""
    distributed.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def test_layers_are_resharded_after_each_pass_and_the_adapter_is_not_sharded(group: None) -> None:
    model, _ = adapter_on_base()
    plain, ids = copy.deepcopy(model), torch.arange(12).reshape(2, 6)
    kept, full = shard_base(model)
    frozen = [name for name, one in plain.named_parameters() if ".layers." in name and not one.requires_grad]
    shared = lambda: [name for name, one in model.named_parameters() if isinstance(one, DTensor)]  # noqa: E731
    assert shared() == frozen
    assert kept == full == sum(one.nbytes for name, one in plain.named_parameters() if name in frozen)
    losses = [one(input_ids=ids, labels=ids).loss for one in (model, plain)]
    assert shared() == frozen, "gathered weights stay in memory until the backward pass"
    assert losses[0].equal(losses[1])
    for loss in losses:
        loss.backward()
    assert shared() == frozen
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert one.requires_grad == other.requires_grad
        assert one.grad is None if other.grad is None else one.grad.equal(other.grad)


@pytest.mark.parametrize("storage", [torch.uint8, torch.bfloat16])
def test_fused_layers_have_the_same_loss_and_gradients_on_sharded_4_bit_weights(
    group: None, storage: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharded_base, "STORAGE", storage)
    model = awake(adapter_on_base(four_bit=True)[0])
    plain, ids = copy.deepcopy(model), torch.arange(12).reshape(2, 6)
    shard_base(model)
    weight = model.get_base_model().model.layers[0].self_attn.q_proj.base_layer.weight
    assert isinstance(weight, DTensor) and weight.dtype == storage and not weight.requires_grad
    results = []
    for one, fused in ((plain, False), (plain, True), (model, True), (model, False)):
        fuse_lora(one) if fused else unfuse_lora(one)
        one.zero_grad()
        loss = one(input_ids=ids, labels=ids).loss
        loss.backward()
        results.append([loss.detach(), *(weight.grad for weight in one.parameters() if weight.requires_grad)])
    for unsharded, sharded in ((results[1], results[2]), (results[0], results[3])):
        assert all(one.equal(other) for one, other in zip(unsharded, sharded, strict=True))


def test_a_model_that_does_not_name_its_layers_is_refused() -> None:
    model, _ = adapter_on_base()
    model.get_base_model()._no_split_modules = []
    with pytest.raises(UserError, match=r"LlamaForCausalLM does not say what its decoder layers are.*shard_base=false"):
        shard_base(model)


def test_reasons_against_sharding() -> None:
    shared = Training(backend="trl", shard_base=True)
    assert "and there is one: start several with torchrun" in present(processes_fault(shared, 1))
    assert processes_fault(shared, 2) is None and processes_fault(Training(backend="trl"), 2) is None
    for processes in (1, 2):
        assert "use --training.backend=trl" in present(
            processes_fault(Training(backend="unsloth", shard_base=True), processes)
        )
