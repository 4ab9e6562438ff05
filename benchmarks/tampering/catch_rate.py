"""Measures how many random changes of published repos `titlecraft verify` catches. The Hub of the environment has the repos."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from benchmarks.tampering.kinds import CANNOT_KNOW, KINDS, Tampering
from benchmarks.tampering.recompute_checksums import recompute_and_render
from benchmarks.tampering.recompute_metrics import recompute_metrics
from benchmarks.tampering.verify_random import ADAPTER, DATASET
from model_card.verification.lines.line import Level
from model_card.verification.repo_state import RepoState
from model_card.verification.run import find, verify_state
from titlecraft.cards.merge import split
from titlecraft.errors import UserError

BAR = 1.0
UNCHANGED: tuple[tuple[str, Level], ...] = (("adapter", "predictions"), ("dataset", "data"), ("adapter", "data"))


LEVELS: tuple[Level, ...] = ("card", "scores", "predictions", "data")
TRIES = 200  # of a change that has an effect
SELDOM = 4  # every so many rounds has a tampering of level predictions, which generates all answers again


def tamperings(count: int, seed: int) -> Iterator[tuple[Tampering, Random]]:
    """Return `count` tamperings, each kind in turn, each with its own random numbers."""
    made = 0
    for number in range(SELDOM * count):
        kind = KINDS[number % len(KINDS)]
        if made < count and (kind.level != "predictions" or (number // len(KINDS)) % SELDOM == 0):
            made += 1
            yield kind, Random(f"{seed} {number}")


def levels_to_try(kind: Tampering) -> tuple[Level, ...]:
    """Return the levels at which a tampering is tried, in order: those below its own show that they cannot know it."""
    if not kind.metrics:
        return (kind.level,)
    return LEVELS[: LEVELS.index(kind.level) + 1]


def tamper(state: RepoState, kind: Tampering, random: Random, folder: Path) -> tuple[RepoState, str, bool]:
    """Return a changed copy of a state, the description of the change, and whether card, page and plots were rendered.

    Tries again if the change has no effect: recomputing the size of a file undoes a change of that size.
    """
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(state.folder, folder, ignore=shutil.ignore_patterns(".gitattributes"))
        description = kind.change(folder, random)
        if description is None:
            continue
        if kind.metrics:
            recompute_metrics(folder)
        rendered = kind.covered and recompute_and_render(folder, state.pin, "headline" not in kind.name)
        changed = RepoState.of_folder(state.pin, folder)
        if contents(changed) != contents(state):
            return changed, description, rendered
    sys.exit(f"{kind.name}: {TRIES} random changes had no effect, so that this world shows nothing about this kind")


def knows(level: Level, kind: Tampering) -> bool:
    """Return whether a level, which includes those below it, can detect a kind of tampering of a repo that it looks at."""
    return (
        kind.level == "card"
        or LEVELS.index(kind.level) <= LEVELS.index(level) != LEVELS.index("data")
        or kind.level == level
    )


def contents(state: RepoState) -> dict[str, Any]:
    """Return path -> content of every file; for the card, its parsed metadata and sections.

    White space at the end of the card, or a digit beyond the precision of float64, is no change of its claims.
    """
    files: dict[str, Any] = {path: state.read(path) for path in state.paths if path != ".gitattributes"}
    with suppress(UserError, KeyError):  # the card is missing or cannot be parsed
        files["README.md"] = split(files["README.md"].decode("utf-8", "replace"))
    return files


def copy_files(state: RepoState, folder: Path) -> RepoState:
    """Return a state with its files copied to a folder; the cache of huggingface_hub consists of links."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(state.folder, folder)
    return RepoState.of_folder(state.pin, folder)


def verify_unchanged(states: dict[str, RepoState], source: list[str]) -> dict[str, dict[str, int]]:
    """Return (repo, level) -> number of claims of the unchanged repo, and number of those that hold."""
    result = {}
    for name, level in UNCHANGED:
        found = verify_state(states[name], level, source)
        failures = found.failures()
        result[f"{name}, level {level}"] = {"claims": len(found.lines), "hold": len(found.lines) - len(failures)}
        print(name, level, result[f"{name}, level {level}"], [line.claim for line in failures][:9], flush=True)
    return result


def measure(count: int, seed: int, folder: Path, minutes: float) -> dict[str, Any]:
    """Return the content of benchmarks/results/verify.json, of the tamperings that began within these minutes.

    The copies are in subfolders of `folder`.
    """
    source = [str(folder / "trn.json.gz")]
    repos = {"adapter": ADAPTER, "dataset": f"datasets/{DATASET}"}
    states = {name: copy_files(RepoState.download(find(repo)), folder / name) for name, repo in repos.items()}
    unchanged = verify_unchanged(states, source)
    made: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    by_level: Counter[str] = Counter()
    earlier: Counter[str] = Counter()
    missed: list[str] = []
    rendered_count = 0
    started = perf_counter()
    for number, (kind, random) in enumerate(tamperings(count, seed)):
        if perf_counter() - started > 60 * minutes:
            break
        state, description, rendered = tamper(states[kind.repo], kind, random, folder / "tampered")
        rendered_count += rendered
        made[kind.name] += 1
        for level in levels_to_try(kind):
            with redirect_stdout(StringIO()):
                found = verify_state(state, level, source if level == "data" else [])
            if not found.holds():
                break
        earlier[kind.name] += not found.holds() and found.level != kind.level
        if found.holds():
            missed.append(f"{kind.name}: {description}")
            print("MISSED", missed[-1], flush=True)
        else:
            caught[kind.name] += 1
            by_level[next(iter(found.failures() or found.with_verdict("could not be looked at"))).level] += 1
        if number % 25 == 24:
            seconds = perf_counter() - started
            print(f"{number + 1} of {count}, {sum(caught.values())} caught, {seconds:.0f} s", flush=True)
    count = sum(made.values())
    share = sum(caught.values()) / count
    bar = {"name": "share_of_tamperings_caught", "value": share, "bar": BAR, "unit": "share", "holds": share >= BAR}
    return {
        "bars": [bar],
        "tamperings": count,
        "seed": seed,
        "caught": sum(caught.values()),
        "wholly_covered_up": rendered_count,
        "by_kind": {name: {"made": made[name], "caught": caught[name]} for name in sorted(made)},
        "caught_first_at_level": dict(sorted(by_level.items())),
        "knowable": {
            level: round(sum(made[kind.name] for kind in KINDS if knows(level, kind)) / count, 4) for level in LEVELS
        },
        "caught_below_their_level": dict(earlier),
        "cannot_know": CANNOT_KNOW,
        "untampered": unchanged,
        "missed": missed,
    }
