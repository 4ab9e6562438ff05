"""Checks of a model repo's files before a library loads them; messages name the damaged file."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from titlecraft.errors import UserError
from titlecraft.hub.errors import first_line, hub_errors
from titlecraft.hub.pins import download
from titlecraft.process.out_of_memory import is_out_of_memory
from titlecraft.records import Pin
from titlecraft.records.repo_files import ADAPTER_CONFIG, MODEL_CONFIG

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")  # the names that transformers looks for
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
)
TOKENIZER_FILES = [
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.jinja",
    "*.model",
    MODEL_CONFIG,
]
HEAD = 1 << 16  # bytes that are fetched at a time of a file's head; a 70B Llama's header has 90,000
MOST_HEADER = 100_000_000  # bytes; safetensors' own limit
ANOTHER = "set another base.repo"


def files_of(pinned: Pin) -> list[str]:
    """Return the paths of the files of a pinned repo."""
    with hub_errors(f"looking into {pinned}", pinned.repo, pinned.type):
        return HfApi().list_repo_files(pinned.repo, repo_type=pinned.type, revision=pinned.revision)


def require_transformers_repo(base: Pin, files: list[str]) -> None:
    """Raise UserError if a repo is not a transformers model, but an adapter, GGUF files or empty."""
    if ADAPTER_CONFIG in files:  # transformers would load the base that the adapter names, at any revision
        config = read_object(download(base, [ADAPTER_CONFIG]) / ADAPTER_CONFIG, base)
        named = config.get("base_model_name_or_path")
        raise UserError(
            f"{base} is an adapter, not a base model: set base.repo to what it was trained on"
            + (f" ({named})" if isinstance(named, str) and named else "")
        )
    if MODEL_CONFIG in files:
        return
    if any(name.endswith(".gguf") for name in files):
        raise UserError(
            f"{base} holds GGUF files, which can be asked but not trained: expected config.json, safetensors and a "
            "tokenizer; set base.repo to the model that they were converted from"
        )
    raise UserError(f"{base} has no config.json: expected a transformers model; {ANOTHER}")


def require_weights(base: Pin, files: list[str]) -> None:
    """Raise UserError if a repo has no safetensors weights. Loading pickles (.bin) can run code."""
    if any(name in files for name in WEIGHTS):
        return
    pickles = [name for name in files if name.endswith(PICKLES)]
    problem = (
        f"its weights are pickles ({pickles[0]}), which can run code when they are loaded" if pickles else "no weights"
    )
    raise UserError(f"{base} has no safetensors: {problem}; {ANOTHER}, or a base.revision that has them")


def require_tokenizer(base: Pin, files: list[str]) -> None:
    """Raise UserError if a repo has no tokenizer; transformers would create an empty one."""
    if not any(name in TOKENIZERS or name.endswith(".tiktoken") for name in files):
        raise UserError(f"{base} has no tokenizer ({TOKENIZERS[0]} or {TOKENIZERS[1]}): {ANOTHER}")


def read_object(file: Path, pinned: Pin) -> dict[str, Any]:
    """Return the JSON object in a file of a pinned repo. Raises UserError, which names the file, for anything else."""
    raw = file.read_bytes()
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        reason = f"it has {len(raw):,} bytes and is no JSON ({first_line(error)})" if raw else "it is empty"
        raise UserError(
            f"{file.name} of {pinned} is damaged: {reason}; upload it again, or take another revision"
        ) from error
    if not isinstance(value, dict):
        raise UserError(
            f"{file.name} of {pinned} is damaged: it holds a {type(value).__name__}, expected a JSON object"
        )
    return value


def require_whole(folder: Path, pinned: Pin, files: list[str]) -> None:
    """Raise UserError for the first of these downloaded files that is truncated or of another format."""
    for name in files:
        file = folder / name
        if not file.is_file():
            continue
        if name.endswith(".json"):
            read_object(file, pinned)
        elif name.endswith((".jinja", ".txt")):
            try:
                file.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise UserError(f"{name} of {pinned} is damaged: {first_line(error)}; upload it again") from error
        elif name.endswith(".safetensors"):
            require_whole_tensors(file, pinned)


def require_whole_tensors(file: Path, pinned: Pin) -> None:
    """Raise UserError if a safetensors file has no readable header, or its size differs from the header's."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np"):
            pass
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(
            f"{file.name} of {pinned} is damaged: {file.stat().st_size:,} bytes that are no safetensors file "
            f"({first_line(error)}); upload it again, or take another revision"
        ) from error


