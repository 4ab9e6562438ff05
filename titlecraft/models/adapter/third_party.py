"""Reading a PEFT adapter that has no training record. What cannot be used is refused before any weights are downloaded."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import SafetensorsParsingError

from titlecraft.errors import UserError
from titlecraft.hub.data_revision import pin_data
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.licence import licence_of
from titlecraft.hub.pins import pin, read_file
from titlecraft.models.adapter.peft_settings import EMBEDDINGS, fault_of, kinds_of, names, not_served
from titlecraft.records import Pin, RowSettings
from titlecraft.records.repo_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from titlecraft.records.third_party import ThirdPartyAdapter
from titlecraft.rows.folder import read_rows, settings_for
from titlecraft.settings import Recipe

FACTORS = ("lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector")
PREFIX = "base_model.model."
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Stated:
    """What a user states about an adapter without a training record. `base` is None for the one that its config names."""

    dataset: str
    base: str | None
    recipe: Recipe


def read_third_party(adapter: Pin, stated: Stated) -> ThirdPartyAdapter:
    """Pin what a user stated, and read the adapter's config and the header of its weights. Raises UserError."""
    config = read_config(adapter)
    if fault := fault_of(config):
        raise UserError(f"{adapter} cannot be used: {fault}")
    shapes = shapes_of(adapter)
    require_factors(adapter, config, shapes)
    named = config.get("base_model_name_or_path")
    base = base_of(adapter, config, stated.base)
    base_config, settings = fitting_base(adapter, base, shapes), stated.recipe.base
    dataset = pin_data(stated.dataset)
    row_settings = settings_for(dataset, RowSettings.of(stated.recipe))
    rows = None if row_settings is None else read_rows(dataset, row_settings)

    from titlecraft.models.base.model import resolve_precision
    from titlecraft.models.base.prompt_of_dataset import prompt_for
    from titlecraft.models.base.quantisation import published_as
    from titlecraft.models.base.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(base)
    published = published_as(base_config, base)
    chosen = "none" if settings.quantization == "auto" else settings.quantization
    return ThirdPartyAdapter(
        dataset=dataset,
        base=base,
        licence=licence_of(base),
        base_settings=replace(settings, repo=base.repo, revision=base.revision),
        generation=stated.recipe.generation,
        precision=resolve_precision("auto"),
        quantization=chosen if published == "none" else published,
        trained_prompt=prompt_for(dataset, base, stated.recipe.prompt.format, rows, tokenizer)[0],
        trainable_parameters=sum(product(shape) for shape in shapes.values()),
        special_tokens={name: getattr(tokenizer, f"{name}_token") for name in ("bos", "eos", "pad")},
        base_named=named if isinstance(named, str) and named else None,
        kinds=kinds_of(config),
        not_served=not_served(config),
        rows=rows,
    )


def read_config(adapter: Pin) -> dict[str, Any]:
    """The adapter_config.json of a repo. Raises UserError if there is none, or it is not a JSON object."""
    raw = read_file(adapter, ADAPTER_CONFIG)
    if raw is None:
        raise UserError(f"{adapter} has no {ADAPTER_CONFIG}: it is not a PEFT adapter; give another --adapter")
    try:
        config = json.loads(raw)
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise UserError(f"{ADAPTER_CONFIG} of {adapter} is not a JSON object: its author can save it again with PEFT")
    return config


def shapes_of(adapter: Pin) -> Shapes:
    """Name of each tensor of the adapter -> its shape, from the header of its file. Raises UserError for a pickle."""
    with hub_errors(f"reading the header of {ADAPTER_WEIGHTS} of {adapter}", adapter.repo, adapter.type):
        files = HfApi().list_repo_files(adapter.repo, revision=adapter.revision)
        if ADAPTER_WEIGHTS not in files:
            pickle = " but adapter_model.bin, a pickle that could run code" if "adapter_model.bin" in files else ""
            raise UserError(f"{adapter} has no {ADAPTER_WEIGHTS}{pickle}: its author can save it with safetensors")
        try:
            header = HfApi().parse_safetensors_file_metadata(adapter.repo, ADAPTER_WEIGHTS, revision=adapter.revision)
        except SafetensorsParsingError as error:
            raise UserError(f"{ADAPTER_WEIGHTS} of {adapter} is no safetensors file: take another revision") from error
    return {name: tuple(tensor.shape) for name, tensor in header.tensors.items()}


def require_factors(adapter: Pin, config: dict[str, Any], shapes: Shapes) -> None:
    """Raise UserError if the file has no LoRA factors, or tensors that adapter_config.json does not account for."""
    saved = names(config.get("modules_to_save"))
    others = [
        name
        for name in shapes
        if not any(factor in name for factor in FACTORS) and not any(f".{module}." in f".{name}" for module in saved)
    ]
    if others:
        raise UserError(
            f"{adapter} cannot be used: {ADAPTER_WEIGHTS} has {others[0][:200]}, which is no LoRA factor and of no module in "
            "modules_to_save (embeddings of added tokens, for example): its author can merge it and publish the model"
        )
    if not any("lora_A" in name or "lora_embedding_A" in name for name in shapes):
        raise UserError(f"{adapter} cannot be used: {ADAPTER_WEIGHTS} has no LoRA factors; take another revision")


def base_of(adapter: Pin, config: dict[str, Any], stated: str | None) -> Pin:
    """The pinned base: the stated one, else that of adapter_config.json. Raises UserError if that is no repo."""
    if stated:
        return pin(stated, "model")
    named, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not isinstance(named, str) or named.count("/") != 1 or named.startswith((".", "/")) or Path(named).is_absolute():
        raise UserError(
            f"{ADAPTER_CONFIG} of {adapter} names {named!r} as its base, which is no repo of the Hub: give --base NAMESPACE/NAME"
        )
    return pin(f"{named}@{revision}" if isinstance(revision, str) and revision else named, "model")


def fitting_base(adapter: Pin, base: Pin, shapes: Shapes) -> Any:
    """The config of the base. Raises UserError if a layer of the base has another size than the adapter's factor."""
    from titlecraft.models.base.config import load_config, on_meta, size_of

    config = load_config(base)
    model = on_meta(config, base)
    for name, shape in shapes.items():
        module, _, kind = name.removeprefix(PREFIX).removesuffix(".weight").rpartition(".")
        if kind not in FACTORS[:2]:
            if kind in EMBEDDINGS and shape[0] != (rows := config.get_text_config().vocab_size):
                raise UserError(
                    f"{adapter} cannot be used: its {kind} has {shape[0]:,} rows and that of {base} has {rows:,} (added tokens); "
                    "its author can merge it and publish the model"
                )
            continue
        try:
            inputs, outputs = size_of(model.get_submodule(module)) or (None, None)
        except AttributeError:
            raise UserError(
                f"{adapter} does not fit {base}: the base has no layer {module}; give the base of its training as --base"
            ) from None
        width = inputs if kind == "lora_A" else outputs
        held = shape[1] if kind == "lora_A" else shape[0]
        if width is not None and width != held:
            raise UserError(
                f"{adapter} does not fit {base}: its {kind} of {module} is for a width of {held:,}, and the layer's is {width:,}; "
                "give the base of its training as --base"
            )
    return config


def product(shape: tuple[int, ...]) -> int:
    """The number of elements of a tensor."""
    count = 1
    for size in shape:
        count *= size
    return count
