"""titlecraft verify NS/NAME[@REV]: recomputes every published number. This file decides which checks run, in which order.

The repo's id is the only input. Everything else is read from the Hub at the commits that the records name.
"""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

from model_card.verification.level_card.dataset import verify_dataset
from model_card.verification.level_card.files.adapter import verify_adapter
from model_card.verification.level_card.files.base_header import verify_base_header
from model_card.verification.level_card.files.checksums import verify_files
from model_card.verification.level_card.files.hub_results import verify_hub_results
from model_card.verification.level_card.files.renderings import verify_renderings
from model_card.verification.level_card.files.signature import verify_signature
from model_card.verification.level_card.files.tokenizer import verify_tokenizer
from model_card.verification.level_card.history import verify_history
from model_card.verification.level_card.lineage import verify_lineage
from model_card.verification.level_card.pins import verify_pins
from model_card.verification.level_card.report import verify_reports
from model_card.verification.level_card.text.card import verify_card
from model_card.verification.level_card.text.claims import verify_claims
from model_card.verification.level_card.text.configs import verify_configs
from model_card.verification.level_card.training import verify_training
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import CUMULATIVE, Level, Line, Verification
from model_card.verification.lines.unavailable import is_access_denied
from model_card.verification.repo_state import RepoState
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import pin
from titlecraft.hub.publishing import work_folder
from titlecraft.records import DATASET_RECORD, TRAINING_RECORD, Pin, current_code
from titlecraft.records.repo_files import EXPORT_RECORD, SPACE_RECORD

Export = Callable[[RepoState], list[Line]]
DATASETS, SPACES = "datasets/", "spaces/"
EVERY_LEVEL = get_args(Level)
PACKAGES = ("huggingface-hub", "matplotlib", "numpy", "pyarrow", "sacrebleu", "scipy", "tokenizers", "torch")


def find(reference: str) -> Pin:
    """The pin of a model NS/NAME[@REV] or a dataset datasets/NS/NAME[@REV]. Raises UserError if there is none.

    A Space is spaces/NS/NAME[@REV]. A dataset is found without its prefix, too, if no model has its name: the commands on older cards omit the prefix.
    """
    if reference.startswith(DATASETS):
        return pin(reference.removeprefix(DATASETS), "dataset")
    if reference.startswith(SPACES):
        return pin(reference.removeprefix(SPACES), "space")
    try:
        return pin(reference, "model")
    except UserError as error:
        if not is_access_denied(error):
            raise
        try:
            return pin(reference, "dataset")
        except UserError:
            raise error from error.__cause__


def verify(
    reference: str,
    level: Level,
    sources: list[str],
    work: Path | None = None,
    verify_export: Export | None = None,
    hours: float | None = None,
    signed_by: Path | None = None,
) -> Verification:
    """Download a repo and verify it; see `verify_state`. Raises UserError if there is no such repo or the Hub does not answer."""
    state = RepoState.download(find(reference))
    if work is None and level == "predictions":
        work = work_folder("verify", state.pin.repo)
    with hub_errors(f"verifying {state.pin}", state.pin.repo, state.pin.type):
        return verify_state(state, level, sources, work, verify_export, hours, signed_by)


def verify_state(
    state: RepoState,
    level: Level,
    sources: list[str],
    work: Path | None = None,
    verify_export: Export | None = None,
    hours: float | None = None,
    signed_by: Path | None = None,
) -> Verification:
    """All lines up to a level. A level that the repo does not allow is one line with "could not be looked at".

    Args:
        sources: files, globs or URLs of the catalogue, for level data.
        work: where level predictions stores finished batches, to resume an interrupted run; None stores nothing.
        verify_export: the lines of level card about an exported model or a Space, whose cards are made above this room.
        hours: the most that level training may take; None for its default.
        signed_by: the key or certificate of who should have signed the files; None does not look at signatures.
    """
    impossible = impossible_levels(state)
    lines: list[Line] = []
    is_export = is_made_of_an_adapter(state)
    if is_export and verify_export is not None:
        impossible.pop("card", None)
    if level == "data" and level not in impossible:
        from model_card.verification.level_data import verify_sources

        lines = verify_sources(state, sources)
    wrong_source = any(line.verdict == "does not hold" for line in lines)
    for part in () if wrong_source else included_levels(level):
        if part in impossible:
            checks = Checks(part, state.pin.repo)
            lines.append(checks.could_not_be_looked_at(f"level {part}", "possible", f"no: {impossible[part]}"))
        elif is_export and verify_export is not None:
            lines += verify_export(state)
        else:
            lines += check_level(part, state, sources, work, hours)
    lines += verify_signature(state, signed_by)
    lines = [line for line in lines if line.derived != f"at level {level} only"]  # this level has looked at it
    return Verification(
        repo=state.pin,
        level=level,
        code=current_code("verification", *PACKAGES),
        impossible=impossible,
        lines=lines,
        remarks=remarks(state, impossible),
    )


