"""Cross-entropy of a frozen output layer on a CPU, without storing the logits.

Only the gradient of the hidden states is needed, because the layer is frozen. So each chunk of logits becomes its own gradient in
place, while it is in the cache, as Liger's kernel does on a GPU (Hsu et al. 2024). Plain cross-entropy writes and reads the
logits of a batch six times: 280 MB for 1,400 answer tokens of a vocabulary of 49,152.
"""

from typing import Any

import torch

from titlecraft.models.loss.answer_logits import head_of

LOGITS_AT_ONCE = 1 << 23  # 32 MB in float32


def frozen_head(causal: Any) -> torch.Tensor | None:
    """Return the weight of an output layer whose logits are a plain float32 product and which is not trained, or None."""
    output, head = causal.get_output_embeddings(), head_of(causal)
    if head is None or not head.plain or hasattr(output, "base_layer") or getattr(output, "bias", None) is not None:
        return None
    weight = output.weight
    return weight if weight.dtype == torch.float32 and not weight.requires_grad else None


class FrozenHeadLoss(torch.autograd.Function):
    """Summed cross-entropy in nats of softmax(states Wᵀ); states of shape (tokens, width), W (vocabulary, width), frozen."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss, a scalar; the gradient of the states is computed beside it."""
        rows = max(1, LOGITS_AT_ONCE // weight.shape[0])
        total, gradient = states.new_zeros(()), torch.empty_like(states) if states.requires_grad else None
        buffer = states.new_empty(min(rows, len(states)), weight.shape[0])
        for start in range(0, len(states), rows):
            chunk, labels = states[start : start + rows], targets[start : start + rows, None]
            logits = torch.mm(chunk, weight.t(), out=buffer[: len(chunk)])
            normaliser = logits.logsumexp(1, keepdim=True)
            total += (normaliser - logits.gather(1, labels)).sum()
            if gradient is not None:
                logits.sub_(normaliser).exp_()
                logits.scatter_add_(1, labels, logits.new_full(labels.shape, -1.0))
                torch.mm(logits, weight, out=gradient[start : start + rows])
        ctx.gradient = gradient
        return total

    @staticmethod
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of the states. The layer is frozen and has none."""
        return ctx.gradient * dy, None, None
