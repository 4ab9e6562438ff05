"""torch's out-of-memory error becomes a UserError; other errors pass."""

import pytest
import torch

from titlecraft.errors import UserError
from titlecraft.process.out_of_memory import explain_out_of_memory


def test_out_of_memory_is_explained() -> None:
    message = r"^too large \(CUDA out of memory\.\): set less$"
    with pytest.raises(UserError, match=message), explain_out_of_memory("too large ({error}): set less"):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2 GiB")


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="of shapes"), explain_out_of_memory("too large"):
        raise RuntimeError("of shapes")