def is_made_of_an_adapter(state: RepoState) -> bool:
    """Whether a repo is an exported model or a Space of Titlecraft."""
    record = SPACE_RECORD if state.pin.type == "space" else EXPORT_RECORD
    return record in state.paths and TRAINING_RECORD not in state.paths


def included_levels(level: Level) -> tuple[Level, ...]:
    """The levels that a level runs, in order. Levels data and training run without scores and predictions."""
    return CUMULATIVE[: CUMULATIVE.index(level) + 1] if level in CUMULATIVE else ("card", level)


def check_level(
    level: Level, state: RepoState, sources: list[str], work: Path | None, hours: float | None = None
) -> list[Line]:
    """All lines of one level. The levels after card import evaluation or the builder, so they are imported when they run."""
    if level == "scores":
        from model_card.verification.level_scores.scores import verify_scores

        return verify_scores(state)
    if level == "predictions":
        from model_card.verification.level_predictions import verify_predictions

        return verify_predictions(state, work)
    if level == "data":
        from model_card.verification.level_data import verify_data

        return verify_data(state, sources)
    if level == "training":
        from model_card.verification.level_training import HOURS, verify_training_again

        return verify_training_again(state, HOURS if hours is None else hours)
    return check_card(state)


def check_card(state: RepoState) -> list[Line]:
    """Level card: compares the card with the records, the records with the files, and the files with their checksums."""
    lines = verify_card(state) + verify_files(state) + verify_lineage(state)
    if state.pin.type == "dataset":
        return lines + verify_configs(state) + verify_dataset(state) + verify_renderings(state)
    lines += verify_claims(state)
    lines += verify_pins(state) + verify_training(state) + verify_adapter(state) + verify_base_header(state)
    lines += verify_tokenizer(state)
    lines += verify_history(state) + verify_reports(state) + verify_hub_results(state)
    return lines + verify_renderings(state)


def remarks(state: RepoState, impossible: dict[str, str]) -> dict[str, str]:
    """Level -> a limit of what it can show on another machine than the one of the evaluation."""
    if state.pin.type == "dataset" or "predictions" in impossible:
        return {}
    try:
        gpus = {state.report(folder).device for folder in state.readable_reports()} - {"cpu"}
    except UserError:  # an unreadable report has a line that does not hold
        return {}
    limit = "a difference on another device is shown and not judged, for no tolerance is measured"
    return {"predictions": f"measured on {', '.join(sorted(gpus))}; {limit}"} if gpus else {}


def impossible_levels(state: RepoState) -> dict[str, str]:
    """Level -> the reason why this repo does not allow it, in the order of the levels."""
    if state.pin.type == "dataset":
        if DATASET_RECORD not in state.paths:
            reason = f"no {DATASET_RECORD}: `titlecraft build` did not make this dataset"
            return dict.fromkeys(EVERY_LEVEL, reason)
        return dict.fromkeys(("scores", "predictions", "training"), "a dataset has no report and no training")
    if state.pin.type == "space":
        ours = SPACE_RECORD in state.paths
        reason = (
            "a Space has no results: verify the adapter that it names"
            if ours
            else f"no {SPACE_RECORD}: Titlecraft did not make it"
        )
        return dict.fromkeys(EVERY_LEVEL, reason)
    if TRAINING_RECORD not in state.paths:
        reason = f"no {TRAINING_RECORD}: `titlecraft train` did not make this adapter"
        if EXPORT_RECORD in state.paths:
            reason = f"an exported model has no {TRAINING_RECORD}: verify the adapter that its {EXPORT_RECORD} names"
        return dict.fromkeys(EVERY_LEVEL, reason)
    if not state.readable_reports():
        kind = "a report of another version of Titlecraft only" if state.report_folders() else "no report"
        reason = f"{kind}: `titlecraft evaluate --adapter {state.pin.repo}` makes one"
        return dict.fromkeys(("scores", "predictions"), reason)
    return {}
