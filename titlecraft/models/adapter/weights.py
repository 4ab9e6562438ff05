"""Reading the tensors of a published adapter without torch, and checking that they are finite.

The format is safetensors: eight bytes with the length of a JSON header, the header, then the data of all tensors.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from titlecraft.errors import UserError

# type -> bytes of an element, and the exponent bits, which are all set only in infinities and NaNs
FLOATS = {"F64": (8, 0x7FF << 52), "F32": (4, 0xFF << 23), "BF16": (2, 0xFF << 7), "F16": (2, 0x1F << 10),
          "F8_E5M2": (1, 0x1F << 2), "F8_E4M3": (1, 0x7F)}  # fmt: skip
INTEGERS = {"I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}


@dataclass(frozen=True)
class Tensor:
    """A tensor's name, its number of non-finite elements, and whether all elements are zero."""

    name: str
    broken: int
    zero: bool


def tensors_of(raw: Any, where: str) -> Iterator[Tensor]:
    """Yield the tensors in the bytes of a safetensors file, in header order. Raises UserError for a malformed file.

    Args:
        raw: bytes, or an array of uint8.
        where: names the file in the error.
    """
    data = np.frombuffer(raw, dtype=np.uint8) if isinstance(raw, bytes) else raw
    start = 8 + int.from_bytes(data[:8].tobytes(), "little")
    if len(data) < 8 or start > len(data):
        raise UserError(f"{where} is no safetensors file, or is cut: expected the tensors of a PEFT adapter")
    try:
        header = json.loads(data[8:start].tobytes())
        listed = {
            name: (entry["dtype"], entry["shape"], *entry["data_offsets"])
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f"{where} is no safetensors file: its header cannot be read") from error
    for name, (dtype, shape, begin, end) in listed.items():
        width = FLOATS.get(dtype, (INTEGERS.get(dtype), None))[0]
        complete = width and isinstance(begin, int) and isinstance(end, int) and end - begin == width * prod(shape)
        if not complete or begin < 0 or start + end > len(data):
            raise UserError(
                f"{where}: the tensor {name[:200]} is of type {dtype} or of a size that its bytes do not have"
            )
        yield summarise(name, data[start + begin : start + end], dtype)


def summarise(name: str, data: np.ndarray, dtype: str) -> Tensor:
    """Return the summary of a tensor from its bytes, an array of uint8."""
    if dtype not in FLOATS:
        return Tensor(name, 0, not data.any())
    width, bits = FLOATS[dtype]
    values = np.frombuffer(data.tobytes(), dtype=f"<u{width}")
    sign = values.dtype.type(1 << (8 * width - 1))
    broken = int(((values & values.dtype.type(bits)) == bits).sum())
    return Tensor(name, broken, not (values & ~sign).any())


def read_tensors(file: Path) -> list[Tensor]:
    """Return the tensors of a safetensors file. Raises UserError if it is missing or malformed."""
    if not file.is_file() or file.stat().st_size < 8:
        raise UserError(f"{file} is no safetensors file: expected the tensors of a PEFT adapter")
    return list(tensors_of(np.memmap(file, dtype=np.uint8, mode="r"), str(file)))


def require_finite(file: Path, what: str, fix: str) -> list[Tensor]:
    """Return the tensors of an adapter. Raises UserError, with `what` and `fix`, if an element is not finite."""
    tensors = read_tensors(file)
    if broken := [tensor for tensor in tensors if tensor.broken]:
        raise UserError(
            f"{what}: {file.name} holds numbers that are not finite (nan or infinity) in {len(broken)} of {len(tensors)} tensors, "
            f"such as {broken[0].name[:200]}: the training that made it went wrong; {fix}"
        )
    return tensors
