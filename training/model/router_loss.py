"""The balancing loss of a mixture of experts is left out of training: the loss is that of the answers, whatever the family.

It is a mean over the tokens of one forward pass, so that the same step, cut into more passes, would have another loss; and
with a frozen router it would only pull the adapter away from the answers. Packed, fused and plain losses are then the same.
"""

from typing import Any

SWITCH = "output_router_logits"  # of a config: its forward pass adds the term where this is on
NOTE = "The base is a mixture of experts; the balancing loss of its router is left out, and the loss is that of the answers alone."


def leave_router_loss_out(model: Any) -> str | None:
    """Switch the term off in a model's configs; returns the sentence for the record, or None for a model without experts."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    configs = [config for config in (whole.config, whole.config.get_text_config()) if hasattr(config, SWITCH)]
    for config in configs:
        setattr(config, SWITCH, False)
    return NOTE if configs else None
