"""Rows -> token ids and labels. The label of a token is the token itself in the answer and in EOS, and -100 in the prompt.

1.2 million rows are encoded once: on all cores, into typed columns on disk, in the folder of the dataset's own cache and
under a name made from everything that the token ids depend on. Whoever asks again reads them from there.
"""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from titlecraft import prompt as prompt_module
from titlecraft.errors import UserError
from titlecraft.process.machine import usable_cores
from titlecraft.prompt import PromptFormat, encode_completions, encode_prompts
from titlecraft.records import Pin, digest, file_sha256
from training.data.inputs import COLUMNS

IGNORED = -100
ROWS_PER_PROCESS = 10_000  # what a process encodes in three seconds; it takes one to start
CORES_FOR_PROCESSES = (
    4  # on two, the tokenizer's own threads are quicker (benchmarks/tokenisation.py); on more, not measured
)
TOKENS = pa.list_(pa.int32())
SCHEMA = pa.schema({"input_ids": TOKENS, "labels": TOKENS, "row": pa.int32(), "truncated": pa.bool_(),
                    "length": pa.int32(), "completion": pa.int32()})  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """The training examples of one dataset under one tokenizer. The arrays are int32, one number for each example.

    Args:
        dataset: `datasets.Dataset` with columns input_ids and labels, int32 lists of the same length.
        rows: which row of the split the example was made from.
        truncated: how many answers were cut at the end to fit; those have no EOS.
        left_out: how many rows were left out because the prompt alone fills the length.
        lengths: tokens, prompt and answer together.
        completion_tokens: tokens that have a label.
    """

    dataset: Any
    rows: np.ndarray
    truncated: int
    left_out: int
    lengths: np.ndarray
    completion_tokens: np.ndarray


@dataclass(frozen=True)
class Encoded:
    """The training split as token ids, before the base is loaded.

    Args:
        split: the rows as they were published.
        config: of the base, from transformers.
        longest: most tokens that an example, or a packed row, may have.
        examples: what the rows became.
        held_out: (prompt, answer) token ids of a few rows of the validation split.
        quantization: how the base will be loaded.
    """

    split: Any
    config: Any
    longest: int
    examples: Examples
    held_out: list[tuple[list[int], list[int]]] = field(default_factory=list)
    quantization: str = "nf4"

    def widest(self, packing: bool) -> int:
        """Tokens of the longest item that training meets: packed rows may be full, examples are as they are."""
        return self.longest if packing else int(self.examples.lengths.max())


def encode_rows(rows: pa.Table, places: list[int], tokenizer: Any, prompt: PromptFormat, max_length: int) -> pa.Table:
    """Alpaca rows as SCHEMA; `row` is the place in the split. Rows whose prompt alone fills `max_length` are not there."""
    columns = (rows[name].to_pylist() for name in COLUMNS)
    instructions, inputs, outputs = columns
    texts = [prompt.render(instruction, input) for instruction, input in zip(instructions, inputs, strict=True)]
    questions, answers = encode_prompts(tokenizer, texts), encode_completions(tokenizer, outputs)
    kept = [place for place, question in enumerate(questions) if len(question) < max_length]
    asked = np.array([len(questions[place]) for place in kept], dtype=np.int32)
    whole = np.array([len(answers[place]) for place in kept], dtype=np.int32)
    completion = np.minimum(whole, max_length - asked)
    pieces = ((questions[place], answers[place][: max_length - len(questions[place])]) for place in kept)
    length = asked + completion
    offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int32)
    tokens = flat(chain.from_iterable(pieces), int(offsets[-1]))
    is_prompt = np.arange(len(tokens), dtype=np.int32) < np.repeat(offsets[:-1] + asked, length)
    labels = np.where(is_prompt, np.int32(IGNORED), tokens)
    row = np.array(places, dtype=np.int32)[kept]
    lists = [pa.ListArray.from_arrays(offsets, pa.array(values)) for values in (tokens, labels)]
    return pa.table([*lists, row, completion < whole, length, completion], schema=SCHEMA)


