"""Level card, configs: what a person added to a dataset card's `configs`, which decide what `load_dataset` loads."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

from model_card.verification.confusables import letters_of
from model_card.verification.level_card.text.card import CARD, readable_card
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.cards.merge import split


def verify_configs(state: RepoState) -> list[Line]:
    """A line for each config, and for each entry of dataset_info, that is not ours."""
    checks = Checks("card", "configs")
    return checks.gather(of_configs(checks, state))


def of_configs(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Configs that a person added to the card: they may name files of a person's, and never ours, nor be the default."""
    from dataset_builder.card.metadata import others_than_default

    front = split(readable_card(state), state.describe(CARD)).metadata
    ours = [file.path for one in state.dataset.splits.values() for file in one.files]
    reserved = {letters_of(name) for name in ("default", *state.dataset.splits)}
    for config in others_than_default(front.get("configs")):
        name = str(config.get("config_name"))
        wrong = []
        if letters_of(name) in reserved:
            wrong.append("its name reads like one of ours")
        if config.get("default"):
            wrong.append("it would be loaded in the place of ours")
        if any(takes_in(pattern, ours) for pattern in patterns_of(config)):
            wrong.append("it names files of ours")
        if wrong:
            yield checks.line(f"config {name!r}, added by hand", "; ".join(wrong), "files of its own", False, EXACT, "take it out of the card's configs")  # fmt: skip
        else:
            yield checks.not_looked_at(f"config {name!r}", config.get("data_files"), "not looked at", "added by hand")
    for info in others_than_default(front.get("dataset_info")):
        yield checks.not_looked_at(
            f"dataset_info of {info.get('config_name')!r}", "in the card", "not looked at", "added by hand"
        )


def patterns_of(config: dict[str, Any]) -> list[str]:
    """The paths and patterns that a config loads; none at all loads what `datasets` finds by itself."""
    found: list[str] = []
    folder = config.get("data_dir")

    def collect(value: Any) -> None:
        if isinstance(value, dict):  # of a split, {split, path}; or path by split
            collect(value["path"] if "path" in value else list(value.values()))
        elif isinstance(value, list):
            for one in value:
                collect(one)
        elif value is not None:
            found.append(str(value))

    collect(config.get("data_files"))
    inside = f"{folder}/" if folder else ""
    return [inside + pattern for pattern in found] or [f"{inside}**"]


def takes_in(pattern: str, paths: list[str]) -> bool:
    """Whether a pattern of `datasets` may match one of these paths; `**` stands for any folders, and so do { } lists here."""
    plain = re.sub(r"\{[^}]*\}", "*", pattern.removeprefix("./").lstrip("/")).replace("**/", "*").replace("**", "*")
    return (
        ".." in plain
        or "://" in plain
        or any(fnmatch(path, plain) or fnmatch(path, f"{plain.rstrip('/')}/*") for path in paths)
    )
