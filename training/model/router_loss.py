"""Leave the load-balancing loss of a mixture of experts out of training.

The balancing loss is a mean over the tokens of one forward pass, so it would change with the number of passes per step. Since
the router is frozen, it would only push the adapter away from the answers.
"""

from typing import Any

SWITCH = "output_router_logits"  # key of a transformers config: adds the balancing loss to the loss
NOTE = "The base is a mixture of experts; the balancing loss of its router is left out, and the loss is that of the answers alone."


def leave_router_loss_out(model: Any) -> str | None:
    """Switch the balancing loss off; returns a sentence for the record, or None for a model without experts."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    configs = [config for config in (whole.config, whole.config.get_text_config()) if hasattr(config, SWITCH)]
    for config in configs:
        setattr(config, SWITCH, False)
    return NOTE if configs else None
