"""One process takes one GPU, however many it sees; and recomputed activations drop the same elements."""

from pathlib import Path

import pytest
import torch
from torch.nn import DataParallel

from tests.tiny_world import make_base
from tests.training.test_trainer import BASE, SETTINGS, adapter_on_base, examples
from titlecraft.models.base.model import LoadedBase
from titlecraft.settings import Lora
from training.model.build import add_adapter
from training.model.fused_lora import fuse_lora
from training.trainer import make_trainer, run_all_steps


def test_a_process_that_sees_two_gpus_trains_on_one(tmp_path: Path) -> None:
    model, tokenizer = adapter_on_base()
    trainer = make_trainer(model, tokenizer, examples(), SETTINGS, "float32", tmp_path)
    trainer.args._n_gpu = 2  # as transformers counts the visible ones
    trainer._train_batch_size = trainer.args.train_batch_size
    run_all_steps(trainer)
    assert trainer.args.n_gpu <= 1 and not isinstance(trainer.model_wrapped, DataParallel)
    assert trainer.seen["examples"] == SETTINGS.batch_size * SETTINGS.accumulation * 2


@pytest.mark.parametrize("fused", [False, True])
def test_recomputed_activations_drop_the_same_elements(fused: bool) -> None:
    ids = torch.randint(3, 400, (2, 20), generator=torch.Generator().manual_seed(0))
    gradients = []
    for checkpointing in (None, False, True):  # none, and torch's two ways
        base = make_base(400)
        if checkpointing is not None:
            base.enable_input_require_grads()
            base.gradient_checkpointing_enable({"use_reentrant": checkpointing})
        torch.manual_seed(1)
        model = add_adapter(LoadedBase(base, None, "none", None, "float32"), BASE, Lora(r=4, dropout=0.3), SETTINGS)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.data.normal_(std=0.05, generator=torch.Generator().manual_seed(len(name)))
        if fused:
            fuse_lora(model)
        model.train()
        torch.manual_seed(11)
        model(input_ids=ids, labels=ids).loss.backward()
        gradients.append([weight.grad for weight in model.parameters() if weight.requires_grad])
    for other in gradients[1:]:
        assert all(torch.equal(one, two) for one, two in zip(gradients[0], other, strict=True))
