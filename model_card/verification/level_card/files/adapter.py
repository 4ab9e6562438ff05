"""Level card, adapter: compares every key of adapter_config.json with the training record, and the tensors with both.

PEFT reads some forty keys, and most of them change the adapter's output: another scale for one layer, another formula, a
layer left out. Training sets a few from the record. All others must have PEFT's defaults.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.records.repo_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS

# key -> the values that training may write, whatever the recipe
SET = {
    "peft_type": ("LORA",),
    "task_type": ("CAUSAL_LM",),
    "inference_mode": (True, False),
    "bias": ("none",),
    "init_lora_weights": (True,),
    "fan_in_fan_out": (False,),
}
# GPT-2's layers store transposed weights: PEFT sets fan_in_fan_out for them
TRANSPOSED = {"c_attn", "c_proj", "c_fc", "q_attn"}
# keys whose values are in the training record
BY_RECORD = (
    "r",
    "lora_alpha",
    "lora_dropout",
    "target_modules",
    "base_model_name_or_path",
    "revision",
    "peft_version",
    "auto_mapping",
)
INERT = {"megatron_core": "megatron.core", "qalora_group_size": 16}  # PEFT's defaults that are neither null nor off
# dtype -> integer type of the same width, and the exponent bits, which are all 1 in NaN and infinity
FINITE = {"F32": ("<u4", 0x7F800000), "F16": ("<u2", 0x7C00), "BF16": ("<u2", 0x7F80)}
MAX_HEADER = 100 << 20  # bytes; the limit of the safetensors library
CHUNK = 1 << 24  # numbers that are read at once


def verify_adapter(state: RepoState) -> list[Line]:
    """Lines about the config's keys, then about the tensors."""
    checks = Checks("card", "adapter")
    return checks.gather(check_config(checks, state)) + checks.gather(check_tensors(checks, state))


