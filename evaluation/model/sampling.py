"""Random numbers of sampled answers: the same for both arms, whatever was drawn before."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import torch


@contextmanager
def random_numbers(seed: int, take: int, title: str) -> Iterator[None]:
    """torch's random state set by a seed, the number of the answer and a title of the batch; put back afterwards."""
    said = f"{seed}\x1f{take}\x1f{title}".encode()
    with torch.random.fork_rng():
        torch.manual_seed(int.from_bytes(blake2b(said, digest_size=7).digest()))
        yield