def require_whole_weights(folder: Path, base: Pin, files: list[str]) -> None:
    """Check the downloaded weights of a base as `require_whole_tensors` does."""
    for name in weight_files(folder, base, files):
        require_whole_tensors(folder / name, base)


def require_whole_headers(base: Pin, files: list[str]) -> None:
    """Check the weights of a base on the Hub from their headers, a few kilobytes per file."""
    folder = download(base, [WEIGHTS[1]])
    for name in weight_files(folder, base, files):
        with hub_errors(f"reading the head of {name} of {base}", base.repo, base.type), open_remote(base, name) as file:
            fault = header_fault(file, file.seek(0, os.SEEK_END))
        if fault:
            raise UserError(
                f"{name} of {base} is damaged: no safetensors file ({fault}); upload it again, or take another revision"
            )


def open_remote(pinned: Pin, name: str) -> Any:
    """Open a file on the Hub; only the bytes that are read are fetched."""
    from huggingface_hub import HfFileSystem

    path = f"{pinned.repo}@{pinned.revision}/{name}"
    return HfFileSystem(skip_instance_cache=True).open(path, block_size=HEAD, cache_type="readahead")


def header_fault(file: Any, size: int) -> str | None:
    """Return what is wrong with the header of a safetensors file of `size` bytes, or None.

    The first eight bytes hold the length of the JSON header, which lists the offsets of all tensors
    (https://github.com/huggingface/safetensors, "Format").
    """
    file.seek(0)
    length = int.from_bytes(file.read(8), "little") if size >= 8 else 0
    if not 2 <= length <= min(size - 8, MOST_HEADER):
        return f"{size:,} bytes, and a header of {length:,}"
    try:
        tensors = {name: entry for name, entry in json.loads(file.read(length)).items() if name != "__metadata__"}
        end = max((int(entry["data_offsets"][1]) for entry in tensors.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        return f"its header is damaged: {one_line(error)}"
    return None if 8 + length + end == size else f"{size:,} bytes, and its header counts {8 + length + end:,}"


def weight_files(folder: Path, base: Pin, files: list[str]) -> list[str]:
    """Return the names of a base's weight files. Raises UserError if a file of the index is missing."""
    if WEIGHTS[0] in files:
        return [WEIGHTS[0]]
    index = read_object(folder / WEIGHTS[1], base).get("weight_map")
    if not isinstance(index, dict) or not index or not all(isinstance(name, str) for name in index.values()):
        raise UserError(f"{WEIGHTS[1]} of {base} is damaged: its weight_map names no files")
    for name in sorted(set(index.values())):
        if name not in files:
            raise UserError(f"{base} has no {name}, which its {WEIGHTS[1]} names: upload it, or take another revision")
    return sorted(set(index.values()))


@contextmanager
def loading(pinned: Pin, what: str, fix: str = ANOTHER) -> Iterator[None]:
    """Turn exceptions of a library that loads a repo into a UserError of one line.

    Args:
        what: "a tokenizer", "a causal language model".
        fix: what to do.
    """
    try:
        with hub_errors(f"loading {pinned}", pinned.repo, pinned.type):
            try:
                yield
            except (UserError, MemoryError):
                raise
            # Files of the repo raise these here: the Hub's answers were parsed before.
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                raise UserError(f"{pinned} cannot be loaded as {what}: {one_line(error)}; {fix}") from error
    except (UserError, MemoryError):
        raise
    except Exception as error:
        if is_out_of_memory(error):  # the caller explains it, who knows the settings
            raise
        raise UserError(f"{pinned} cannot be loaded as {what}: {one_line(error)}; {fix}") from error


def one_line(error: BaseException) -> str:
    """Return an exception's message in one line, with its type if the message alone is unclear (a KeyError's is a key)."""
    line, *more = [line.strip() for line in str(error).strip().splitlines() if line.strip()] or [""]
    if line.endswith(":") and more:  # a heading, such as torch's over the tensors that do not fit
        line = f"{line} {more[0]}"
    return line if " " in line.strip("'\"") else f"{type(error).__name__} {line}"
