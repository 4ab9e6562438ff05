"""The YAML of a recipe, read with limits: a recipe is two levels of settings, and whoever hands on another thing is told so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from titlecraft.errors import UserError

MOST_BYTES = 1_000_000  # the recipes of this project have about 1,000
DEEPEST = 8  # collections in each other; a list in a setting in a section is the third
MOST_ALIASES = 20  # of each other they could stand for billions of values


def read_yaml(file: Path) -> tuple[yaml.Node | None, Any]:
    """A recipe's text as YAML nodes, which know their lines, and as values. Raises UserError, with the line where there is one."""
    if (size := file.stat().st_size) > MOST_BYTES:
        raise UserError(f"{file} has {size:,} bytes: expected a recipe, of at most {MOST_BYTES:,}")
    try:
        text = file.read_text(encoding="utf-8")
        require_small(text, file)
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        require_each_once(tree, file)
        return tree, yaml.safe_load(text) or {}
    except (
        yaml.YAMLError,
        ValueError,
        OverflowError,
    ) as error:  # ValueError: no UTF-8, dates and numbers that are none
        raise UserError(f"{file} is not YAML: {' '.join(str(error).split())[:300]}") from error


def require_small(text: str, file: Path) -> None:
    """Raises UserError for collections in collections and aliases in numbers that no recipe needs, before they are built."""
    depth = aliases = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > DEEPEST or aliases > MOST_ALIASES:
            what = f"more than {DEEPEST} levels" if depth > DEEPEST else f"more than {MOST_ALIASES} aliases"
            raise UserError(
                f"{file}:{event.start_mark.line + 1}: {what}: expected sections, each with its settings below it"
            )


def require_each_once(tree: yaml.Node | None, file: Path) -> None:
    """Raises UserError for a setting that stands twice: YAML would take the last one without a word."""
    lines: dict[str, int] = {}
    for key, line in dotted_keys(tree):
        if key in lines:
            raise UserError(f"{file}:{line}: {key} stands in line {lines[key]} already: expected it once")
        lines[key] = line


def dotted_keys(tree: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """Each key of the two upper levels of a recipe, dotted, with its line number."""
    for key, value in tree.value if isinstance(tree, yaml.MappingNode) else []:
        yield str(key.value), key.start_mark.line + 1
        for inner, _ in value.value if isinstance(value, yaml.MappingNode) else []:
            yield f"{key.value}.{inner.value}", inner.start_mark.line + 1
