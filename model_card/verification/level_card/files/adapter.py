"""Level card, adapter: every key of adapter_config.json against the training record, and the tensors against both.

PEFT reads some forty keys, and most of them change what an adapter does: another scale for one layer, another formula, a layer
left out. Training sets a few by the record, and all others stay as PEFT has them.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from model_card.verification.level_card.training import WEIGHTS
from model_card.verification.lines.checks import EXACT, Checks, Line
from model_card.verification.repo_state import RepoState

CONFIG = "adapter_config.json"
SET = {  # by training, whatever the record says
    "peft_type": ("LORA",), "task_type": ("CAUSAL_LM",), "inference_mode": (True, False), "bias": ("none",),
    "init_lora_weights": (True,), "fan_in_fan_out": (False,),
}  # fmt: skip
# GPT-2's layers, whose weights lie transposed: PEFT then sets fan_in_fan_out itself
TRANSPOSED = {"c_attn", "c_proj", "c_fc", "q_attn"}
BY_RECORD = (
    "r", "lora_alpha", "lora_dropout", "target_modules", "base_model_name_or_path", "revision", "peft_version", "auto_mapping",
)  # fmt: skip
INERT = {"megatron_core": "megatron.core", "qalora_group_size": 16}  # PEFT's defaults that are neither null nor off
FINITE = {
    "F32": ("<u4", 0x7F800000),
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
}  # bits that are all 1 in NaN and infinity
LONGEST_HEADER = 100 << 20  # bytes, as safetensors itself has it
PIECE = 1 << 24  # numbers that are looked at in one go


def verify_adapter(state: RepoState) -> list[Line]:
    """The config's keys, then the tensors."""
    checks = Checks("card", "adapter")
    return checks.gather(of_config(checks, state)) + checks.gather(of_tensors(checks, state))


def of_config(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each key that training sets, and one for all others."""
    config = json.loads(state.require(CONFIG), object_pairs_hook=once)
    # a layer that is quantised, or of another class, turns it off again: PEFT goes by the layer, whichever of the two is written
    either = {"fan_in_fan_out": (False, True)} if TRANSPOSED & set(state.training.lora.target_modules) else {}
    for key, allowed in (SET | either).items():
        value = config.get(key, allowed[0])
        holds = any(type(value) is type(one) and value == one for one in allowed)
        yield checks.line(f"{key} in {CONFIG}", value, value if holds else allowed[0], holds, EXACT)
    mapping = config.get("auto_mapping")
    strange = mapping and str(mapping.get("parent_library", "")).partition(".")[0] not in ("transformers", "unsloth")
    yield checks.equal(f"auto_mapping in {CONFIG}", mapping if strange else "a class of transformers or none",
                       "a class of transformers or none")  # fmt: skip
    others = {key: value for key, value in config.items() if key not in (*SET, *BY_RECORD)}
    changed = [f"{key} = {value}" for key, value in others.items() if not is_neutral(value, INERT.get(key))]
    yield checks.equal(f"other keys of {CONFIG}", ", ".join(changed) or "as PEFT has them", "as PEFT has them",
                       "training sets none of them" if changed else None)  # fmt: skip


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys stand once each. Raises ValueError: readers differ in which of two they take."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one JSON object")
    return found


def is_neutral(value: Any, default: Any) -> bool:
    """Whether a key says no more than its being left out would."""
    return value in (None, False, {}, [], "") or (type(value) is type(default) and value == default)


def of_tensors(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The two factors of each adapted layer, of the record's rank, in layers that the record names, all numbers finite."""
    lora, file = state.training.lora, state.folder / WEIGHTS
    header, start = read_header(file)
    factors: dict[str, dict[str, list[int]]] = defaultdict(dict)
    strange = []
    for name, tensor in header.items():
        layer, dot, factor = name.removesuffix(".weight").rpartition(".lora_")
        if not dot or factor not in ("A", "B") or len(tensor["shape"]) != 2:
            strange.append(name)
        else:
            factors[layer][factor] = tensor["shape"]
    yield checks.equal("tensors that are no factor of an update", ", ".join(strange) or "none", "none")
    odd = [layer for layer, shapes in factors.items()
           if shapes.keys() != {"A", "B"} or shapes["A"][0] != lora.r or shapes["B"][1] != lora.r]  # fmt: skip
    yield checks.equal(f"layers without two factors of rank {lora.r}", ", ".join(odd) or "none", "none")
    ends = {name: sum(is_named(layer, name) for layer in factors) for name in lora.target_modules}
    outside = [layer for layer in factors if not any(is_named(layer, name) for name in lora.target_modules)]
    yield checks.equal("layers that the record does not name", ", ".join(outside) or "none", "none")
    missing = [name for name, count in ends.items() if not count]
    yield checks.equal("named layers without tensors", ", ".join(missing) or "none", "none")
    wrong = [name for name, tensor in header.items() if not is_finite(file, tensor, start)]
    yield checks.equal("tensors with numbers that are not finite", ", ".join(wrong) or "none", "none")


def is_named(layer: str, name: str) -> bool:
    """Whether a layer is one that a recipe calls by this name."""
    return layer == name or layer.endswith(f".{name}")


def read_header(file: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """Type, shape and place of each tensor of a safetensors file, and where their bytes begin. Raises ValueError."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > LONGEST_HEADER:
            raise ValueError(f"{file.name} has a header of {length:,} bytes: it is no safetensors file")
        header = json.loads(stream.read(length), object_pairs_hook=once)
    header.pop("__metadata__", None)
    end = 0
    for name, tensor in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = tensor["data_offsets"]
        if first != end or last < first or tensor["dtype"] not in FINITE:
            raise ValueError(
                f"{file.name}: the tensor {name} does not lie where it should, or has another type of numbers"
            )
        if last - first != prod(tensor["shape"]) * int(FINITE[tensor["dtype"]][0][-1]):
            raise ValueError(f"{file.name}: the tensor {name} has not as many numbers as its shape says")
        end = last
    if file.stat().st_size != 8 + length + end:
        raise ValueError(f"{file.name} is not as long as its header says")
    return header, 8 + length


def is_finite(file: Path, tensor: dict[str, Any], start: int) -> bool:
    """Whether a tensor holds no NaN and no infinity, read in pieces."""
    import numpy as np

    kind, bits = FINITE[tensor["dtype"]]
    numbers = (
        np.memmap(file, kind, "r", start + tensor["data_offsets"][0], (prod(tensor["shape"]),))
        if prod(tensor["shape"])
        else ()
    )
    return not any(
        bool(np.any((numbers[place : place + PIECE] & bits) == bits)) for place in range(0, len(numbers), PIECE)
    )
