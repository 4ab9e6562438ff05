"""Level card, files: what SHA256SUMS and the records list lies there byte for byte, and nothing lies where only ours does."""

from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path

from model_card.verification.confusables import letters_of, skeleton
from model_card.verification.lines.checks import Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.checksums import NOT_LISTED, SUMS, read_sums
from titlecraft.records import PREDICTIONS, REPORT, File, file_sha256

TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt",
    "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json",
)  # fmt: skip
ADAPTER = ("adapter_model.safetensors", "adapter_config.json")
BESIDE_REPORT = (
    "report.json",
    "timings.json",
    "report.html",
    "*.png",
)  # in a report's folder, not listed by the report
QUARANTINE = "quarantine/lines.jsonl"
MISSING = "no such file"
LOADED = {  # by type of repo: what a library would load beside ours or in its place, or a Hub show as a result of ours
    "model": (
        "*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.h5", "*.msgpack", "*.gguf", "*.npz", "*.safetensors",
        "*.index.json", "*.py", "config.json", "generation_config.json", "adapter_config*", "processor_config.json",
        "preprocessor_config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json", "chat_template*", "vocab.*",
        "merges.txt", "additional_chat_templates/*", ".eval_results/*", "eval_results/*", "*/adapter_config.json", "evaluation/*",
    ),
    "dataset": (
        "*.py", "dataset_infos.json", "dataset_info.json", "eval.yaml", ".eval_results/*", "data/*.parquet*", "data/*.arrow",
        "data/*.csv*", "data/*.tsv*", "data/*.json*", "data/*.zip", "data/*.gz", "data/*.zst", "data/*.tar", "data/*.txt*",
        "data/*.xml*", "data/*.lance*", "data/*.h5", "data/*.hdf5", "quarantine/*",
    ),
}  # fmt: skip
WRITTEN = {  # by type of repo: files of titlecraft's that no record lists
    "model": (
        "training_record.json", "training_log.jsonl", "prompt.json", "lineage.json", "assets/*.png", "LICENSE*", "LICENCE*",
        "NOTICE*", "USE_POLICY*",
    ),
    "dataset": ("dataset_record.json", "prompt.json", "lineage.json", "quarantine/lines.jsonl", "assets/*.png"),
}  # fmt: skip
OURS = (  # only Titlecraft writes these; anything else may have been put there by a person
    "quarantine/*", "evaluation/*", "adapter_*", "*_record.json", "prompt.json", "training_log.jsonl", "tokenizer*",
    "special_tokens_map.json", "chat_template*", "assets/training_loss.png", "assets/output_length.png", "assets/splits.png",
    "lineage.json", "assets/lineage.png", "LICENSE*", "NOTICE*", "USE_POLICY*",
)  # fmt: skip


def verify_files(state: RepoState) -> list[Line]:
    """Every file against SHA256SUMS and against the records; then what is not ours."""
    checks = Checks("card", "files")
    lines = [*checks.gather(by_sums(checks, state)), *checks.gather(by_records(checks, state))]
    return lines + checks.gather(by_names(checks, state))


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
    pretenders = [path for path in strangers if is_like(path, OURS)]
    yield checks.equal(f"files that look like ours and {SUMS} does not list", "none", ", ".join(pretenders) or "none")
    if others := [path for path in strangers if path not in pretenders]:
        yield checks.not_looked_at("not ours", ", ".join(others), "not looked at", "added by hand on the Hub")


def by_records(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each file that a record lists, with its size and its sha256; and which it has to list."""
    if state.pin.type == "model":
        listed: dict[str, set[str]] = {
            where: set()
            for where in ("the training record", *(f"{REPORT} of {one}" for one in state.readable_reports()))
        }
        for where, file in listed_files(state):
            listed[where].add(Path(file.path).name)
        for where, names in listed.items():
            missing = sorted({*((PREDICTIONS,) if where.startswith(REPORT) else ADAPTER)} - names)
            yield checks.equal(
                f"files that {where} has to list", f"without {', '.join(missing)}" if missing else "all", "all"
            )
    for where, file in listed_files(state):
        found = state.file(file.path)
        size = MISSING if found is None else found.stat().st_size
        yield checks.equal(f"{file.path} as {where} lists it, bytes", file.bytes, size)
        yield checks.equal(f"{file.path} as {where} lists it, sha256", file.sha256, sha256_of(state, file.path))


def by_names(checks: Checks, state: RepoState) -> Iterator[Line]:
    """No file lies there, listed in SHA256SUMS or not, that a loader would take for ours or a Hub show as ours."""
    known = {file.path for _, file in listed_files(state)}
    if state.pin.type == "model":  # that they are the base's is the affair of verify_tokenizer
        known |= {path for path in state.paths if path in TOKENIZER}
        for folder in state.report_folders():
            older = state.is_older_report(folder)
            known |= {
                path
                for path in state.paths
                if path.startswith(f"{folder}/") and (older or is_like(Path(path).name, BESIDE_REPORT))
            }
    else:
        known.add(QUARANTINE)
    sums = read_sums(state.read(SUMS) or b"", state.named(SUMS))
    others = [path for path in state.paths if path not in known and path not in NOT_LISTED]
    loaded = [path for path in others if is_like(path, LOADED[state.pin.type])]
    yield checks.equal("files that would be loaded or shown beside ours", ", ".join(loaded) or "none", "none",
                       "take them out of the repo, or publish them in one of their own" if loaded else None)  # fmt: skip
    twins = sorted(
        {two for one, two in pairwise(sorted(state.paths, key=letters_of)) if letters_of(one) == letters_of(two)}
    )
    yield checks.equal("files with names that read like another's", ", ".join(twins) or "none", "none")
    unknown = [
        path for path in others if path in sums and path not in loaded and not is_like(path, WRITTEN[state.pin.type])
    ]
    if unknown:
        yield checks.not_looked_at(f"listed in {SUMS}, in no record", ", ".join(unknown), "nothing to compare with")


def is_like(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a path, as it looks to a reader, is of one of these patterns."""
    seen = skeleton(path)
    return any(fnmatch(seen, pattern.casefold()) for pattern in patterns)


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
    file = state.file(path)
    return MISSING if file is None else file_sha256(file)
