"""The model families that the static decoder supports."""

from typing import Any

from titlecraft.errors import UserError
from titlecraft.models.decoding.products import fault_of_layer
from titlecraft.models.layers import causal_of, decoder_of

KNOWN = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
STEADY_ROTATIONS = ("default", "linear", "llama3", "yarn")  # other kinds depend on the length of the text


def fault_of(model: Any, context: int) -> str | None:
    """Return why the static decoder does not support a model, or None.

    Args:
        context: maximum number of tokens of prompt and answer.
    """
    causal = causal_of(model)
    config = causal.config.get_text_config()
    if config.model_type not in KNOWN:
        return f"it does not know the family {config.model_type}"
    window = getattr(config, "sliding_window", None)
    if (window and window < context and getattr(config, "use_sliding_window", True)) or any(
        kind != "full_attention" for kind in getattr(config, "layer_types", None) or ()
    ):
        return "the base attends to a sliding window"
    rotation = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    if rotation not in STEADY_ROTATIONS or config.hidden_act != "silu":
        return f"it does not know the base's positions ({rotation}) or activation ({config.hidden_act})"
    try:
        decoder = decoder_of(model)
    except UserError as error:
        return str(error)
    head = causal.get_output_embeddings()
    if type(head).__name__ != "Linear" or type(decoder.embed_tokens).__name__ != "Embedding":
        return "the adapter changes embeddings or output layer"
    if len({parameter.device for parameter in causal.parameters()}) != 1:
        return "the base lies on several devices"
    adapted = [name for name, layer in causal.named_modules() if hasattr(layer, "base_layer")]
    known = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    if other := [name for name in adapted if name.rsplit(".", 1)[-1] not in known]:
        return f"the adapter changes {other[0]}"
    products = [
        getattr(part, name)
        for layer in decoder.layers
        for part in (layer.self_attn, layer.mlp)
        for name in known
        if hasattr(part, name)
    ]
    return next((fault for layer in products if (fault := fault_of_layer(layer))), None)
