"""Tokenise rows into token ids and labels. Labels are the answer's tokens and EOS; prompt tokens have the label -100.

A split is tokenised once, on all cores, and cached on disk beside the dataset's own cache, under a key made of everything
that the token ids depend on. Later runs read the cache.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
from datasets import Dataset
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from titlecraft import prompt as prompt_module
from titlecraft.errors import UserError
from titlecraft.process.machine import usable_cores
from titlecraft.prompt import PromptFormat, encode_completions, encode_prompts
from titlecraft.records import Pin, digest, file_sha256
from titlecraft.settings import Lora
from training.data.inputs import COLUMNS
from training.data.long_answers import fit, no_row_fits

IGNORED = -100
ROWS_PER_PROCESS = 10_000  # a process tokenises these in three seconds, and takes one second to start
CORES_FOR_PROCESSES = 4  # with two cores, the tokenizer's own threads are faster (benchmarks/tokenisation.py)
TOKENS = pa.list_(pa.int32())
SCHEMA = pa.schema(
    {
        "input_ids": TOKENS,
        "labels": TOKENS,
        "row": pa.int32(),
        "truncated": pa.bool_(),
        "length": pa.int32(),
        "completion": pa.int32(),
    }
)


@dataclass(frozen=True)
class Examples:
    """The tokenised examples of a split. The arrays are int32, with one number per example.

    Args:
        dataset: columns input_ids and labels, int32 lists of equal length.
        rows: index of the example's row in the split.
        truncated: number of answers that were truncated to fit.
        left_out: number of rows without an example, because they exceed the maximum length.
        lengths: tokens of prompt and answer.
        completion_tokens: tokens with a label.
    """

    dataset: Dataset
    rows: np.ndarray
    truncated: int
    left_out: int
    lengths: np.ndarray
    completion_tokens: np.ndarray


@dataclass(frozen=True)
class Encoded:
    """The tokenised training split, before the base's weights are loaded.

    Args:
        split: the published rows.
        config: the base's transformers config.
        longest: maximum tokens of an example or a packed row.
        examples: the tokenised rows.
        held_out: (prompt, answer) token ids of random rows of the validation split.
        quantization: how the base will be loaded.
        lora: the recipe's adapter, with the names of its layers; None leaves the recipe's.
    """

    split: Dataset
    config: PretrainedConfig
    longest: int
    examples: Examples
    held_out: list[tuple[list[int], list[int]]] = field(default_factory=list)
    quantization: str = "nf4"
    lora: Lora | None = None

    def widest(self, packing: bool) -> int:
        """Tokens of the longest item: the maximum for packed rows, else the length of the longest example."""
        return self.longest if packing else int(self.examples.lengths.max())


def encode_rows(
    rows: pa.Table,
    indices: list[int],
    tokenizer: PreTrainedTokenizerBase,
    prompt: PromptFormat,
    max_length: int,
    long_answers: str,
) -> pa.Table:
    """Tokenise Alpaca rows into a table of SCHEMA, without rows that leave no room for an answer.

    `indices` are the rows' indices in the split; `long_answers` is the setting of this name.
    """
    columns = (rows[name].to_pylist() for name in COLUMNS)
    instructions, inputs, outputs = columns
    texts = [prompt.render(instruction, input) for instruction, input in zip(instructions, inputs, strict=True)]
    questions, answers = encode_prompts(tokenizer, texts, prompt), encode_completions(tokenizer, outputs)
    pairs = [
        fit(question, answer, max_length, long_answers) for question, answer in zip(questions, answers, strict=True)
    ]
    kept = [index for index, fitted in enumerate(pairs) if fitted]
    question_length = np.array([len(questions[index]) for index in kept], dtype=np.int32)
    answer_length = np.array([len(answers[index]) for index in kept], dtype=np.int32)
    completion = np.minimum(answer_length, max_length - question_length)
    pieces = ((questions[index], pairs[index]) for index in kept)
    length = question_length + completion
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int32)
    tokens = flat(chain.from_iterable(pieces), int(offsets[-1]))
    is_prompt = np.arange(len(tokens), dtype=np.int32) < np.repeat(offsets[:-1] + question_length, length)
    labels = np.where(is_prompt, np.int32(IGNORED), tokens)
    row = np.array(indices, dtype=np.int32)[kept]
    lists = [pa.ListArray.from_arrays(offsets, pa.array(values)) for values in (tokens, labels)]
    return pa.table([*lists, row, completion < answer_length, length, completion], schema=SCHEMA)


def flat(lists: Iterable[list[int]], count: int) -> np.ndarray:
    """Concatenate lists of `count` numbers in total into one int32 array."""
    return np.fromiter(chain.from_iterable(lists), dtype=np.int32, count=count)


def useful_processes(rows: int, cores: int | None = None) -> int:
    """Number of processes to tokenise with: one per core with enough cores and rows, else one with a multi-threaded tokenizer.

    A tenth of the work is Python's: threads leave it to one core, processes share it.
    """
    cores = cores or usable_cores()
    return max(1, min(cores, rows // ROWS_PER_PROCESS)) if cores >= CORES_FOR_PROCESSES else 1


@contextmanager
def tokenizer_threads() -> Iterator[None]:
    """Let fast tokenizers use threads within the body. Elsewhere they must not: a fork after using them may deadlock."""
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    try:
        yield
    finally:
        os.environ["TOKENIZERS_PARALLELISM"] = before or "false"


def encoding_key(
    split: Dataset, dataset: Pin, base: Pin, prompt: PromptFormat, max_length: int, long_answers: str = "drop"
) -> str:
    """Cache key of a tokenised split: a digest of everything that its token ids depend on, including this code.

    `base` pins the tokenizer, which is in the same repo.
    """
    code = [file_sha256(Path(file)) for file in (__file__, prompt_module.__file__)]
    libraries = [version("tokenizers"), version("transformers")]
    inputs = {
        "dataset": dataset,
        "split": str(split.split),
        "rows": len(split),
        "tokenizer": base,
        "prompt": [prompt.format, prompt.template, prompt.stop],
        "length": max_length,
        "long_answers": long_answers,
        "code": code,
        "libraries": libraries,
    }
    return digest(inputs)[:32]


def is_encoded(split: Dataset, key: str) -> bool:
    """Whether the cache holds all files of this key."""
    if not split.cache_files:
        return False
    parts = list(Path(split.cache_files[0]["filename"]).parent.glob(f"cache-{key}*.arrow"))
    # cache-KEY.arrow, or cache-KEY_00000_of_00002.arrow and cache-KEY_00001_of_00002.arrow
    return any(part.stem == f"cache-{key}" or len(parts) >= int(part.stem.rpartition("_of_")[2]) for part in parts)


def wait_until_encoded(split: Dataset, key: str) -> None:
    """Wait until the first process of this machine has tokenised the split."""
    while not is_encoded(split, key):
        time.sleep(0.5)


def encode_split(
    split: Dataset,
    tokenizer: PreTrainedTokenizerBase,
    prompt: PromptFormat,
    max_length: int,
    long_answers: str = "drop",
    *,
    dataset: Pin | None = None,
    base: Pin | None = None,
    processes: int | None = None,
) -> Examples:
    """Tokenise a split with a progress bar, or read it from the cache. Raises UserError if no row fits.

    Args:
        dataset: pin of the dataset, if `split` is its whole split. With this and `base`, later runs find the cache.
        base: pin of the repo with the tokenizer.
        processes: None takes `useful_processes`.
    """
    encode_completions(tokenizer, [""])  # raises for a tokenizer without EOS, before processes start
    count = processes or useful_processes(len(split))
    with tokenizer_threads() if count == 1 else nullcontext():
        encoded = split.with_format("arrow").map(
            encode_rows,
            batched=True,
            with_indices=True,
            remove_columns=split.column_names,
            fn_kwargs={
                "tokenizer": tokenizer,
                "prompt": prompt,
                "max_length": max_length,
                "long_answers": long_answers,
            },
            num_proc=count if count > 1 else None,
            new_fingerprint=(
                encoding_key(split, dataset, base, prompt, max_length, long_answers) if dataset and base else None
            ),
            desc="encoding the training split",
        )
    if not len(encoded):
        raise UserError(no_row_fits(max_length, long_answers))
    numbers = {name: encoded.data.column(name).to_numpy() for name in ("row", "truncated", "length", "completion")}
    return Examples(
        dataset=encoded.with_format(None).select_columns(["input_ids", "labels"]),
        rows=numbers["row"],
        truncated=int(numbers["truncated"].sum()),
        left_out=len(split) - len(encoded),
        lengths=numbers["length"],
        completion_tokens=numbers["completion"],
    )
