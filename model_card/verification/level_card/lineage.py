"""Level card, lineage: compares a dataset's list of adapters with the adapters' own records, and renders the picture again."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from model_card.lineage.trained import confirm, is_about
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.lines.pinned_repo import commit_exists
from model_card.verification.lines.rendering import same_rendering
from model_card.verification.repo_state import RepoState
from titlecraft.cards.lineage_picture import draw_adapter, draw_dataset
from titlecraft.records import TRAINING_RECORD, read_record
from titlecraft.records.lineage import DatasetLineage, result_of
from titlecraft.records.repo_files import LINEAGE, LINEAGE_PICTURE


def verify_lineage(state: RepoState) -> list[Line]:
    """Lines about each adapter that a dataset lists, and one about the picture."""
    checks = Checks("card", "lineage")
    check = check_dataset if state.pin.type == "dataset" else check_adapter
    return checks.gather(check(checks, state))


def check_dataset(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Each adapter of lineage.json, read at its commit, then the picture."""
    raw = state.read(LINEAGE)
    if raw is None:
        return
    adapters = read_record(raw, DatasetLineage, state.describe(LINEAGE)).adapters
    for listed in adapters:
        yield commit_exists(checks, "adapter", listed.adapter, (TRAINING_RECORD,))
        wrong = confirm(listed)
        claim, derived = f"{listed.adapter} is as its own records say", f"no: {wrong}" if wrong else "yes"
        yield checks.line(claim, "yes", derived, not wrong, EXACT)
    record, published = state.dataset, state.read(LINEAGE_PICTURE)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "lineage.png"
        draw_dataset(record.source, state.pin.repo, adapters, file)
        yield same_rendering(checks, LINEAGE_PICTURE, published, file.read_bytes(), record.code, "dataset_builder")


def check_adapter(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The picture of an adapter's card. Adapters of older versions do not have it."""
    published, record, raw = state.read(LINEAGE_PICTURE), state.training, state.require(TRAINING_RECORD)
    if published is None:
        return
    reports = [state.report(folder) for folder in state.readable_reports()]
    results = [result_of(report, "") for report in reports if is_about(report, raw)]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "lineage.png"
        draw_adapter(record.dataset, record.base, state.pin.repo, results, file)
        yield same_rendering(checks, LINEAGE_PICTURE, published, file.read_bytes(), record.code, "training")
