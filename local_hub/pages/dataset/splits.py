"""The files of each split: from the card's `configs`, or by the file names that the `datasets` library knows."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from local_hub.repos.entry import Entry

READABLE = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")

_MAX_PATTERNS = 200
_MAX_CONFIGS = 200
_MAX_COMPARISONS = 100_000

# the keywords of `datasets.data_files.SPLIT_KEYWORDS`, as whole words of a path
_KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
# files that are not data
_NOT_DATA = re.compile(
    r"(^|/)(\.|quarantine/|assets/)|(^|/)(dataset_infos?|dataset_record|prompt|metadata|config)\.json$"
)
_SHARDED = re.compile(r"data/([\w.-]+?)-\d{5}-of-\d{5}[^/]*")


@dataclass(frozen=True)
class Config:
    """One configuration of a dataset: split name -> its files, in order."""

    name: str
    splits: dict[str, list[Entry]]


def configs_of(card: dict[str, Any], files: list[Entry]) -> list[Config]:
    """The configurations with at least one readable file, the default one first."""
    declared = card.get("configs")
    configs = []
    left = _Comparisons()
    for config in declared[:_MAX_CONFIGS] if isinstance(declared, list) else []:
        if isinstance(config, dict) and (config.get("data_files") or config.get("data_dir")):
            splits = _declared_splits(config, files, left)
            if splits:
                configs.append((not config.get("default"), Config(str(config.get("config_name", "default")), splits)))
    configs.sort(key=lambda pair: pair[0])
    if configs:
        return [config for _, config in configs]
    splits = _splits_by_name(files)
    return [Config("default", splits)] if splits else []


def _declared_splits(config: dict[str, Any], files: list[Entry], left: "_Comparisons") -> dict[str, list[Entry]]:
    folder = str(config.get("data_dir") or "").strip("/")
    inside = [file for file in files if not folder or file.path.startswith(f"{folder}/")]
    data_files = config.get("data_files")
    if not data_files:
        return _splits_by_name(inside)
    splits: dict[str, list[Entry]] = {}
    for item in data_files if isinstance(data_files, list) else [data_files]:
        split, patterns = (
            ("train", item) if not isinstance(item, dict) else (item.get("split", "train"), item.get("path"))
        )
        matching = [
            file
            for pattern in (patterns if isinstance(patterns, list) else [patterns])[:_MAX_PATTERNS]
            if isinstance(pattern, str)
            for file in _matching(f"{folder}/{pattern}" if folder else pattern, files, left)
        ]
        if matching:
            splits.setdefault(str(split), []).extend(matching)
    return {split: list(dict.fromkeys(entries)) for split, entries in splits.items()}


def _splits_by_name(files: list[Entry]) -> dict[str, list[Entry]]:
    data = [file for file in files if file.path.endswith(READABLE) and not _NOT_DATA.search(file.path)]
    sharded = [(match[1], file) for file in data if (match := _SHARDED.fullmatch(file.path))]
    splits: dict[str, list[Entry]] = {}
    if sharded:
        for split, file in sharded:
            splits.setdefault(split, []).append(file)
        return dict(sorted(splits.items(), key=lambda item: _order(item[0])))
    for file in data:
        splits.setdefault(_split_named_in(file.path) or "", []).append(file)
    unnamed = splits.pop("", [])
    if not splits:
        return {"train": unnamed} if unnamed else {}
    return dict(sorted(splits.items(), key=lambda item: _order(item[0])))


def _split_named_in(path: str) -> str | None:
    words = re.split(r"[^a-z]+", path.lower())
    return next((split for split, names in _KEYWORDS.items() if any(name in words for name in names)), None)


def _order(split: str) -> tuple[int, str]:
    names = list(_KEYWORDS)
    return (names.index(split) if split in names else len(names), split)


def _matching(pattern: str, files: list[Entry], left: "_Comparisons") -> list[Entry]:
    """The files that match a pattern of the card: `*` within a folder, `**` across folders, `?` and `[…]`."""
    pattern = pattern.removeprefix("./")
    if not re.search(r"[*?\[]", pattern):
        return [file for file in files if file.path == pattern]
    beginning = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    candidates = [file for file in files if file.path.startswith(beginning)]
    left.number -= len(candidates)
    if left.number < 0:
        return []
    return [file for file in candidates if _fits(file.path.split("/"), pattern.split("/"))]


class _Comparisons:
    """The number of comparisons of patterns with files that are left, for all configurations together."""

    def __init__(self) -> None:
        self.number = _MAX_COMPARISONS


def _fits(parts: list[str], pattern: list[str]) -> bool:
    """Return True if the path matches. All positions in the pattern are tracked at once, without backtracking."""
    positions = _after_stars({0}, pattern)
    for part in parts:
        positions = {
            position if pattern[position] == "**" else position + 1
            for position in positions
            if position < len(pattern) and (pattern[position] == "**" or fnmatchcase(part, pattern[position]))
        }
        positions = _after_stars(positions, pattern)
    return len(pattern) in positions


def _after_stars(positions: set[int], pattern: list[str]) -> set[int]:
    """The positions, and those reached if `**` matches no folder."""
    reached = set(positions)
    for position in sorted(positions):
        while position < len(pattern) and pattern[position] == "**":
            position += 1
            reached.add(position)
    return reached
