"""Detects the languages of the published descriptions by py3langid, which is small and needs no network."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

ROWS = 60  # of the training split's first shard
SHORTEST = 40  # characters of a text whose language can be told
FEWEST = 5  # such texts
SMALLEST_SHARE = 0.2  # of the texts, that makes a language one of the dataset


def detect_languages(shard: Path) -> list[str] | None:
    """Return the ISO 639-1 codes of the languages of a shard's outputs, the most frequent first; None if they cannot be told."""
    from py3langid import classify

    batch = next(pq.ParquetFile(shard).iter_batches(ROWS, columns=["output"]))
    texts = [text for text in batch.column(0).to_pylist() if len(text.encode()) >= SHORTEST]
    if len(texts) < FEWEST:
        return None
    counts = Counter(classify(text)[0] for text in texts)
    return [code for code, count in counts.most_common() if count >= SMALLEST_SHARE * len(texts)] or None
