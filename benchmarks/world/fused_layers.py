"""The part `right` of benchmarks/training_speed.py: fused layers have the gradients of PEFT's, and dropout the mask of the CPU's."""

from typing import Any


def right() -> dict[str, Any]:
    """Compare the fused layers with PEFT's on this GPU, on two layers as wide as the 8B's, and the kernels' mask with the CPU's."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    from benchmarks.training_speed import FAST, settings
    from benchmarks.world.random_8b import awaken, rows
    from titlecraft.models.base.model import LoadedBase
    from titlecraft.records import Pin
    from titlecraft.settings import Lora
    from training.model.build import add_adapter
    from training.model.dropout import keep_mask
    from training.model.dropped_product import add_dropped_product_, dropped_gradient, dropped_product
    from training.model.fused_lora import fuse_lora

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=8000,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=2,
        num_attention_heads=32,
        num_key_value_heads=8,
    )
    with torch.device("cuda"):
        base = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, trust_remote_code=False)
    model = add_adapter(
        LoadedBase(base, None, "none", None, "bfloat16"),
        Pin(type="model", repo="ns/b", revision="0" * 40),
        Lora(dropout=0.0),
        settings(1, **FAST),
    )
    awaken(model, 0.05)
    one = rows(1)
    batch = {name: torch.tensor(one[name]).cuda() for name in one}

    def gradients(dtype: Any) -> Any:
        model.zero_grad()
        with torch.autocast("cuda", dtype, enabled=dtype is not None):
            model(**batch).loss.backward()
        return torch.cat([each.grad.flatten().double() for each in model.parameters() if each.grad is not None])

    plain = gradients(torch.bfloat16)
    fuse_lora(model)
    fused = gradients(torch.bfloat16)
    seed, p = 2**31 - 5, 0.05
    kept = keep_mask((1000, 4097), seed, p, "cpu").cuda()
    ones = lambda *shape: torch.ones(*shape, device="cuda")  # noqa: E731
    picks = torch.eye(16, 4097, device="cuda")  # each row of A takes one column of x
    of_product = dropped_product(ones(1000, 4097), picks, seed, p) != 0
    of_gradient = dropped_gradient(ones(1000, 4097), torch.eye(1000, 16, device="cuda"), seed, p) != 0
    of_update = add_dropped_product_(0 * ones(1000, 4097), ones(1000, 16), ones(16, 4097), seed, p) != 0
    pairs = ((of_product, kept[:, :16]), (of_gradient, kept[:16]), (of_update, kept))
    apart = [int((one != other).sum()) for one, other in pairs]
    return {
        "gradient_cosine": float(torch.nn.functional.cosine_similarity(plain, fused, dim=0)),
        "gradient_apart": float((plain - fused).norm() / plain.norm()),
        "mask_apart_from_the_cpus": apart,
        "share_kept": float(of_update.float().mean()),
    }
