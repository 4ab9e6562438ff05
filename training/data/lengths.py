"""Lengths of a dataset's examples in tokens: exact if the split is tokenised already, else from a random sample."""

from dataclasses import dataclass

import numpy as np

from titlecraft.errors import UserError
from titlecraft.models.base.tokenizer import load_tokenizer
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin, RowSettings
from titlecraft.settings import Training
from training.data.examples import encode_rows, encode_split, encoding_key, is_encoded
from training.data.inputs import load_train_split
from training.data.long_answers import no_row_fits
from training.data.packing import CHUNK, pack

SAMPLE = 2_000  # rows that are tokenised if the split is not tokenised yet


@dataclass(frozen=True)
class Lengths:
    """Lengths of the examples of `encoded` rows out of the `rows` rows of a split. The arrays have one number per example."""

    tokens: np.ndarray
    completion: np.ndarray
    truncated: int
    encoded: int
    rows: int

    @property
    def scale(self) -> float:
        """Rows of the split per tokenised row."""
        return self.rows / self.encoded


def measure_lengths(
    data: Pin, base: Pin, prompt: PromptFormat, max_length: int, training: Training, rows: RowSettings | None = None
) -> Lengths:
    """Lengths of all examples if the split is tokenised already, else of SAMPLE rows drawn with the training's seed. Raises UserError."""
    tokenizer = load_tokenizer(base, prompt)
    split = load_train_split(data, rows)
    if is_encoded(split, encoding_key(split, data, base, prompt, max_length, training.long_answers)):
        examples = encode_split(split, tokenizer, prompt, max_length, training.long_answers, dataset=data, base=base)
        return Lengths(examples.lengths, examples.completion_tokens, examples.truncated, len(split), len(split))
    indices = np.sort(np.random.default_rng(training.seed).permutation(len(split))[:SAMPLE])
    sample = split.select(indices).with_format("arrow")[:]
    table = encode_rows(sample, indices.tolist(), tokenizer, prompt, max_length, training.long_answers)
    if not len(table):
        raise UserError(no_row_fits(max_length, training.long_answers))
    numbers = {name: table[name].to_numpy() for name in ("length", "completion", "truncated")}
    return Lengths(numbers["length"], numbers["completion"], int(numbers["truncated"].sum()), len(indices), len(split))


def packed_items(lengths: Lengths, capacity: int, seed: int) -> int:
    """Number of packed rows of the whole split. From a sample, as many lengths are drawn as the run packs together."""
    if lengths.encoded == lengths.rows:
        return len(pack(lengths.tokens, capacity, seed))
    examples = round(len(lengths.tokens) * lengths.scale)
    drawn = np.random.default_rng(seed).choice(lengths.tokens, min(examples, CHUNK))
    return round(len(pack(drawn, capacity, seed)) * lengths.tokens.mean() / drawn.mean() * examples / len(drawn))
