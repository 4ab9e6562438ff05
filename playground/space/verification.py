"""`titlecraft verify` of a Space: its files and its record against each other, and against what the named adapter renders.

A Space runs every Python file beside app.py that is imported, so a file that the record does not list is no addition by a person.
"""

import json
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from model_card.verification.level_card.text.added import verify_added
from model_card.verification.level_card.text.metadata import verify_metadata
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.hub_files import compare_files
from model_card.verification.lines.line import Line
from model_card.verification.lines.pinned_repo import commit_exists
from model_card.verification.repo_state import RepoState
from playground.space.files import OWNED, ROOT, SOURCES, rendered_app, rendered_card, source_files
from playground.space.needs import pinned_requirements, suggested_hardware
from titlecraft.cards.merge import merge, split
from titlecraft.hub.pins import read_file
from titlecraft.records import TRAINING_RECORD, TrainingRecord, digest, file_sha256, read_record
from titlecraft.records.repo_files import (
    CARD,
    CHECKSUMS,
    GIT_ATTRIBUTES,
    MODEL_CONFIG,
    SPACE_APP,
    SPACE_RECORD,
    SPACE_REQUIREMENTS,
)
from titlecraft.records.space import SpaceRecord

RUN = ("*.py", "*.pth", "*.so", "*.jinja", "*requirements*.txt", "packages.txt", "Dockerfile", "*.sh", "*.js", "*.toml")
"""Files that a Space installs, imports or shows, besides those that its record lists."""


def verify_space(state: RepoState) -> list[Line]:
    """Lines about a Space at level card."""
    checks = Checks("card", "Space")
    lines = []
    for check in (check_origin, check_key, check_files, check_rendered, check_sources, check_card):
        lines += checks.gather(check(checks, state))
    return lines


def record_of(state: RepoState) -> SpaceRecord:
    """The record of the Space. Raises UserError if it is missing or cannot be read."""
    return read_record(state.require(SPACE_RECORD), SpaceRecord, state.describe(SPACE_RECORD))


def training_of(record: SpaceRecord) -> TrainingRecord:
    """The training record of the adapter that a Space names. Raises UserError."""
    raw = read_file(record.adapter, TRAINING_RECORD)
    return read_record(raw or b"", TrainingRecord, f"{TRAINING_RECORD} of {record.adapter}")


def check_origin(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The adapter exists, its training record names the same base and dataset, and the hardware follows from it."""
    record = record_of(state)
    yield commit_exists(checks, "adapter", record.adapter, (TRAINING_RECORD,))
    training = training_of(record)
    yield checks.equal("base of the adapter", str(record.base), str(training.base))
    yield checks.equal("dataset of the adapter", str(record.dataset), str(training.dataset))
    config = json.loads(read_file(training.base, MODEL_CONFIG) or b"{}")
    yield checks.equal("hardware", record.hardware, suggested_hardware(training, config))


def check_key(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The key is the digest of the pins, the requirements and the source files that the record lists."""
    record = record_of(state)
    sums = {Path(file.path): file.sha256 for file in record.files if Path(file.path).parts[0] in SOURCES}
    inputs = {
        "stage": "space",
        "adapter": record.adapter,
        "base": record.base,
        "dataset": record.dataset,
        "requirements": record.requirements,
        "sources": [sums[path] for path in sorted(sums)],
    }
    yield checks.equal("key over pins, requirements and sources", record.key, digest(inputs))


def check_files(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Each listed file is on the Hub as listed; no other file would be run or shown."""
    record = record_of(state)
    yield from compare_files(checks, state, record.files)
    known = {*(file.path for file in record.files), CARD, SPACE_RECORD, CHECKSUMS, GIT_ATTRIBUTES}
    others = sorted(set(state.paths) - known)
    run = [path for path in others if any(fnmatch(path.casefold(), pattern.casefold()) for pattern in RUN)]
    yield checks.equal("files that the Space would run beside ours", ", ".join(run) or "none", "none")
    if added := sorted(set(others) - set(run)):
        yield checks.not_looked_at("files that the record does not list", ", ".join(added), "nothing to compare with")


def check_rendered(checks: Checks, state: RepoState) -> Iterator[Line]:
    """app.py is what the record's pins render, and requirements.txt lists the record's requirements."""
    record = record_of(state)
    app = read_file(state.pin, SPACE_APP) or b""
    expected = rendered_app(record.adapter, record.base, record.dataset)
    yield checks.equal(f"{SPACE_APP} as the pins give it", app.decode("utf-8", "replace"), expected)
    lines = (read_file(state.pin, SPACE_REQUIREMENTS) or b"").decode("utf-8", "replace").splitlines()
    yield checks.equal(f"{SPACE_REQUIREMENTS} as the record lists it", lines, record.requirements)
    names = [line.partition("==")[0] for line in record.requirements]
    more = ("datasets",) if training_of(record).rows else ()
    here = [line.partition("==")[0] for line in pinned_requirements(more)]
    yield checks.equal("packages that a Space installs", names, here)


def check_sources(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The page's source files are those of this version of Titlecraft; those of another version cannot be looked at."""
    record = record_of(state)
    here = {file.relative_to(ROOT).as_posix(): file_sha256(file) for file in source_files()}
    listed = {file.path: file.sha256 for file in record.files if file.path not in (SPACE_APP, SPACE_REQUIREMENTS)}
    different = sorted(path for path in {*here, *listed} if here.get(path) != listed.get(path))
    claim, shown = "source files are Titlecraft's", ", ".join(different[:5]) or "equal"
    if different:
        reason = f"{len(different)} of {len(here)} files differ from the code here"
        note = f"published by Titlecraft {record.code.titlecraft}: {shown}"
        yield checks.could_not_be_looked_at(claim, "equal", reason, note)
    else:
        yield checks.equal(claim, "equal", shown)


def check_card(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Our section and our metadata are those of a fresh rendering; what a person added does not imitate them."""
    record = record_of(state)
    text = state.require(CARD).decode()
    fresh = rendered_card(state.pin.repo, record, training_of(record).licence.id)
    yield from verify_added(text, fresh)
    yield from verify_metadata(text, split(text, state.describe(CARD)), split(fresh), OWNED)
    same = merge(text, fresh, OWNED) == text
    yield checks.line(
        "card as the record gives it", "equal", "equal" if same else "other words or numbers", same, EXACT
    )
