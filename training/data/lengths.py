"""How long a dataset's examples are: exact where they have been encoded, else from a sample drawn with a seed."""

from dataclasses import dataclass

import numpy as np

from titlecraft.errors import UserError
from titlecraft.models.base.tokenizer import load_tokenizer
from titlecraft.records import Pin
from training.data.inputs import load_train_split, read_prompt
from training.data.packing import CHUNK, pack

SAMPLE = 2_000  # rows that are encoded where the whole split is not yet


@dataclass(frozen=True)
class Lengths:
    """Tokens of the encoded examples, and what they stand for: `rows` rows of the split, of which `encoded` were encoded."""

    tokens: np.ndarray
    completion: np.ndarray
    truncated: int
    encoded: int
    rows: int

    @property
    def scale(self) -> float:
        """Rows of the split for each row that was encoded."""
        return self.rows / self.encoded


def measure_lengths(data: Pin, base: Pin, max_length: int, seed: int) -> Lengths:
    """Lengths of all examples where they are encoded already, else of SAMPLE rows drawn with `seed`."""
    from training.data.examples import encode_rows, encode_split, encoding_key, is_encoded

    (prompt, _), tokenizer = read_prompt(data), load_tokenizer(base)
    split = load_train_split(data)
    if is_encoded(split, encoding_key(split, data, base, prompt, max_length)):
        found = encode_split(split, tokenizer, prompt, max_length, dataset=data, base=base)
        return Lengths(found.lengths, found.completion_tokens, found.truncated, len(split), len(split))
    places = np.sort(np.random.default_rng(seed).permutation(len(split))[:SAMPLE])
    rows = split.select(places).with_format("arrow")[:]
    table = encode_rows(rows, places.tolist(), tokenizer, prompt, max_length)
    if not len(table):
        raise UserError(f"no prompt is shorter than base.max_length {max_length} tokens: set a longer one")
    numbers = {name: table[name].to_numpy() for name in ("length", "completion", "truncated")}
    return Lengths(numbers["length"], numbers["completion"], int(numbers["truncated"].sum()), len(places), len(split))


def packed_items(lengths: Lengths, capacity: int, seed: int) -> int:
    """Packed rows of the whole split. A sample is drawn from, so that as many are packed together as in the run."""
    if lengths.encoded == lengths.rows:
        return len(pack(lengths.tokens, capacity, seed))
    examples = round(len(lengths.tokens) * lengths.scale)
    drawn = np.random.default_rng(seed).choice(lengths.tokens, min(examples, CHUNK))
    return round(len(pack(drawn, capacity, seed)) * lengths.tokens.mean() / drawn.mean() * examples / len(drawn))
