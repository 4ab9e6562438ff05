"""Level card, pins: every state of another repo that a record names is on the Hub, with the files that are spoken of."""

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from huggingface_hub import HfApi

from model_card.verification.lines.checks import Checks, Line, is_away, is_out_of_reach
from model_card.verification.repo_state import RepoState
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.licence import LEGAL_FILES, copy_legal_files, licence_of
from titlecraft.hub.pins import holds, pin, read_file
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.records import DATASET_RECORD, EvaluationRecord, Pin

BASE_FILES = ("config.json",)


def verify_pins(state: RepoState) -> list[Line]:
    """What the records of an adapter repo were made from, looked up on the Hub. A dataset repo names no other."""
    if state.pin.type == "dataset":
        return []
    checks = Checks("card", "pins")
    lines = checks.gather(of_training(checks, state))
    for folder in state.report_folders():
        checks = Checks("card", folder)
        lines += checks.gather(of_report(checks, state, folder))
    return lines


def of_training(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Dataset and base of the training, and what the adapter's own config says of the base."""
    record = state.training
    yield exists(checks, "dataset", record.dataset, (PROMPT_FILE, DATASET_RECORD), "data/")
    yield exists(checks, "base", record.base, BASE_FILES, "")
    config = msgspec.json.decode(state.require("adapter_config.json"))
    named = f"{config.get('base_model_name_or_path')}@{config.get('revision')}"
    yield checks.equal("base in adapter_config.json", named, f"{record.base.repo}@{record.base.revision}")
    yield checks.equal("base in the training's settings", record.base_settings.repo, record.base.repo)
    prompt, there = state.require(PROMPT_FILE), read_file(record.dataset, PROMPT_FILE)
    yield checks.line(f"{PROMPT_FILE} is that of the dataset", "equal", "equal" if prompt == there else "different",
                      prompt == there, "equal")  # fmt: skip
    yield checks.equal("licence, as the base's card states it", record.licence, licence_of(record.base))
    with TemporaryDirectory() as temporary:
        copy_legal_files(record.base, record.licence, Path(temporary))
        legal = {file.name: file.read_bytes() for file in Path(temporary).iterdir()}
    there = {path: state.read(path) for path in state.paths if any(fnmatch(path, pattern) for pattern in LEGAL_FILES)}
    strange = [name for name in {**legal, **there} if there.get(name) != legal.get(name)]
    yield checks.equal("licence files are those of the base", ", ".join(strange) or "equal", "equal")


def of_report(checks: Checks, state: RepoState, folder: str) -> Iterator[Line]:
    """The pins of one report: those of the training, and the adapter itself."""
    if state.is_older_report(folder):
        yield checks.not_looked_at("version", "another one", "not read", "the card passes it over, and so does verify")
        return
    report, record = state.report(folder), state.training
    yield checks.equal("dataset is that of the training", report.dataset, record.dataset)
    yield checks.equal("base is that of the training", report.base, record.base)
    yield exists(checks, "adapter", report.adapter, tuple(file.path for file in record.files), "")
    same = holds(report.adapter, record.files)
    yield checks.line("adapter that was evaluated is the one in this repo", "equal", "equal" if same else "different",
                      same, "sha256 equal")  # fmt: skip
    for benchmark in report.benchmarks:
        yield exists(checks, "benchmark", benchmark, (), "")
    yield from key_of_report(checks, state, report, folder)


def key_of_report(checks: Checks, state: RepoState, report: EvaluationRecord, folder: str) -> Iterator[Line]:
    """The key over all that the numbers depend on, and the id and the folder that are named by it."""
    from evaluation.inputs import key_inputs
    from evaluation.measures import measure_names
    from model_card.verification.level_card.files.checksums import sha256_of
    from titlecraft.models.adapter.read import WEIGHTS, Adapter
    from titlecraft.records import digest
    from titlecraft.settings import Recipe

    recipe = Recipe(evaluation=report.evaluation, generation=report.generation)
    weights = {name: sha256_of(state, name) for name in WEIGHTS}
    prompt = PromptFormat.from_json(state.require(PROMPT_FILE), PROMPT_FILE)
    inputs = key_inputs(Adapter(report.adapter, state.training, prompt, weights), recipe)
    inputs |= {
        "code": report.code,
        "dataset": report.dataset,
        "base": report.base,
        "base_settings": report.base_settings,
    }
    inputs |= {"quantization": report.quantization, "precision": report.precision}
    if {one.name for one in [*report.measures, *report.left_out()]} == set(measure_names(report.evaluation)):
        yield checks.equal("key over all inputs", report.key, digest(inputs))
    else:
        yield checks.not_looked_at(
            "key over all inputs", report.key, "not derived", "other measures than this code has"
        )
    yield checks.equal("id", report.id, report.key[:12])
    yield checks.equal("folder", folder, f"evaluation/{report.id}")


def exists(checks: Checks, what: str, pinned: Pin, files: tuple[str, ...], below: str) -> Line:
    """One line: the Hub has this very commit, with these files and at least one below `below`."""
    claimed = f"{pinned.repo}@{pinned.revision}"
    try:
        found = pin(claimed, pinned.type)
        with hub_errors(f"looking into {pinned}", pinned.repo, pinned.type):
            there = HfApi().list_repo_files(pinned.repo, repo_type=pinned.type, revision=pinned.revision)
    except UserError as error:
        if is_away(error):
            raise
        if is_out_of_reach(error):
            return checks.out_of_reach(f"{what} exists", claimed, f"not seen: {error}")
        return checks.line(f"{what} exists", claimed, f"no: {error}", False, "equal")
    missing = [file for file in files if file not in there]
    missing += [] if any(path.startswith(below) for path in there) else [f"{below}…"]
    derived = f"{found.repo}@{found.revision}" + (f" without {', '.join(missing)}" if missing else "")
    return checks.equal(f"{what} exists", claimed, derived)
