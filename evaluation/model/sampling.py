"""Seeds the random numbers of sampled answers: the same in both arms, whatever else is in the batch."""

from hashlib import blake2b


def seed_of(seed: int, answer_number: int, title: str) -> int:
    """Return the seed of one sampled answer, from the recipe's seed, the number of the answer and the title."""
    key = f"{seed}\x1f{answer_number}\x1f{title}".encode()
    return int.from_bytes(blake2b(key, digest_size=7).digest())
