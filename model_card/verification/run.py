"""titlecraft verify NS/NAME[@REV]: every published number, derived again; this file chooses what is looked at.

It needs nothing but the repo's id: what the records name is read from the Hub at its pins.
"""

from collections.abc import Callable
from pathlib import Path

from model_card.verification.level_card.dataset import verify_dataset
from model_card.verification.level_card.files.adapter import verify_adapter
from model_card.verification.level_card.files.checksums import verify_files
from model_card.verification.level_card.files.renderings import verify_renderings
from model_card.verification.level_card.files.tokenizer import verify_tokenizer
from model_card.verification.level_card.history import verify_history
from model_card.verification.level_card.lineage import verify_lineage
from model_card.verification.level_card.pins import verify_pins
from model_card.verification.level_card.report import verify_reports
from model_card.verification.level_card.text.card import verify_card
from model_card.verification.level_card.text.claims import verify_claims
from model_card.verification.level_card.text.configs import verify_configs
from model_card.verification.level_card.training import verify_training
from model_card.verification.lines.checks import LADDER, Checks, Level, Line, Verification, is_out_of_reach
from model_card.verification.repo_state import RepoState
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import pin
from titlecraft.hub.publishing import work_folder
from titlecraft.records import DATASET_RECORD, TRAINING_RECORD, Pin, current_code

DATASETS = "datasets/"
EXPORT_RECORD = "export_record.json"  # as `titlecraft export` calls it; playground, which says so, is not imported here
PACKAGES = ("huggingface-hub", "matplotlib", "numpy", "pyarrow", "sacrebleu", "scipy", "tokenizers", "torch")


def find(reference: str) -> Pin:
    """The pin of NS/NAME[@REV], a model, or datasets/NS/NAME[@REV]. Raises UserError where there is none.

    A dataset is found without its prefix too, where there is no model of its name: older cards name it so.
    """
    if reference.startswith(DATASETS):
        return pin(reference.removeprefix(DATASETS), "dataset")
    try:
        return pin(reference, "model")
    except UserError as error:
        if not is_out_of_reach(error):
            raise
        try:
            return pin(reference, "dataset")
        except UserError:
            raise error from error.__cause__


def verify(reference: str, level: Level, sources: list[str], work: Path | None = None) -> Verification:
    """Verify a repo; see `verify_state`. Raises UserError where there is no such repo or revision, or the Hub is away."""
    state = RepoState.download(find(reference))
    if work is None and level == "predictions":
        work = work_folder("verify", state.pin.repo)
    with hub_errors(f"verifying {state.pin}", state.pin.repo, state.pin.type):
        return verify_state(state, level, sources, work)


def verify_state(state: RepoState, level: Level, sources: list[str], work: Path | None = None) -> Verification:
    """All lines up to a level. A level that the repo does not allow is a line that could not be looked at.

    Args:
        sources: files, globs or URLs of the catalogue, for level data.
        work: where level predictions keeps what it has computed, for an interrupted run; None keeps nothing.
    """
    impossible = impossible_levels(state)
    lines: list[Line] = []
    if level == "data" and level not in impossible:
        from model_card.verification.level_data import verify_sources

        lines = verify_sources(state, sources)
    wrong_source = any(line.verdict == "does not hold" for line in lines)
    asked = () if wrong_source else LADDER[: LADDER.index(level) + 1] if level in LADDER else ("card", level)
    for one in asked:
        if one in impossible:
            lines.append(Checks(one, state.pin.repo).out_of_reach(f"level {one}", "possible", f"no: {impossible[one]}"))
        else:
            lines += levels(sources, work)[one](state)
    lines = [line for line in lines if line.derived != f"at level {level} only"]  # it was looked at
    return Verification(
        repo=state.pin, level=level, code=current_code("verification", *PACKAGES), impossible=impossible, lines=lines,
        remarks=remarks(state, impossible),
    )  # fmt: skip


def levels(sources: list[str], work: Path | None) -> dict[str, Callable[[RepoState], list[Line]]]:
    """What is done at each level."""

    def predictions(state: RepoState) -> list[Line]:
        from model_card.verification.level_predictions import verify_predictions

        return verify_predictions(state, work)

    def data(state: RepoState) -> list[Line]:
        from model_card.verification.level_data import verify_data

        return verify_data(state, sources)

    def scores(state: RepoState) -> list[Line]:
        from model_card.verification.level_scores.scores import verify_scores

        return verify_scores(state)

    return {"card": card, "scores": scores, "predictions": predictions, "data": data}


def card(state: RepoState) -> list[Line]:
    """Level card: the card against the records, the records against the files, the files against their sums."""
    lines = verify_card(state) + verify_files(state) + verify_lineage(state)
    if state.pin.type == "dataset":
        return lines + verify_configs(state) + verify_dataset(state) + verify_renderings(state)
    lines += verify_claims(state)
    lines += verify_pins(state) + verify_training(state) + verify_adapter(state) + verify_tokenizer(state)
    return lines + verify_history(state) + verify_reports(state) + verify_renderings(state)


def remarks(state: RepoState, impossible: dict[str, str]) -> dict[str, str]:
    """Level -> what it can tell of this repo on another machine than the one that measured."""
    if state.pin.type == "dataset" or "predictions" in impossible:
        return {}
    try:
        gpus = {state.report(folder).device for folder in state.readable_reports()} - {"cpu"}
    except UserError:  # a report that cannot be read is among the lines that do not hold
        return {}
    said = "a difference on another device is shown and not judged, for no tolerance is measured"
    return {"predictions": f"measured on {', '.join(sorted(gpus))}; {said}"} if gpus else {}


def impossible_levels(state: RepoState) -> dict[str, str]:
    """Level -> why this repo does not allow it, in the order of the levels."""
    why: dict[str, str] = {}
    if state.pin.type == "dataset":
        if DATASET_RECORD not in state.paths:
            return dict.fromkeys(
                (*LADDER, "data"), f"no {DATASET_RECORD}: `titlecraft build` did not make this dataset"
            )
        return dict.fromkeys(("scores", "predictions"), "a dataset has no report")
    if TRAINING_RECORD not in state.paths:
        if EXPORT_RECORD in state.paths:
            return dict.fromkeys(
                (*LADDER, "data"),
                f"an exported model has no {TRAINING_RECORD}: verify the adapter that its {EXPORT_RECORD} names",
            )
        return dict.fromkeys((*LADDER, "data"), f"no {TRAINING_RECORD}: `titlecraft train` did not make this adapter")
    readable = state.readable_reports()
    if not readable:
        kind = "a report of another version of Titlecraft only" if state.report_folders() else "no report"
        why |= dict.fromkeys(
            ("scores", "predictions"), f"{kind}: `titlecraft evaluate --adapter {state.pin.repo}` makes one"
        )
    return why
