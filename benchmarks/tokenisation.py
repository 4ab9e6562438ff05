"""python benchmarks/tokenisation.py [--rows 60000] [--rounds 5]

Compares the rows per second of `encode_split` with those of the tokenizer alone, on the same texts and cores in the same run.
Writes benchmarks/results/tokenisation.json. About four minutes on two cores.

The tokenizer is a byte-level BPE with 32,000 tokens, trained here on the synthetic catalogue (world/catalogue_texts.py), whose
descriptions are cut so that rows have about 170 tokens, including the template. The variants take turns, and the fastest round
of each counts, because other work on the machine can only slow a round down. "The tokenizer alone" is its fastest call,
`encode_batch_fast`, with all its threads, and discards the ids: no labels, no columns, no disk. The limits of the bars are
ours; the issue asks for the ratio.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import bar, print_bars, write_results  # noqa: E402
from benchmarks.world.catalogue_texts import texts, vocabulary  # noqa: E402

RESULTS = HERE / "results" / "tokenisation.json"
VOCABULARY, SCALE, BATCH, MAX_LENGTH = 32_000, 0.42, 1000, 2048


def make_rows(count: int) -> list[tuple[str, str]]:
    """Return `count` synthetic titles and descriptions, none of them empty."""
    words = vocabulary(7)
    found: list[tuple[str, str]] = []
    generator = np.random.default_rng(1)
    while len(found) < count:
        found += [row for row in texts(words, generator, 20_000, SCALE) if row[0].strip() and row[1].strip()]
    return found[:count]


def train_tokenizer(texts: list[str]) -> Any:
    """Train a byte-level BPE tokenizer with VOCABULARY tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>", "<pad>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def batched(call: Callable[[list[str]], Any], *columns: list[str]) -> None:
    """Call `call` with each column in batches of BATCH."""
    from training.data.examples import tokenizer_threads

    with tokenizer_threads():
        for start in range(0, len(columns[0]), BATCH):
            for column in columns:
                call(column[start : start + BATCH])


def measure(count: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Return the rows per second of each variant in its fastest round."""
    from datasets import Dataset

    from titlecraft.prompt import PLAIN, PromptFormat
    from titlecraft.records import Pin
    from titlecraft.settings import Prompt
    from training.data.examples import encode_split, useful_processes

    prompt, rows = PromptFormat.from_settings(Prompt()), make_rows(count)
    prompts, outputs = [prompt.render_title(title) for title, _ in rows], [text for _, text in rows]
    tokenizer = train_tokenizer(prompts[:20_000] + outputs[:20_000])
    columns = {"instruction": [prompt.instruction] * count, "input": [prompt.input_for(title) for title, _ in rows]}
    Dataset.from_dict(columns | {"output": outputs}).to_parquet(folder / "rows.parquet")
    split = Dataset.from_parquet(str(folder / "rows.parquet"), cache_dir=str(folder / "cache"), split="train")  # pyright: ignore[reportArgumentType]  # a name is allowed
    data = Pin(type="dataset", repo="ns/data", revision="d" * 40)
    from titlecraft.process.machine import usable_cores

    cores = usable_cores()

    def encode(name: str, processes: int | None) -> Any:
        return encode_split(
            split,
            tokenizer,
            prompt,
            MAX_LENGTH,
            dataset=data,
            processes=processes,
            base=Pin(type="model", repo="ns/base", revision=name),
        )

    backend = tokenizer.backend_tokenizer
    ways: dict[str, Callable[[int], Any]] = {
        "encode_split": lambda turn: encode(f"chosen-{turn}", None),
        "encode_split, threads of the tokenizer": lambda turn: encode(f"threads-{turn}", 1),
        f"encode_split, {cores} processes": lambda turn: encode(f"processes-{turn}", cores),
        "the tokenizer alone": lambda turn: batched(
            lambda texts: backend.encode_batch_fast(texts, add_special_tokens=False), prompts, outputs
        ),
        "the tokenizer as transformers calls it": lambda turn: batched(
            lambda texts: tokenizer(texts, **PLAIN)["input_ids"], prompts, outputs
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way(turn)
            seconds[name].append(time.perf_counter() - started)
            print(f"{name:<42}{count / seconds[name][-1]:>10,.0f} rows/s", flush=True)
    started = time.perf_counter()
    examples = encode("chosen-0", None)
    found_again = time.perf_counter() - started
    return {
        "rows_per_second": {name: round(count / min(found)) for name, found in seconds.items()},
        "seconds": {name: [round(one, 2) for one in found] for name, found in seconds.items()},
        "found_again_seconds": round(found_again, 3),
        "tokens_per_row": round(float(examples.lengths.mean()), 1),
        "processes_chosen": useful_processes(count),
        "load_average_at_the_end": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure, print the bars, and write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=60_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--out", type=Path, default=RESULTS)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(asked.rows, asked.rounds, Path(folder))
    rate = measured["rows_per_second"]
    bars = [
        bar(
            "share_of_tokenizer", rate["encode_split"] / rate["the tokenizer alone"], 0.7, "of its rows/s", larger=True
        ),
        bar(
            "x_transformers_call",
            rate["encode_split"] / rate["the tokenizer as transformers calls it"],
            1,
            "times",
            larger=True,
        ),
        bar("found_again_s", measured["found_again_seconds"], 1, "seconds"),
    ]
    tokenizer = f"byte-level BPE, {VOCABULARY:,} tokens, trained on the synthetic rows"
    from titlecraft.process.machine import usable_cores

    cores = usable_cores()
    result = {"rows": asked.rows, "cores": cores, "tokenizer": tokenizer, "bars": bars, "measured": measured}
    write_results(asked.out, result)
    print_bars(bars)


if __name__ == "__main__":
    main()
