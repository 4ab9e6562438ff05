"""Decides by name whether a file in a folder or archive is part of a catalogue."""

SUFFIXES = (
    ".json", ".jsonl", ".ndjson", ".jsonlines", ".csv", ".tsv", ".tab", ".psv", ".txt", ".parquet", ".pq", ".arrow", ".feather",
    ".xml", ".rss", ".atom",
)  # fmt: skip
COMPRESSED = (".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd")
OTHERS = frozenset(
    {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "readme.txt", "license.txt"}
)


def is_catalogue(path: str) -> bool:
    """Return whether a path has a suffix of a format that is read, and is neither hidden nor known to be something else."""
    *folders, name = path.lower().strip("/").split("/")
    if any(part.startswith((".", "__")) for part in (*folders, name)) or name in OTHERS:
        return False
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return name.endswith(SUFFIXES)
