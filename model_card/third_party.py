"""The card that we would write for an adapter that somebody else made: from what lies on the Hub, all else unknown.

It is shown and never published: nothing of what a card is for (data, training, scores) was recorded.
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
from model_card.claims.saying import Said, say
from model_card.claims.third_party import FOREIGN
from titlecraft.cards.front_matter import read_front_matter
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.licence import licence_of
from titlecraft.hub.pins import pin, read_file
from titlecraft.records import Pin
from titlecraft.records.repo_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, CARD, TOKENIZER_CONFIG

PICKLE = "adapter_model.bin"


@dataclass(frozen=True)
class ThirdPartyInputs:
    """What can be read of an adapter without records; each part as plain values under the name that claims use."""

    state: Pin
    records: dict[str, Any]


def read_third_party(state: Pin) -> ThirdPartyInputs:
    """Read what a repo says about its adapter. Raises UserError where it holds none, or the Hub does not answer."""
    raw = read_file(state, ADAPTER_CONFIG)
    if raw is None:
        raise UserError(
            f"model {state.repo} has no {ADAPTER_CONFIG}: expected an adapter, made by `titlecraft train` or by PEFT; "
            "`titlecraft card` writes cards of adapters only"
        )
    config = json_object(raw)
    if config is None:
        raise UserError(
            f"{ADAPTER_CONFIG} of {state} is not a JSON object: mend it, or save the adapter again with PEFT"
        )
    card = read_front_matter(read_file(state, CARD) or b"")
    base = base_named(config.get("base_model_name_or_path"))
    with hub_errors(f"looking into {state}", state.repo, state.type):
        files = HfApi().list_repo_files(state.repo, revision=state.revision)
    records = {
        "repo": {"id": state.repo, "revision": state.revision, "unsafe": PICKLE if PICKLE in files else None},
        "adapter": config,
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
    """The whole card. Equal inputs give equal bytes."""
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


def third_party_claims(inputs: ThirdPartyInputs) -> list[Said]:
    """What may be said of somebody else's adapter."""
    return say(FOREIGN, inputs.records)


def base_named(name: Any) -> str | None:
    """The base as a repo id; None where it is a folder of somebody's machine, or nothing."""
    if not isinstance(name, str) or name.count("/") != 1 or Path(name).is_absolute() or name.startswith("."):
        return None
    try:
        validate_repo_id(name)
    except HFValidationError:
        return None
    return name


def base_facts(repo: str | None, revision: Any) -> dict[str, Any]:
    """The base as the Hub knows it now: its commit, and the licence that its card states. Null where it may not be read."""
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
    """Parameters, tensors, types and ranks by the header of the safetensors file; the weights stay where they are."""
    with hub_errors(f"reading the header of {ADAPTER_WEIGHTS} of {state}", state.repo, state.type):
        try:
            found = HfApi().parse_safetensors_file_metadata(state.repo, ADAPTER_WEIGHTS, revision=state.revision)
        except SafetensorsParsingError:
            return None
    down = {tensor.shape[0] for name, tensor in found.tensors.items() if "lora_A" in name and tensor.shape}
    return {
        "parameters": sum(found.parameter_count.values()),
        "tensors": len(found.tensors),
        "types": sorted(found.parameter_count),
        "ranks": sorted(down) or None,
    }


def special_tokens(config: dict[str, Any]) -> dict[str, str | None]:
    """BOS, EOS and padding as tokenizer_config.json names them, as text or as an object with a `content`."""
    found = {name: config.get(f"{name}_token") for name in ("bos", "eos", "pad")}
    plain = {name: token.get("content") if isinstance(token, dict) else token for name, token in found.items()}
    return {name: token if isinstance(token, str) else None for name, token in plain.items()}


def json_object(raw: bytes) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def texts(value: Any) -> list[str] | None:
    """A list of texts where a card has one, or one text; None for nothing."""
    found = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str) and one]
    return found or None
