"""The card of a third-party adapter, rendered from its files on the Hub; everything else is "unknown".

The card is printed and never published, because no record says how the adapter was trained or evaluated.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from huggingface_hub import HfApi, ModelCardData
from huggingface_hub.errors import HFValidationError, SafetensorsParsingError
from huggingface_hub.utils import validate_repo_id

from model_card.build import fill
from model_card.claims.claim import RenderedClaim, render_claims
from model_card.claims.third_party import THIRD_PARTY
from titlecraft.cards.front_matter import read_front_matter
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.licence import licence_of
from titlecraft.hub.pins import pin, read_file
from titlecraft.models.adapter.peft_settings import fault_of, kinds_of, not_served
from titlecraft.records import Pin
from titlecraft.records.repo_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, CARD, TOKENIZER_CONFIG

PICKLE = "adapter_model.bin"


@dataclass(frozen=True)
class ThirdPartyInputs:
    """The facts of an adapter without records, as plain values under the names in the paths of claims."""

    state: Pin
    records: dict[str, Any]


def read_third_party(state: Pin) -> ThirdPartyInputs:
    """Read the facts of a repo's adapter. Raises UserError if there is no adapter or the Hub is unreachable."""
    raw = read_file(state, ADAPTER_CONFIG)
    if raw is None:
        raise UserError(
            f"model {state.repo} has no {ADAPTER_CONFIG}: expected an adapter, made by `titlecraft train` or by PEFT; "
            "`titlecraft card` writes cards of adapters only"
        )
    config = json_object(raw)
    if config is None:
        raise UserError(
            f"{ADAPTER_CONFIG} of {state} is not a JSON object: fix it, or save the adapter again with PEFT"
        )
    card = read_front_matter(read_file(state, CARD) or b"")
    base = base_named(config.get("base_model_name_or_path"))
    with hub_errors(f"listing the files of {state}", state.repo, state.type):
        files = HfApi().list_repo_files(state.repo, revision=state.revision)
    records = {
        "repo": {"id": state.repo, "revision": state.revision, "unsafe": PICKLE if PICKLE in files else None},
        "adapter": config | {"kinds": kinds_of(config), "not_served": not_served(config), "unusable": fault_of(config)},
        "base": base_facts(base, config.get("revision")),
        "weights": weights(state) if ADAPTER_WEIGHTS in files else None,
        "tokens": special_tokens(json_object(read_file(state, TOKENIZER_CONFIG) or b"") or {}),
        "old": {
            "license": card.get("license"),
            "datasets": texts(card.get("datasets")),
            "results": len(card["model-index"]) if isinstance(card.get("model-index"), list) else None,
        },
    }
    return ThirdPartyInputs(state, records)


def render_third_party(inputs: ThirdPartyInputs) -> str:
    """The whole card, metadata and text."""
    base = inputs.records["base"]
    licence = base["licence"] or {"id": "other", "name": "unknown", "link": None}
    stated = {"license": licence["id"], "license_name": licence["name"], "license_link": licence["link"]}
    data = ModelCardData(
        **{key: value for key, value in stated.items() if value},
        **({"base_model": base["repo"], "base_model_relation": "adapter"} if base["repo"] else {}),
        library_name="peft",
        tags=["lora"] if inputs.records["adapter"].get("peft_type") == "LORA" else [],
    )
    return fill("third_party_card.md.jinja", data, third_party_claims(inputs), name=inputs.state.repo.split("/")[1])


def third_party_claims(inputs: ThirdPartyInputs) -> list[RenderedClaim]:
    """The claims of a third-party adapter's card."""
    return render_claims(THIRD_PARTY, inputs.records)


def base_named(name: Any) -> str | None:
    """The base model as a repo id; None for a local path or no name."""
    if not isinstance(name, str) or name.count("/") != 1 or Path(name).is_absolute() or name.startswith("."):
        return None
    try:
        validate_repo_id(name)
    except HFValidationError:
        return None
    return name


def base_facts(repo: str | None, revision: Any) -> dict[str, Any]:
    """Commit and licence of the base model, as the Hub has them now; None where the repo cannot be read."""
    facts: dict[str, Any] = {"repo": repo, "revision": None, "named": revision, "licence": None, "warning": None}
    if repo is None:
        return facts
    try:
        state = pin(f"{repo}@{revision}" if isinstance(revision, str) and revision else repo, "model")
        licence = licence_of(state)
    except UserError as error:
        return facts | {"warning": str(error)}
    known = None if licence.warning else msgspec.to_builtins(licence)
    return facts | {"revision": state.revision, "licence": known, "warning": licence.warning}


def weights(state: Pin) -> dict[str, Any] | None:
    """Parameters, tensors, dtypes and LoRA ranks, read from the header of the safetensors file without downloading it."""
    with hub_errors(f"reading the header of {ADAPTER_WEIGHTS} of {state}", state.repo, state.type):
        try:
            header = HfApi().parse_safetensors_file_metadata(state.repo, ADAPTER_WEIGHTS, revision=state.revision)
        except SafetensorsParsingError:
            return None
    ranks = {tensor.shape[0] for name, tensor in header.tensors.items() if "lora_A" in name and tensor.shape}
    return {
        "parameters": sum(header.parameter_count.values()),
        "tensors": len(header.tensors),
        "types": sorted(header.parameter_count),
        "ranks": sorted(ranks) or None,
    }


def special_tokens(config: dict[str, Any]) -> dict[str, str | None]:
    """The BOS, EOS and padding tokens of tokenizer_config.json, where each is a string or an object with `content`."""
    tokens = {name: config.get(f"{name}_token") for name in ("bos", "eos", "pad")}
    texts = {name: token.get("content") if isinstance(token, dict) else token for name, token in tokens.items()}
    return {name: text if isinstance(text, str) else None for name, text in texts.items()}


def json_object(raw: bytes) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def texts(value: Any) -> list[str] | None:
    """The strings of a metadata value that is a list or a single string; None if there are none."""
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and text] or None