def check_config(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each key that training sets, and one for all other keys."""
    config = json.loads(state.require(ADAPTER_CONFIG), object_pairs_hook=without_duplicates)
    # PEFT overrides fan_in_fan_out by the class of the layer, so either value has the same effect
    lora = state.training.lora
    kind = {"use_rslora": (lora.variant == "rslora",), "use_dora": (lora.variant == "dora",)}
    either = {"fan_in_fan_out": (False, True)} if TRANSPOSED & set(lora.target_modules or []) else {}
    for key, allowed in (SET | kind | either).items():
        value = config.get(key, False if key in kind else allowed[0])
        holds = any(type(value) is type(expected_value) and value == expected_value for expected_value in allowed)
        yield checks.line(f"{key} in {ADAPTER_CONFIG}", value, value if holds else allowed[0], holds, EXACT)
    mapping, expected = config.get("auto_mapping"), "a class of transformers or none"
    library = str(mapping.get("parent_library", "")).partition(".")[0] if mapping else "transformers"
    is_known = library in ("transformers", "unsloth")
    yield checks.equal(f"auto_mapping in {ADAPTER_CONFIG}", expected if is_known else mapping, expected)
    other_keys = {key: value for key, value in config.items() if key not in (*SET, *kind, *BY_RECORD)}
    changed = [f"{key} = {value}" for key, value in other_keys.items() if not is_default(value, INERT.get(key))]
    yield checks.equal(
        f"other keys of {ADAPTER_CONFIG}",
        ", ".join(changed) or "as PEFT has them",
        "as PEFT has them",
        "training sets none of them" if changed else None,
    )


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object from its pairs. Raises ValueError for a duplicate key: parsers differ in which value they take."""
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a key stands twice in one JSON object")
    return mapping


def is_default(value: Any, default: Any) -> bool:
    """Whether a key has the same effect as if it were missing."""
    return value in (None, False, {}, [], "") or (type(value) is type(default) and value == default)


def check_tensors(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Each adapted layer has two factors of the record's rank, the record names the layer, and all numbers are finite."""
    lora, file = state.training.lora, state.folder / ADAPTER_WEIGHTS
    header, start = read_header(file)
    factors: dict[str, dict[str, list[int]]] = defaultdict(dict)
    magnitudes: dict[str, list[int]] = {}
    not_factors = []
    for name, tensor in header.items():
        layer, dot, factor = name.removesuffix(".weight").rpartition(".lora_")
        if lora.variant == "dora" and factor == "magnitude_vector" and len(tensor["shape"]) == 1:
            magnitudes[layer] = tensor["shape"]
        elif not dot or factor not in ("A", "B") or len(tensor["shape"]) != 2:
            not_factors.append(name)
        else:
            factors[layer][factor] = tensor["shape"]
    yield checks.equal("tensors that are no factor of an update", ", ".join(not_factors) or "none", "none")
    rank = lora.published_r
    incomplete = [layer for layer, shapes in factors.items() if not has_rank(shapes, rank)]
    yield checks.equal(f"layers without two factors of rank {rank}", ", ".join(incomplete) or "none", "none")
    if lora.variant == "dora":
        without = [layer for layer, shapes in factors.items() if magnitudes.get(layer) != shapes.get("B", [])[:1]]
        alone = [layer for layer in magnitudes if layer not in factors]
        yield checks.equal("layers without DoRA's magnitudes", ", ".join(without + alone) or "none", "none")
    unnamed = [layer for layer in factors if not any(matches(layer, name) for name in lora.target_modules or [])]
    yield checks.equal("layers that the record does not name", ", ".join(unnamed) or "none", "none")
    missing = [name for name in lora.target_modules or [] if not any(matches(layer, name) for layer in factors)]
    yield checks.equal("named layers without tensors", ", ".join(missing) or "none", "none")
    broken = [name for name, tensor in header.items() if not is_finite(file, tensor, start)]
    yield checks.equal("tensors with numbers that are not finite", ", ".join(broken) or "none", "none")


def has_rank(shapes: dict[str, list[int]], rank: int) -> bool:
    """Whether a layer has both factors, A of shape (rank, inputs) and B of shape (outputs, rank)."""
    return shapes.keys() == {"A", "B"} and shapes["A"][0] == rank and shapes["B"][1] == rank


def matches(layer: str, target_module: str) -> bool:
    """Whether PEFT adapts a layer for this entry of target_modules."""
    return layer == target_module or layer.endswith(f".{target_module}")


def read_header(file: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """The header of a safetensors file and the offset of its data. Raises ValueError if header and data disagree."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > MAX_HEADER:
            raise ValueError(f"{file.name} has a header of {length:,} bytes: it is no safetensors file")
        header = json.loads(stream.read(length), object_pairs_hook=without_duplicates)
    header.pop("__metadata__", None)
    end = 0
    for name, tensor in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = tensor["data_offsets"]
        if first != end or last < first or tensor["dtype"] not in FINITE:
            raise ValueError(f"{file.name}: the tensor {name} has a wrong offset or an unexpected dtype")
        if last - first != prod(tensor["shape"]) * int(FINITE[tensor["dtype"]][0][-1]):
            raise ValueError(f"{file.name}: the size of the tensor {name} does not fit its shape")
        end = last
    if file.stat().st_size != 8 + length + end:
        raise ValueError(f"{file.name} is not as long as its header says")
    return header, 8 + length


def is_finite(file: Path, tensor: dict[str, Any], start: int) -> bool:
    """Whether a tensor has no NaN and no infinity. Reads the file in chunks."""
    dtype, exponent = FINITE[tensor["dtype"]]
    count = prod(tensor["shape"])
    if not count:
        return True
    numbers = np.memmap(file, dtype, "r", start + tensor["data_offsets"][0], (count,))
    chunks = (numbers[first : first + CHUNK] for first in range(0, count, CHUNK))
    return not any(bool(np.any((chunk & exponent) == exponent)) for chunk in chunks)
