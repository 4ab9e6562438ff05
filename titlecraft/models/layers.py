"""The parts of a causal language model: the model inside a PeftModel, and the decoder below its output layer."""

from typing import Any

from titlecraft.errors import UserError


def causal_of(model: Any) -> Any:
    """Return the transformers model with its output layer: the base of a PeftModel, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def decoder_of(model: Any) -> Any:
    """Return the decoder below the output layer. Raises UserError where the family has none of its own."""
    causal = causal_of(model)
    decoder = causal.get_decoder()
    if decoder is causal:
        raise UserError(
            f"{type(causal).__name__} does not name the decoder below its output layer, so its loss over answers cannot be "
            "computed: set another base.repo"
        )
    return decoder