def flat(lists: Iterable[list[int]], count: int) -> np.ndarray:
    """`count` numbers of several lists, one behind the other, as int32."""
    return np.fromiter(chain.from_iterable(lists), dtype=np.int32, count=count)


def useful_processes(rows: int, cores: int | None = None) -> int:
    """One for each core, if there are enough of both cores and rows; else one, whose tokenizer has all the cores.

    Threads of the tokenizer leave a tenth of the work, Python's, to one core; processes share that too.
    """
    cores = cores or usable_cores()
    return max(1, min(cores, rows // ROWS_PER_PROCESS)) if cores >= CORES_FOR_PROCESSES else 1


@contextmanager
def tokenizer_threads() -> Iterator[None]:
    """Let fast tokenizers use all cores; elsewhere they may not, lest processes that are forked later hang or complain."""
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    try:
        yield
    finally:
        os.environ["TOKENIZERS_PARALLELISM"] = before or "false"


def encoding_key(split: Any, dataset: Pin, base: Pin, prompt: PromptFormat, max_length: int) -> str:
    """Name of one encoding of a whole split, from all that its token ids depend on, this code included.

    The base's pin names the tokenizer: it lies in that repo at that commit.
    """
    code = [file_sha256(Path(file)) for file in (__file__, prompt_module.__file__)]
    libraries = [version("tokenizers"), version("transformers")]
    return digest({"dataset": dataset, "split": str(split.split), "rows": len(split), "tokenizer": base,
                   "template": prompt.template, "length": max_length, "code": code, "libraries": libraries})[:32]  # fmt: skip


def is_encoded(split: Any, key: str) -> bool:
    """Whether all of this encoding lies in the split's cache."""
    if not split.cache_files:
        return False
    parts = list(Path(split.cache_files[0]["filename"]).parent.glob(f"cache-{key}*.arrow"))
    # cache-KEY.arrow, or cache-KEY_00000_of_00002.arrow and its fellows
    return any(part.stem == f"cache-{key}" or len(parts) >= int(part.stem.rpartition("_of_")[2]) for part in parts)


def wait_until_encoded(split: Any, key: str) -> None:
    """For all processes of a machine but its first, which encodes: come back when it has."""
    while not is_encoded(split, key):
        time.sleep(0.5)


def encode_split(
    split: Any,
    tokenizer: Any,
    prompt: PromptFormat,
    max_length: int,
    *,
    dataset: Pin | None = None,
    base: Pin | None = None,
    processes: int | None = None,
) -> Examples:
    """Encode a whole split, with a progress bar, or find it encoded. Raises UserError where no row fits.

    Args:
        dataset: where the split is from, all of it and as it is there. With this and `base` the encoding is kept for every
            later process; without, under the name that `datasets` makes up.
        base: where the tokenizer is from.
        processes: unset takes as many as are of use.
    """
    encode_completions(tokenizer, [""])  # complains of a tokenizer without EOS, here and not in another process
    count = processes or useful_processes(len(split))
    with tokenizer_threads() if count == 1 else nullcontext():
        encoded = split.with_format("arrow").map(
            encode_rows,
            batched=True,
            with_indices=True,
            remove_columns=split.column_names,
            fn_kwargs={"tokenizer": tokenizer, "prompt": prompt, "max_length": max_length},
            num_proc=count if count > 1 else None,
            new_fingerprint=encoding_key(split, dataset, base, prompt, max_length) if dataset and base else None,
            desc="encoding the training split",
        )
    if not len(encoded):
        raise UserError(f"no prompt is shorter than base.max_length {max_length} tokens: set a longer one")
    numbers = {name: encoded.data.column(name).to_numpy() for name in ("row", "truncated", "length", "completion")}
    return Examples(
        dataset=encoded.with_format(None).select_columns(["input_ids", "labels"]),
        rows=numbers["row"],
        truncated=int(numbers["truncated"].sum()),
        left_out=len(split) - len(encoded),
        lengths=numbers["length"],
        completion_tokens=numbers["completion"],
    )
