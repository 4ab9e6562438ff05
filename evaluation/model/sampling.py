"""Seeds the random numbers of sampled answers: the same in both arms, independent of earlier draws."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import torch


@contextmanager
def random_numbers(seed: int, answer_number: int, title: str) -> Iterator[None]:
    """Seed torch with the recipe's seed, the number of the answer and a title of the batch; restore its state afterwards."""
    key = f"{seed}\x1f{answer_number}\x1f{title}".encode()
    with torch.random.fork_rng():
        torch.manual_seed(int.from_bytes(blake2b(key, digest_size=7).digest()))
        yield
