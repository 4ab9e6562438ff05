"""Tensors of an adapter, read from the file's bytes: non-finite numbers of every type are counted."""

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from titlecraft.errors import UserError
from titlecraft.models.adapter.weights import Tensor, read_tensors, require_finite, tensors_of

NAME = "base_model.model.layers.0.q_proj.lora_B.weight"
TYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16, torch.float8_e5m2, torch.float8_e4m3fn]


def found(weight: torch.Tensor) -> Tensor:
    """The summary of a tensor."""
    [tensor] = tensors_of(save({NAME: weight}), "the file")
    return tensor


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_numbers_that_are_not_finite_are_counted_in_every_type(dtype: torch.dtype) -> None:
    large = torch.finfo(dtype).max
    values = torch.tensor([1.5, -0.25, large, -large, torch.finfo(dtype).tiny, 0.0], dtype=torch.float64)
    assert found(values.to(dtype)) == Tensor(NAME, 0, False)
    broken = torch.tensor([1.0, float("nan"), 2.0, -float("nan")]).to(dtype)
    assert found(broken).broken == 2
    if dtype != torch.float8_e4m3fn:  # which has no infinities
        assert found(torch.tensor([float("inf"), 1.0, -float("inf")]).to(dtype)).broken == 2


@pytest.mark.parametrize("dtype", [*TYPES, torch.int8, torch.bool], ids=str)
def test_negative_zeros_are_zeros(dtype: torch.dtype) -> None:
    assert found(torch.tensor([0.0, -0.0]).to(dtype)) == Tensor(NAME, 0, True)
    assert not found(torch.tensor([0.0, 1.0]).to(dtype)).zero
    assert found(torch.zeros(0, 4, dtype=dtype)) == Tensor(NAME, 0, True)


def test_a_file_with_non_finite_numbers_is_refused(tmp_path: Path) -> None:
    weights = {f"{NAME}.{number}": torch.ones(300, 40) for number in range(3)}
    weights[f"{NAME}.1"][299, 39] = float("-inf")
    save_file(weights, file := tmp_path / "adapter_model.safetensors", metadata={"format": "pt"})
    assert {tensor.name: tensor.broken for tensor in read_tensors(file)} == {
        f"{NAME}.0": 0,
        f"{NAME}.1": 1,
        f"{NAME}.2": 0,
    }
    with pytest.raises(UserError) as refused:
        require_finite(file, "ns/name cannot be used", "train it anew")
    assert str(refused.value) == (
        "ns/name cannot be used: adapter_model.safetensors holds numbers that are not finite (nan or infinity) in 1 of 3 tensors, "
        f"such as {NAME}.1: the training that made it went wrong; train it anew"
    )


def header(entry: object, name: str = NAME) -> bytes:
    """A safetensors file with this entry and eight bytes of data."""
    text = json.dumps({name: entry}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(8)


GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"short",
        bytes(7),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 5) + b"{",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"\xff\xfe{}",
        struct.pack("<Q", 60_000) + b"[" * 60_000,
        header(3),
        header(GOOD | {"dtype": "F31"}),
        header(GOOD | {"shape": [3]}),
        header(GOOD | {"data_offsets": [0, 12], "shape": [3]}),
        header(GOOD | {"data_offsets": [-8, 0]}),
        header(GOOD | {"data_offsets": ["0", "8"]}),
        header({"dtype": "F32", "shape": [2]}),
        header(GOOD)[:-1],
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
    ],
)
def test_malformed_files_are_refused_in_one_line(raw: bytes) -> None:
    assert [tensor.broken for tensor in tensors_of(header(GOOD), "the file")] == [0]
    with pytest.raises(UserError, match=r"^the file( is no safetensors file|: the tensor )") as refused:
        list(tensors_of(raw, "the file"))
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no safetensors file"):
        read_tensors(tmp_path / "adapter_model.safetensors")
