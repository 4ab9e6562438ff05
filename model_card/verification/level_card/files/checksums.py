"""Level card, files: every file has the checksum of SHA256SUMS and of the records, and no other file can pass for ours."""

from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path

from model_card.hub_results import file_of, results_of
from model_card.verification.confusables import letters_of, skeleton
from model_card.verification.level_card.files.path_patterns import BESIDE_REPORT, LOADED, OURS, TOKENIZER, UNLISTED
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import MISSING, RepoState
from titlecraft.hub.checksums import NOT_LISTED, read_sums
from titlecraft.records import PREDICTIONS, REPORT, File
from titlecraft.records.repo_files import ADAPTER_FILES, CHECKSUMS, QUARANTINE


def verify_files(state: RepoState) -> list[Line]:
    """Lines about every file: against SHA256SUMS, against the records, then about files that are not ours."""
    checks = Checks("card", "files")
    lines = [*checks.gather(check_sums(checks, state)), *checks.gather(check_listed_files(checks, state))]
    return lines + checks.gather(check_unlisted_files(checks, state))


def check_sums(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each file that SHA256SUMS lists, and one for all that it does not list."""
    raw = state.read(CHECKSUMS)
    if raw is None:
        yield checks.equal(CHECKSUMS, "there", "missing", "every publishing of Titlecraft writes it: publish once more")
        return
    sums = read_sums(raw, state.describe(CHECKSUMS))
    for path, sha256 in sums.items():
        yield checks.equal(f"sha256 of {path}", sha256, state.sha256(path))
    unlisted = [path for path in state.paths if path not in sums and path not in NOT_LISTED]
    imitations = [path for path in unlisted if matches_any(path, OURS)]
    yield checks.equal(
        f"files that look like ours and {CHECKSUMS} does not list", "none", ", ".join(imitations) or "none"
    )
    if by_hand := [path for path in unlisted if path not in imitations]:
        yield checks.not_looked_at("not ours", ", ".join(by_hand), "not looked at", "added by hand on the Hub")


def check_listed_files(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The records list the files that they must list; a line each for size and sha256 of every listed file."""
    if state.pin.type == "model":
        reports = [f"{REPORT} of {folder}" for folder in state.readable_reports()]
        names: dict[str, set[str]] = {record: set() for record in ("the training record", *reports)}
        for record, file in listed_files(state):
            names[record].add(Path(file.path).name)
        for record, listed in names.items():
            required = (PREDICTIONS,) if record in reports else ADAPTER_FILES
            missing = sorted(set(required) - listed)
            claimed = f"without {', '.join(missing)}" if missing else "all"
            yield checks.equal(f"files that {record} has to list", claimed, "all")
    for record, listed_file in listed_files(state):
        path = listed_file.path
        file = state.file(path)
        size = MISSING if file is None else file.stat().st_size
        yield checks.equal(f"{path} as {record} lists it, bytes", listed_file.bytes, size)
        yield checks.equal(f"{path} as {record} lists it, sha256", listed_file.sha256, state.sha256(path))


def check_unlisted_files(checks: Checks, state: RepoState) -> Iterator[Line]:
    """No file that is not in a record, listed in SHA256SUMS or not, would be loaded in place of ours or shown as ours."""
    compared = known_paths(state)
    sums = read_sums(state.read(CHECKSUMS) or b"", state.describe(CHECKSUMS))
    not_compared = [path for path in state.paths if path not in compared and path not in NOT_LISTED]
    loaded = [path for path in not_compared if matches_any(path, LOADED[state.pin.type])]
    advice = "take them out of the repo, or publish them in one of their own" if loaded else None
    claim = "files that would be loaded or shown beside ours"
    yield checks.equal(claim, ", ".join(loaded) or "none", "none", advice)
    by_letters = pairwise(sorted(state.paths, key=letters_of))
    twins = sorted({path for neighbour, path in by_letters if letters_of(neighbour) == letters_of(path)})
    yield checks.equal("files with names that read like another's", ", ".join(twins) or "none", "none")
    unlisted = UNLISTED[state.pin.type]
    unknown = [path for path in not_compared if path in sums and path not in loaded and not matches_any(path, unlisted)]
    if unknown:
        yield checks.not_looked_at(
            f"listed in {CHECKSUMS}, in no record", ", ".join(unknown), "nothing to compare with"
        )


def known_paths(state: RepoState) -> set[str]:
    """The files that another check compares: those in a record, the tokenizer, the quarantine and the files of a report."""
    paths = {file.path for _, file in listed_files(state)}
    if state.pin.type == "dataset":
        return paths | {QUARANTINE}
    paths |= {path for path in state.paths if path in TOKENIZER}
    for folder in state.readable_reports():
        paths |= {file_of(result) for result, _ in results_of(state.report(folder)) if result.task_id}
    for folder in state.report_folders():
        all_files = state.has_other_schema(folder)
        for path in state.paths:
            if path.startswith(f"{folder}/") and (all_files or matches_any(Path(path).name, BESIDE_REPORT)):
                paths.add(path)
    return paths


def matches_any(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a path, as it looks to a reader, matches one of these patterns."""
    visible = skeleton(path)
    return any(fnmatch(visible, pattern.casefold()) for pattern in patterns)


def listed_files(state: RepoState) -> Iterator[tuple[str, File]]:
    """The files that the records of a repo list, each with the name of its record. Paths are relative to the repo."""
    if state.pin.type == "dataset":
        for split in state.dataset.splits.values():
            yield from (("the dataset record", file) for file in split.files)
        return
    yield from (("the training record", file) for file in state.training.files)
    for folder in state.readable_reports():
        for file in state.report(folder).files:
            yield f"{REPORT} of {folder}", File(path=f"{folder}/{file.path}", bytes=file.bytes, sha256=file.sha256)
