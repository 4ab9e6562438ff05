"""Level card, pins: every commit of another repo that a record names is on the Hub, with the files that the record relies on."""

from collections.abc import Iterator

import msgspec

from evaluation.inputs import PROTOCOL, PROTOCOL_OF_CLUSTERS, PROTOCOL_OF_TITLES, key_inputs
from evaluation.measures import measure_names
from evaluation.statistics.compare import BEFORE_CLUSTERS
from evaluation.statistics.intervals import BEFORE_PLUS_FOUR
from model_card.verification.level_card.licences import same_licence_files
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.lines.pinned_repo import commit_exists
from model_card.verification.repo_state import RepoState
from titlecraft.hub.licence import licence_of
from titlecraft.hub.pins import holds, read_file
from titlecraft.models.adapter.read import Adapter
from titlecraft.prompt import PromptFormat
from titlecraft.records import DATASET_RECORD, EvaluationRecord, digest
from titlecraft.records.repo_files import ADAPTER_CONFIG, ADAPTER_FILES, MODEL_CONFIG, PROMPT_FILE
from titlecraft.rows.wording import prompt_of_rows
from titlecraft.settings import Recipe

BASE_FILES = (MODEL_CONFIG,)


def verify_pins(state: RepoState) -> list[Line]:
    """Lines about the repos that the records of an adapter name. A dataset names no other repo."""
    if state.pin.type == "dataset":
        return []
    checks = Checks("card", "pins")
    lines = checks.gather(check_training(checks, state))
    for folder in state.report_folders():
        checks = Checks("card", folder)
        lines += checks.gather(check_report(checks, state, folder))
    return lines


def check_training(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Dataset and base of the training, the base in adapter_config.json, the prompt and the licence."""
    record = state.training
    built = record.rows is None
    yield commit_exists(
        checks, "dataset", record.dataset, (PROMPT_FILE, DATASET_RECORD) if built else (), "data/" if built else ""
    )
    yield commit_exists(checks, "base", record.base, BASE_FILES)
    config = msgspec.json.decode(state.require(ADAPTER_CONFIG))
    named = f"{config.get('base_model_name_or_path')}@{config.get('revision')}"
    yield checks.equal("base in adapter_config.json", named, f"{record.base.repo}@{record.base.revision}")
    yield checks.equal("base in the training's settings", record.base_settings.repo, record.base.repo)
    yield from check_prompt(checks, state)
    yield checks.equal("licence, as the base's card states it", record.licence, licence_of(record.base))
    yield same_licence_files(checks, state, record.base, record.licence)


def check_prompt(checks: Checks, state: RepoState) -> Iterator[Line]:
    """prompt.json is that of the dataset, or the one that the base's chat template gives to the dataset's wording."""
    record, published = state.training, state.require(PROMPT_FILE)
    of_dataset = read_file(record.dataset, PROMPT_FILE) if record.rows is None else None
    trained = record.trained_prompt
    if record.rows is not None:
        from titlecraft.rows.folder import read_rows  # `datasets` takes seconds to import

        again = read_rows(record.dataset, record.rows.settings)
        yield checks.equal("rows of the dataset, read again", str(record.rows), str(again))
        of_dataset = prompt_of_rows(again).to_json()
    if record.rows is None and (trained is None or trained.prompt.format == "alpaca"):
        yield equal_or_different(checks, f"{PROMPT_FILE} is that of the dataset", published == of_dataset, EXACT)
    if trained is not None:
        from titlecraft.models.base.chat_template import trained_prompt  # transformers takes seconds to import
        from titlecraft.models.base.tokenizer import load_tokenizer

        yield equal_or_different(
            checks,
            f"{PROMPT_FILE} is the prompt of the training",
            PromptFormat.from_json(published, PROMPT_FILE) == trained.prompt,
            EXACT,
        )
        wording = PromptFormat.from_json(of_dataset or b"", f"{PROMPT_FILE} of {record.dataset}")
        again = trained_prompt(wording, trained.setting, load_tokenizer(record.base), record.base)
        yield checks.equal("format of the prompt", str(trained), str(again))
        if trained.prompt.format == "chat" or record.rows is not None:
            same = again.prompt == trained.prompt
            yield equal_or_different(
                checks,
                "the prompt is that of the base's chat template or Alpaca's, in the dataset's wording",
                same,
                EXACT,
            )


def check_report(checks: Checks, state: RepoState, folder: str) -> Iterator[Line]:
    """The pins of one report: dataset and base are those of the training, and the adapter is the one of this repo."""
    if state.has_other_schema(folder):
        yield checks.not_looked_at("version", "another one", "not read", "the card passes it over, and so does verify")
        return
    report, record = state.report(folder), state.training
    yield checks.equal("dataset is that of the training", report.dataset, record.dataset)
    yield checks.equal("base is that of the training", report.base, record.base)
    yield commit_exists(checks, "adapter", report.adapter, tuple(file.path for file in record.files))
    same_adapter = holds(report.adapter, record.files)
    yield equal_or_different(checks, "adapter that was evaluated is the one in this repo", same_adapter, "sha256 equal")
    for benchmark in report.benchmarks:
        yield commit_exists(checks, "benchmark", benchmark)
    yield from check_key(checks, state, report, folder)


def equal_or_different(checks: Checks, claim: str, same: bool, tolerance: str) -> Line:
    """A line about two files whose contents are not displayed."""
    return checks.line(claim, "equal", "equal" if same else "different", same, tolerance)


def check_key(checks: Checks, state: RepoState, report: EvaluationRecord, folder: str) -> Iterator[Line]:
    """The report's key is the digest of its inputs; its id and its folder are named after the key."""
    claim = "key over all inputs"
    if {measure.name for measure in [*report.measures, *report.left_out()]} == set(measure_names(report.evaluation)):
        yield checks.equal(claim, report.key, key_of(state, report))
    else:
        yield checks.not_looked_at(claim, report.key, "not derived", "other measures than this code has")
    yield checks.equal("id", report.id, report.key[:12])
    yield checks.equal("folder", folder, f"evaluation/{report.id}")


def key_of(state: RepoState, report: EvaluationRecord) -> str:
    """The key of a report, from its own fields and the adapter of this repo."""
    recipe = Recipe(evaluation=report.evaluation, generation=report.generation)
    weights = {name: state.sha256(name) for name in ADAPTER_FILES}
    prompt = PromptFormat.from_json(state.require(PROMPT_FILE), PROMPT_FILE)
    inputs = key_inputs(Adapter(report.adapter, state.training, prompt, weights), recipe)
    earlier = {BEFORE_CLUSTERS: PROTOCOL_OF_TITLES, BEFORE_PLUS_FOUR: PROTOCOL_OF_CLUSTERS}
    inputs["protocol"] = earlier.get(report.interval_method, PROTOCOL)
    names = ("code", "dataset", "base", "base_settings", "quantization", "precision")
    return digest(inputs | {name: getattr(report, name) for name in names})
