"""Cross-entropy over the answer tokens only: no logits are computed for tokens without a label.

A causal model of transformers computes and keeps the logits of every token, prompts included: 4 GB for 16,384 tokens of
Llama 3 in bfloat16. Here only hidden states with a label reach the output layer. On a GPU, Liger's fused linear cross-entropy
(Hsu et al. 2024) computes the loss without storing logits. If a model's logits are more than a product, a scale and a cap, or
if its output layer has an adapter, the model's own code computes them, one chunk at a time.
"""

from functools import partial
from types import MethodType
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint
from transformers.modeling_outputs import CausalLMOutput

from titlecraft.models.layers import causal_of, decoder_of
from titlecraft.models.loss.answer_logits import head_of, own_logits
from training.data.examples import IGNORED

LOGITS_AT_ONCE = 1 << 26  # logits of one chunk on a GPU; recomputed in the backward pass


def use_answer_loss(model: Any) -> None:
    """Patch the forward pass of a PeftModel's causal model: called with labels, it returns the loss only."""
    causal = causal_of(model)
    original = causal.forward
    decoder = decoder_of(causal)
    head_of(causal)  # cached now, so that it is not analysed in reduced precision in the middle of a step

    def forward(
        self: Any, input_ids: Any = None, labels: Any = None, num_items_in_batch: Any = None, **kwargs: Any
    ) -> Any:
        if labels is None:
            return original(input_ids=input_ids, **kwargs)
        hidden = decoder(input_ids=input_ids, **kwargs).last_hidden_state
        return CausalLMOutput(loss=answer_loss(hidden, self, labels, num_items_in_batch))

    causal.forward = MethodType(forward, causal)


def answer_loss(hidden: Any, causal: Any, labels: Any, count: Any = None) -> Any:
    """Sum of the negative log-likelihoods of the labelled tokens over their number, in nats; a scalar tensor.

    Args:
        hidden: last hidden states, of shape (rows, tokens, hidden size).
        causal: the model whose output layer computes the logits.
        labels: token ids of shape (rows, tokens), -100 for tokens without a loss; position t is predicted from t - 1.
        count: divisor, if several batches make one step: the labelled tokens of all of them.
    """
    targets = labels[:, 1:]
    labelled = targets != IGNORED
    states, targets = hidden[:, :-1][labelled], targets[labelled]
    if torch.is_autocast_enabled(states.device.type):
        states = states.to(torch.get_autocast_dtype(states.device.type))
    total = summed_loss(states, causal, targets)
    return total / (targets.numel() if count is None else count)


def summed_loss(states: Any, causal: Any, targets: Any) -> Any:
    """Summed cross-entropy in nats, float32: all at once on a CPU; on a GPU by Liger if it can, else in chunks."""
    if states.device.type != "cuda":
        return loss_of_some(causal, states, targets)
    return loss_in_chunks(states, causal, targets) if liger_fault(causal) else liger_loss(states, causal, targets)


def loss_in_chunks(states: Any, causal: Any, targets: Any) -> Any:
    """Summed cross-entropy with one chunk of logits in memory at a time; the backward pass recomputes them."""
    rows = max(1, LOGITS_AT_ONCE // causal.config.get_text_config().vocab_size)
    chunks = zip(states.split(rows), targets.split(rows), strict=True)
    return sum(checkpoint(partial(loss_of_some, causal), *chunk, use_reentrant=False) for chunk in chunks)


def loss_of_some(causal: Any, states: Any, targets: Any) -> Any:
    """Summed cross-entropy from the model's own logits, all at once."""
    return torch.nn.functional.cross_entropy(own_logits(causal, states).float(), targets, reduction="sum")


def liger_fault(causal: Any) -> str | None:
    """The reason why Liger's fused loss would differ from this model's loss, or None if it equals it.

    Liger uses the output layer's weight only, and would ignore an adapter on that layer.
    """
    output = causal.get_output_embeddings()
    if head_of(causal) is None:
        return "its logits are more than a product, a scale and a cap"
    if hasattr(output, "base_layer") or any(weight.requires_grad for weight in output.parameters()):
        return "its output layer is trained"
    if not output.weight.dtype.is_floating_point:
        return "its output layer is quantised"
    try:
        import liger_kernel.transformers  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        return "liger-kernel is not installed"
    return None


def liger_loss(states: Any, causal: Any, targets: Any) -> Any:
    """Summed cross-entropy by Liger, which supports a cap; a scale is applied to the hidden states and the bias instead."""
    from liger_kernel.transformers import (  # pyright: ignore[reportMissingImports]
        LigerFusedLinearCrossEntropyLoss,
    )

    output, head = causal.get_output_embeddings(), head_of(causal)
    assert head is not None, "a fused loss is chosen for a known head only"
    bias = getattr(output, "bias", None)
    if head.scale != 1.0:
        states, bias = states * head.scale, None if bias is None else bias * head.scale
    return LigerFusedLinearCrossEntropyLoss(reduction="sum", softcap=head.cap)(
        output.weight.to(states.dtype), states, targets, bias
    )
