"""A command starts sooner, and computes the same."""

import subprocess
import sys
from types import ModuleType

import pytest
import torch

from tests import ROOT
from tests.warm import PYTHON
from titlecraft.process.start_up import run_with_late_compile

pytestmark = pytest.mark.slow

QUANTISE = """
import hashlib
import torch
import bitsandbytes.functional as bitsandbytes

torch.manual_seed(0)
weights = torch.randn(64, 64)
four, state = bitsandbytes.quantize_4bit(weights, quant_type="nf4")
eight, scales = bitsandbytes.quantize_blockwise(weights)
found = [four, bitsandbytes.dequantize_4bit(four, state), eight, bitsandbytes.dequantize_blockwise(eight, scales)]
print(hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in found)).hexdigest())
"""
SOONER = f"""
import sys
from titlecraft.process.start_up import start_sooner
start_sooner()
{QUANTISE}
assert "torch._inductor.compile_fx" not in sys.modules, "bitsandbytes has imported the compiler"
"""


def output_of(python: str, code: str) -> str:
    done = subprocess.run([python, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bitsandbytes_quantises_as_before_without_importing_the_compiler() -> None:
    assert output_of(sys.executable, SOONER) == output_of(PYTHON, QUANTISE)


def test_a_function_is_compiled_once_when_it_is_called() -> None:
    compiled: list[object] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        compiled.append(graph)
        return graph.forward

    def run(module: ModuleType) -> None:
        vars(module)["double"] = torch.compile(lambda numbers: 2 * numbers, backend=backend, dynamic=False)

    compile_now = torch.compile
    module = ModuleType("module")
    run_with_late_compile(run, module)
    assert torch.compile is compile_now
    assert not compiled
    assert [module.double(torch.ones(3)).sum().item() for _ in range(2)] == [6, 6]
    assert len(compiled) == 1
