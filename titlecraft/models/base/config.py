"""Reading a base's config.json; models that cannot be trained or exported are refused before their weights are read."""

import inspect
from copy import deepcopy
from typing import Any

from titlecraft.errors import UserError
from titlecraft.hub.pins import download
from titlecraft.models.base.files import ANOTHER, files_of, loading, read_object, require_transformers_repo
from titlecraft.models.base.quantisation import published_as
from titlecraft.records import Pin
from titlecraft.records.repo_files import MODEL_CONFIG

POSITIONS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length", "seq_length")
UNBOUNDED = 2**31 - 1  # tokens: of a model that has no positions to run out of (ALiBi)
CAUSAL = "a causal language model"
# suffixes of models with another head; loaded as a causal model they would get a head of random weights
OTHER_HEADS = (
    "ForMaskedLM",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForMultipleChoice",
    "ForNextSentencePrediction",
    "ForPreTraining",
)


def load_config(base: Pin, files: list[str] | None = None) -> Any:
    """Return the transformers config of the pinned base. Raises UserError if the base cannot be trained.

    Args:
        files: paths of the repo's files, if known already.
    """
    from transformers import AutoConfig

    require_transformers_repo(base, files_of(base) if files is None else files)
    raw = read_object(download(base, [MODEL_CONFIG]) / MODEL_CONFIG, base)
    require_known_type(raw, base)
    with loading(base, CAUSAL):
        config = AutoConfig.from_pretrained(base.repo, revision=base.revision, trust_remote_code=False)
        config.get_text_config()
    published_as(config, base)
    return config


def require_known_type(raw: dict[str, Any], base: Pin) -> None:
    """Raise UserError if transformers has no causal language model for this config.json, or would run code of the repo."""
    from transformers import __version__
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    def refuse(reason: str) -> UserError:
        return UserError(f"{base} cannot be loaded as {CAUSAL}: {reason}; {ANOTHER}")

    kind, remote = raw.get("model_type"), raw.get("auto_map")
    if not isinstance(kind, str):
        raise refuse("its config.json names no model_type")
    if raw.get("is_encoder_decoder") is True:
        raise refuse(f"{kind} is an encoder with a decoder")
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        if remote:
            raise refuse(
                f"it needs code from its own repo (auto_map in config.json), which is never run here: it could do anything "
                f"with this machine and its tokens. transformers {__version__} itself has no causal model of type {kind!r}"
            )
        lack = "has no causal language model of" if kind in CONFIG_MAPPING else "does not know"
        raise refuse(f"transformers {__version__} {lack} its type {kind!r}")
    named = raw.get("architectures")
    heads = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    if heads and all(name.endswith(OTHER_HEADS) for name in heads):
        raise refuse(f"it is a {heads[0]}, with another head")


def context_length(config: Any) -> int:
    """Return the maximum sequence length of a base; UNBOUNDED if its config sets none.

    Args:
        config: transformers config of the base; a nested text config takes precedence.
    """
    text = config.get_text_config()
    lengths = [getattr(text, name, None) for name in POSITIONS]
    return next((int(count) for count in lengths if isinstance(count, int) and count > 0), UNBOUNDED)


def on_meta(config: Any, base: Pin) -> Any:
    """Return the base on torch's device "meta", without weights or random numbers. Raises UserError."""
    import torch
    from transformers import AutoModelForCausalLM

    with loading(base, CAUSAL), torch.random.fork_rng(devices=[]), torch.device("meta"):
        model = AutoModelForCausalLM.from_config(deepcopy(config), trust_remote_code=False)
    require_decoder(model, base)
    return model


def require_decoder(model: Any, base: Pin) -> None:
    """Raise UserError for a model that is more than a decoder with an output head, or has no key-value cache.

    An adapter of a vision tower would get no gradient from text, and the state of a state-space model is not a key-
    value cache.
    """
    head, named = model.get_output_embeddings(), type(model).__name__
    if head is None or not hasattr(model, "get_decoder"):
        raise UserError(f"{base} cannot be loaded as {CAUSAL}: {named} has no output head; {ANOTHER}")
    decoder, text = model.get_decoder(), model.config.get_text_config()
    ids = {id(parameter) for module in (decoder, head) for parameter in module.parameters()}
    other_parameters = [name for name, parameter in model.named_parameters() if id(parameter) not in ids]
    extras = [".".join(name.split(".")[:2]) for name in other_parameters[:1]]
    extras += [
        name
        for name, module in model.named_modules()
        if name and type(getattr(module, "config", text)) is not type(text) and hasattr(module, "base_model_prefix")
    ]
    extras += ["layers that attend to images"] if getattr(text, "cross_attention_layers", None) else []
    if extras or model.config is not text:
        extra = [*extras, "several configs"][0]
        raise UserError(
            f"{base} is more than a text decoder and its output head ({named} has {extra} besides), and text would not train and "
            "score all of it: set base.repo to a text-only causal language model"
        )
    if "past_key_values" not in inspect.signature(model.forward).parameters:
        raise UserError(
            f"{base} keeps no keys and values of earlier tokens ({named}), which answering token by token rests on here: set "
            "base.repo to a model with attention"
        )


def size_of(layer: Any) -> tuple[int, int] | None:
    """Return inputs and outputs of a linear layer or GPT-2's Conv1D; None for other modules."""
    if type(layer).__name__ == "Conv1D":
        inputs, outputs = layer.weight.shape
        return int(inputs), int(outputs)
    return (layer.in_features, layer.out_features) if hasattr(layer, "in_features") else None
