"""Level card, files: what SHA256SUMS and the records list lies there byte for byte, and nothing lies where only ours does."""

from collections.abc import Iterator
from fnmatch import fnmatch

from model_card.repo_state import RepoState
from model_card.verification import Checks, Line
from titlecraft.checksums import NOT_LISTED, SUMS, read_sums
from titlecraft.records import REPORT, File, file_sha256

MISSING = "no such file"
OURS = (  # only Titlecraft writes these; anything else may have been put there by a person
    "data/*", "quarantine/*", "evaluation/*", "adapter_*", "*_record.json", "prompt.json", "training_log.jsonl", "tokenizer*",
    "special_tokens_map.json", "chat_template*", "assets/training_loss.png", "assets/output_length.png", "assets/splits.png",
    "lineage.json", "assets/lineage.png", "LICENSE*", "NOTICE*", "USE_POLICY*",
)  # fmt: skip


def verify_files(state: RepoState) -> list[Line]:
    """Every file against SHA256SUMS and against the records; then what is not ours."""
    checks = Checks("card", "files")
    return [*checks.gather(by_sums(checks, state)), *checks.gather(by_records(checks, state))]


def by_sums(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each file that SHA256SUMS lists, and one for all that it does not."""
    raw = state.read(SUMS)
    if raw is None:
        yield checks.equal(SUMS, "there", "missing", "every publishing of Titlecraft writes it: publish once more")
        return
    sums = read_sums(raw, state.named(SUMS))
    for path, sha256 in sums.items():
        yield checks.equal(f"sha256 of {path}", sha256, sha256_of(state, path))
    strangers = [path for path in state.paths if path not in sums and path not in NOT_LISTED]
    pretenders = [path for path in strangers if any(fnmatch(path, pattern) for pattern in OURS)]
    yield checks.equal(f"files that look like ours and {SUMS} does not list", "none", ", ".join(pretenders) or "none")
    if others := [path for path in strangers if path not in pretenders]:
        yield checks.not_looked_at("not ours", ", ".join(others), "not looked at", "added by hand on the Hub")


def by_records(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each file that a record lists, with its size and its sha256."""
    for where, file in listed_files(state):
        found = state.folder / file.path
        size = found.stat().st_size if found.is_file() else MISSING
        yield checks.equal(f"{file.path} as {where} lists it, bytes", file.bytes, size)
        yield checks.equal(f"{file.path} as {where} lists it, sha256", file.sha256, sha256_of(state, file.path))


def listed_files(state: RepoState) -> Iterator[tuple[str, File]]:
    """The files that the records of a repo list, by their paths in it, and the record's name."""
    if state.pin.type == "dataset":
        for split in state.dataset.splits.values():
            yield from (("the dataset record", file) for file in split.files)
        return
    yield from (("the training record", file) for file in state.training.files)
    for folder in state.readable_reports():
        for file in state.report(folder).files:
            yield f"{REPORT} of {folder}", File(path=f"{folder}/{file.path}", bytes=file.bytes, sha256=file.sha256)


def sha256_of(state: RepoState, path: str) -> str:
    """sha256 of a file of the state, or words for there being none."""
    file = state.folder / path
    return file_sha256(file) if file.is_file() else MISSING
