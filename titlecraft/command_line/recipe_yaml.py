"""The YAML of a recipe, read with limits on size, nesting and aliases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from titlecraft.errors import UserError

MAX_BYTES = 1_000_000  # recipes of this project have about 1,000
MAX_DEPTH = 8  # nested collections; a list in a section has depth 3
MAX_ALIASES = 20  # nested aliases can expand to billions of values


def read_yaml(file: Path) -> tuple[yaml.Node | None, Any]:
    """Return a recipe as YAML nodes, which have line numbers, and as values. Raises UserError, with the line if known."""
    if (size := file.stat().st_size) > MAX_BYTES:
        raise UserError(f"{file} has {size:,} bytes: expected a recipe, of at most {MAX_BYTES:,}")
    try:
        text = file.read_text(encoding="utf-8")
        require_limits(text, file)
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        require_unique_keys(tree, file)
        return tree, yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # ValueError: not UTF-8, or an invalid date or number
        raise UserError(f"{file} is not YAML: {' '.join(str(error).split())[:300]}") from error


def require_limits(text: str, file: Path) -> None:
    """Raise UserError for too many levels or aliases, before they are expanded."""
    depth = aliases = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > MAX_DEPTH or aliases > MAX_ALIASES:
            excess = f"more than {MAX_DEPTH} levels" if depth > MAX_DEPTH else f"more than {MAX_ALIASES} aliases"
            raise UserError(
                f"{file}:{event.start_mark.line + 1}: {excess}: expected sections, each with its settings below it"
            )


def require_unique_keys(tree: yaml.Node | None, file: Path) -> None:
    """Raise UserError for a setting that is given twice: YAML would silently take the last one."""
    lines: dict[str, int] = {}
    for key, line in dotted_keys(tree):
        if key in lines:
            raise UserError(f"{file}:{line}: {key} is already in line {lines[key]}: expected it once")
        lines[key] = line


def dotted_keys(tree: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """Yield each key of the two upper levels of a recipe, dotted, with its line number."""
    for key, value in tree.value if isinstance(tree, yaml.MappingNode) else []:
        yield str(key.value), key.start_mark.line + 1
        for inner, _ in value.value if isinstance(value, yaml.MappingNode) else []:
            yield f"{key.value}.{inner.value}", inner.start_mark.line + 1
