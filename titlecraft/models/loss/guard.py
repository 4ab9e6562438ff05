"""Checks of computed losses against plain logits, shared by all stages.

Plain logits are those of `model(input_ids).logits`, one sequence at a time, without padding, with the attention that
the model was loaded with. Their float32 cross-entropy is the reference for training, evaluation and export.
"""

from collections.abc import Sequence
from typing import Any

from titlecraft.records import Check

IGNORED = -100  # the label of a token for which no loss is asked
TOLERANCE = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 5e-2}  # nats per token; other shapes, other roundings

# of a mixture of experts: where two experts are as good as equal, a rounding sends a token to the other one. Of 500 tokens
# through two layers with four experts one did, which moved their mean loss by 6e-4
ROUTED_TOLERANCE = 2e-3

# of a base in 8 bit: bitsandbytes multiplies in float16 those columns that have an outlier in any row of the batch, and the
# others in int8, so that the other rows of a batch change the rounding of this one
INT8_TOLERANCE = TOLERANCE["float16"]


def labelled_nll(model: Any, tokens: Sequence[int], labels: Sequence[int]) -> float:
    """Return the summed NLL in nats of the labelled tokens of one sequence, from plain logits, with a float32 log-softmax.

    Args:
        tokens, labels: of equal length; position t is predicted from t - 1, and the first token is not predicted.
    """
    import torch

    ids, targets = torch.tensor([tokens], device=model.device), torch.tensor(labels[1:], device=model.device)
    labelled = (targets != IGNORED).nonzero()[:, 0]
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits[0, labelled].float()
        chosen = logits.log_softmax(-1).gather(1, targets[labelled, None])
    return -float(chosen.sum(dtype=torch.float64))


def tolerance(model: Any) -> float:
    """Return the largest difference in nats per token that rounding may cause between two computations of a loss."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    routed = hasattr(base.config.get_text_config(), "output_router_logits")
    int8 = getattr(base, "is_loaded_in_8bit", False)
    own = TOLERANCE[str(base.dtype).removeprefix("torch.")]
    return max(own, ROUTED_TOLERANCE if routed else 0.0, INT8_TOLERANCE if int8 else 0.0)


def own_loss_check(what: str, own: float, computed: float, allowed: float) -> Check:
    """Return the check that a computed loss, in nats per token, is within `allowed` of the model's own. NaN fails.

    Args:
        what: the name of the loss, such as "training loss (packed)".
        own: the loss from plain logits.
    """
    return Check(
        name=f"{what} against the model's own logits, nats per token",
        expected=f"at most {allowed:g} apart",
        found=f"{abs(own - computed):.1e} apart",
        holds=abs(own - computed) <= allowed,
    )
