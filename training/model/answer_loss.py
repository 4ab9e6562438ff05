"""The loss over the answers alone: the largest product of a model, with its vocabulary, is left out where nothing is asked.

A causal model of transformers computes logits for every token, prompts included, and keeps them all: 4 GB for 16,384 tokens
of Llama 3 in bfloat16. On a GPU Liger's fused linear cross-entropy (Hsu et al. 2024) never builds them; here it gets the
hidden states that have a label, and no others. Where a model's logits are more than a product, a scale and a cap, or where an
adapter lies on the output layer, the model's own code makes them, a chunk at a time.
"""

from functools import partial
from types import MethodType
from typing import Any

from titlecraft.models.layers import causal_of, decoder_of
from titlecraft.models.loss.answer_logits import head_of, own_logits
from training.data.examples import IGNORED

LOGITS_AT_ONCE = 1 << 26  # of one chunk on a GPU; made again for the backward pass


def use_answer_loss(model: Any) -> None:
    """Give a PeftModel's causal model a forward pass that returns the loss only, wherever it is called with labels."""
    causal = causal_of(model)
    original = causal.forward
    decoder = decoder_of(causal)
    head_of(causal)  # looked at now, in full precision, not in the middle of a step

    def forward(
        self: Any, input_ids: Any = None, labels: Any = None, num_items_in_batch: Any = None, **kwargs: Any
    ) -> Any:
        from transformers.modeling_outputs import CausalLMOutput

        if labels is None:
            return original(input_ids=input_ids, **kwargs)
        hidden = decoder(input_ids=input_ids, **kwargs).last_hidden_state
        return CausalLMOutput(loss=answer_loss(hidden, self, labels, num_items_in_batch))

    causal.forward = MethodType(forward, causal)


def answer_loss(hidden: Any, causal: Any, labels: Any, count: Any = None) -> Any:
    """Sum of the negative log-likelihoods of the labelled tokens over their number, in nats; a scalar tensor.

    Args:
        hidden: last hidden states, of shape (rows, tokens, width).
        causal: the model that turns them into logits.
        labels: token ids of shape (rows, tokens), -100 where no loss is asked; position t is predicted from t - 1.
        count: divide by this instead, where several batches make one step (their labelled tokens together).
    """
    import torch

    targets = labels[:, 1:]
    asked = targets != IGNORED
    states, targets = hidden[:, :-1][asked], targets[asked]
    if torch.is_autocast_enabled(states.device.type):
        states = states.to(torch.get_autocast_dtype(states.device.type))
    total = summed_loss(states, causal, targets)
    return total / (targets.numel() if count is None else count)


def summed_loss(states: Any, causal: Any, targets: Any) -> Any:
    """Summed cross-entropy in nats, float32; on a GPU by Liger where it can, else in chunks."""
    if states.device.type != "cuda":
        return loss_of_some(causal, states, targets)
    return loss_in_chunks(states, causal, targets) if liger_fault(causal) else liger_loss(states, causal, targets)


def loss_in_chunks(states: Any, causal: Any, targets: Any) -> Any:
    """The same with the logits of a chunk at a time, which are made again for the backward pass."""
    from torch.utils.checkpoint import checkpoint

    rows = max(1, LOGITS_AT_ONCE // causal.config.get_text_config().vocab_size)
    chunks = zip(states.split(rows), targets.split(rows), strict=True)
    return sum(checkpoint(partial(loss_of_some, causal), *chunk, use_reentrant=False) for chunk in chunks)


def loss_of_some(causal: Any, states: Any, targets: Any) -> Any:
    """Summed cross-entropy from the model's own logits, all of them at once."""
    import torch

    return torch.nn.functional.cross_entropy(own_logits(causal, states).float(), targets, reduction="sum")


def liger_fault(causal: Any) -> str | None:
    """Why Liger's product and loss in one would not be this model's loss, or None where it is.

    Liger multiplies with the weight of the output layer: an adapter around that layer would be left out.
    """
    output = causal.get_output_embeddings()
    if head_of(causal) is None:
        return "its logits are more than a product, a scale and a cap"
    if hasattr(output, "base_layer") or any(one.requires_grad for one in output.parameters()):
        return "its output layer is trained"
    if not output.weight.dtype.is_floating_point:
        return "its output layer is quantised"
    try:
        import liger_kernel.transformers  # noqa: F401
    except ImportError:
        return "liger-kernel is not installed"
    return None


def liger_loss(states: Any, causal: Any, targets: Any) -> Any:
    """The same by Liger. It knows caps; a scale of the logits is one of the states, but for the output layer's bias."""
    from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

    output, head = causal.get_output_embeddings(), head_of(causal)
    bias = getattr(output, "bias", None)
    if head.scale != 1.0:
        states, bias = states * head.scale, None if bias is None else bias * head.scale
    return LigerFusedLinearCrossEntropyLoss(reduction="sum", softcap=head.cap)(
        output.weight.to(states.dtype), states, targets, bias
    )
