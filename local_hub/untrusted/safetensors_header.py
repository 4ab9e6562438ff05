"""The header of a safetensors file: 8 bytes of length, then a JSON object with dtype and shape of each tensor."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import IO, Any

from local_hub.untrusted.data import BadData, read_json_object

_MAX_HEADER_BYTES = 10 * 2**20
_MAX_DIMENSIONS = 32
_MAX_SIZE = 2**63 - 1


@dataclass(frozen=True)
class Tensor:
    """One tensor; `parameters` is its number of elements."""

    name: str
    dtype: str
    shape: list[int]
    parameters: int


def read_header(file: IO[bytes]) -> list[Tensor]:
    """The tensors of an open safetensors file, in the header's order. Raises BadData."""
    beginning = file.read(8)
    length = int.from_bytes(beginning, "little")
    if len(beginning) < 8 or length > _MAX_HEADER_BYTES:
        raise BadData(f"it does not begin with the length of a header of at most {_MAX_HEADER_BYTES:,} bytes")
    return list(_tensors(read_json_object(file.read(length))))


def _tensors(header: dict[str, Any]) -> Iterator[Tensor]:
    for name, facts in header.items():
        if name == "__metadata__":
            continue
        dtype, shape = (facts.get("dtype"), facts.get("shape")) if isinstance(facts, dict) else (None, None)
        if not isinstance(dtype, str) or not isinstance(shape, list) or not _is_shape(shape):
            raise BadData(f"its tensor {name[:80]!r} has no valid dtype and shape")
        parameters = prod(shape)
        if parameters > _MAX_SIZE:
            raise BadData(f"its tensor {name[:80]!r} is larger than any file")
        yield Tensor(name, dtype, shape, parameters)


def _is_shape(shape: list[Any]) -> bool:
    return len(shape) <= _MAX_DIMENSIONS and all(type(size) is int and 0 <= size <= _MAX_SIZE for size in shape)
