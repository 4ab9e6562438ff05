"""Level card, configs: what a person added to `configs` of a dataset card, which decides what `load_dataset` loads."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

from dataset_builder.card.metadata import others_than_default
from model_card.verification.confusables import letters_of
from model_card.verification.level_card.text.card import read_card
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.cards.merge import split
from titlecraft.records.repo_files import CARD


def verify_configs(state: RepoState) -> list[Line]:
    """Lines about each config and each entry of dataset_info that is not ours."""
    checks = Checks("card", "configs")
    return checks.gather(check_configs(checks, state))


def check_configs(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Added configs may name files that a person added. They may not name our files nor be the default."""
    front = split(read_card(state), state.describe(CARD)).metadata
    our_paths = [file.path for split in state.dataset.splits.values() for file in split.files]
    reserved = {letters_of(name) for name in ("default", *state.dataset.splits)}
    for config in others_than_default(front.get("configs")):
        name = str(config.get("config_name"))
        wrong = []
        if letters_of(name) in reserved:
            wrong.append("its name reads like one of ours")
        if config.get("default"):
            wrong.append("it would be loaded in the place of ours")
        if any(may_match(pattern, our_paths) for pattern in patterns_of(config)):
            wrong.append("it names files of ours")
        if wrong:
            claim, advice = f"config {name!r}, added by hand", "take it out of the card's configs"
            yield checks.line(claim, "; ".join(wrong), "files of its own", False, EXACT, advice)
        else:
            yield checks.not_looked_at(f"config {name!r}", config.get("data_files"), "not looked at", "added by hand")
    for info in others_than_default(front.get("dataset_info")):
        claim = f"dataset_info of {info.get('config_name')!r}"
        yield checks.not_looked_at(claim, "in the card", "not looked at", "added by hand")


def patterns_of(config: dict[str, Any]) -> list[str]:
    """The paths and patterns that a config loads. Without any, `datasets` searches the whole folder."""
    folder = config.get("data_dir")
    prefix = f"{folder}/" if folder else ""
    return [prefix + path for path in paths_in(config.get("data_files"))] or [f"{prefix}**"]


def paths_in(data_files: Any) -> list[str]:
    """The paths of a `data_files` value: a path, a list, a mapping by split, or mappings {split, path}."""
    if data_files is None:
        return []
    if isinstance(data_files, dict):
        return paths_in(data_files["path"] if "path" in data_files else list(data_files.values()))
    if isinstance(data_files, list):
        return [path for item in data_files for path in paths_in(item)]
    return [str(data_files)]


def may_match(pattern: str, paths: list[str]) -> bool:
    """Whether a pattern of `datasets` may match one of these paths. `**` and `{a,b}` count as `*`, which matches more."""
    plain = re.sub(r"\{[^}]*\}", "*", pattern.removeprefix("./").lstrip("/")).replace("**/", "*").replace("**", "*")
    if ".." in plain or "://" in plain:
        return True
    return any(fnmatch(path, plain) or fnmatch(path, f"{plain.rstrip('/')}/*") for path in paths)
