"""The loss over the answers alone: the largest product of a model, with its vocabulary, is left out where nothing is asked.

A causal model of transformers computes logits for every token, prompts included, and keeps them all: 4 GB for 16,384 tokens
of Llama 3 in bfloat16. On a GPU Liger's fused linear cross-entropy (Hsu et al. 2024) never builds them; here it gets the
hidden states that have a label, and no others.
"""

from types import MethodType
from typing import Any

from training.examples import IGNORED


def use_answer_loss(model: Any) -> None:
    """Give a PeftModel's causal model a forward pass that returns the loss only, wherever it is called with labels."""
    causal = model.get_base_model()
    original = causal.forward

    def forward(
        self: Any, input_ids: Any = None, labels: Any = None, num_items_in_batch: Any = None, **kwargs: Any
    ) -> Any:
        from transformers.modeling_outputs import CausalLMOutput

        if labels is None:
            return original(input_ids=input_ids, **kwargs)
        hidden = self.get_decoder()(input_ids=input_ids, **kwargs).last_hidden_state
        return CausalLMOutput(loss=answer_loss(hidden, self.get_output_embeddings(), labels, num_items_in_batch))

    causal.forward = MethodType(forward, causal)


def answer_loss(hidden: Any, head: Any, labels: Any, count: Any = None) -> Any:
    """Sum of the negative log-likelihoods of the labelled tokens over their number, in nats; a scalar tensor.

    Args:
        hidden: last hidden states, of shape (rows, tokens, width).
        head: the linear layer that turns them into logits.
        labels: token ids of shape (rows, tokens), -100 where no loss is asked; position t is predicted from t - 1.
        count: divide by this instead, where several batches make one step (their labelled tokens together).
    """
    import torch

    targets = labels[:, 1:]
    asked = targets != IGNORED
    states, targets = hidden[:, :-1][asked], targets[asked]
    if torch.is_autocast_enabled(states.device.type):
        states = states.to(torch.get_autocast_dtype(states.device.type))
    total = summed_loss(states, head, targets)
    return total / (targets.numel() if count is None else count)


def summed_loss(states: Any, head: Any, targets: Any) -> Any:
    """Summed cross-entropy in nats, float32; by Liger on a GPU."""
    import torch

    if states.device.type == "cuda":
        from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

        return LigerFusedLinearCrossEntropyLoss(reduction="sum")(
            head.weight.to(states.dtype), states, targets, head.bias
        )
    return torch.nn.functional.cross_entropy(head(states).float(), targets, reduction="sum")
