"""Measures the NLL of GGUF files with llama.cpp on the titles of the merge check, and compares the prompt of their chat template
with that of the training.
"""

import os
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from tqdm import tqdm

from playground.export.llama_cpp import PACKAGE, has_package
from titlecraft.errors import UserError
from titlecraft.records.export import GgufFile, LlamaCppCheck

BATCH = 512  # tokens of one llama.cpp batch


class CheckedTitle(msgspec.Struct, frozen=True):
    """A held-out title with the token ids of its prompt, BOS included, and of its reference with EOS."""

    title: str
    prompt: list[int]
    reference: list[int]


def measure(
    folder: Path, files: Sequence[GgufFile], titles: Sequence[CheckedTitle], *, chat: bool
) -> tuple[list[GgufFile], LlamaCppCheck | None]:
    """Return the files with their NLL, and the check. Without llama-cpp-python: the unchanged files and None.

    Args:
        chat: whether the files have a chat template to check.

    Raises UserError if a file cannot be loaded, or if its chat template renders most prompts differently from the training.
    """
    if not has_package():
        print(f"the loss of the GGUF files is not measured: `pip install {PACKAGE}` measures it")
        return list(files), None
    measured, same = [], 0
    for file in files:
        model = load(folder / file.path, max(len(one.prompt) + len(one.reference) for one in titles))
        bar = tqdm(titles, desc=f"NLL of the references, {file.type} by llama.cpp", unit="title")
        nll = [reference_nll(model, one) for one in bar]
        if chat and not measured:
            same = sum(chat_tokens(model, one.title) == one.prompt for one in titles)
        measured.append(msgspec.structs.replace(file, nll=float(np.mean(nll))))
        model.close()
    if chat and 2 * same < len(titles):
        raise UserError(
            f"{files[0].path} renders the prompt of the training for {same} of {len(titles)} titles only: it would be asked in "
            "another way than it was trained. Please report the base; --to merged is not affected"
        )
    return measured, LlamaCppCheck(
        package=PACKAGE, version=version("llama_cpp_python"), titles=len(titles), same_prompts=same
    )


def load(file: Path, context: int) -> Any:
    """Load a GGUF file with logits of all positions. Raises UserError if llama.cpp cannot."""
    llama_cpp: Any = import_module("llama_cpp")
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)  # more threads than cores are slower
    settings: dict[str, Any] = {
        "n_ctx": context,
        "n_batch": min(BATCH, context),
        "n_threads": threads,
        "n_threads_batch": threads,
    }
    try:
        return llama_cpp.Llama(str(file), n_gpu_layers=-1, logits_all=True, verbose=False, **settings)
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"llama.cpp cannot load {file.name} ({error}): update llama-cpp-python, or llama.cpp"
        ) from error


def reference_nll(model: Any, title: CheckedTitle) -> float:
    """Return the NLL of a reference, given its prompt, in nats per token."""
    model.reset()
    model.eval([*title.prompt, *title.reference])
    first = len(title.prompt) - 1
    logits = np.asarray(model.scores[first : first + len(title.reference)], dtype=np.float64)
    top = logits.max(axis=1)
    log_sum = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return float(np.mean(log_sum - logits[np.arange(len(logits)), title.reference]))


def chat_tokens(model: Any, title: str) -> list[int]:
    """Return the token ids of a title as a chat message, rendered by the file's chat template."""
    formats: Any = import_module("llama_cpp.llama_chat_format")
    ids = {name: int(model.metadata.get(f"tokenizer.ggml.{name}_token_id", -1)) for name in ("bos", "eos")}
    tokens = {name: model._model.token_get_text(number) if number >= 0 else "" for name, number in ids.items()}
    render = formats.Jinja2ChatFormatter(
        model.metadata["tokenizer.chat_template"], eos_token=tokens["eos"], bos_token=tokens["bos"]
    )
    rendered = render(messages=[{"role": "user", "content": title}])
    return model.tokenize(rendered.prompt.encode(), add_bos=not rendered.added_special, special=True)
