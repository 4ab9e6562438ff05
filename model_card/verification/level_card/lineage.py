"""Level card, lineage: what a dataset lists of the adapters made from it is what their own records say; pictures drawn again."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from model_card.verification.level_card.files.renderings import rendered
from model_card.verification.level_card.pins import exists
from model_card.verification.lines.checks import EXACT, Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.records import TRAINING_RECORD, read_record
from titlecraft.records.lineage import LINEAGE, LINEAGE_PICTURE, DatasetLineage


def verify_lineage(state: RepoState) -> list[Line]:
    """A line for each adapter that a dataset lists, and one for the picture of a repo that has it."""
    checks = Checks("card", "lineage")
    return checks.gather(of_dataset(checks, state) if state.pin.type == "dataset" else of_adapter(checks, state))


def of_dataset(checks: Checks, state: RepoState) -> Iterator[Line]:
    """lineage.json, adapter by adapter, read at the commits that it names."""
    from model_card.lineage.trained import confirm
    from titlecraft.cards.lineage_picture import draw_dataset

    raw = state.read(LINEAGE)
    if raw is None:
        return
    adapters = read_record(raw, DatasetLineage, state.named(LINEAGE)).adapters
    for one in adapters:
        yield exists(checks, "adapter", one.adapter, (TRAINING_RECORD,), "")
        wrong = confirm(one)
        yield checks.line(
            f"{one.adapter} is as its own records say", "yes", f"no: {wrong}" if wrong else "yes", not wrong, EXACT
        )
    with TemporaryDirectory() as folder:
        draw_dataset(state.dataset.source, state.pin.repo, adapters, file := Path(folder) / "lineage.png")
        yield rendered(
            checks,
            LINEAGE_PICTURE,
            state.read(LINEAGE_PICTURE),
            file.read_bytes(),
            state.dataset.code,
            "dataset_builder",
        )


def of_adapter(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The picture of an adapter's card; an adapter of before there was one has none."""
    from model_card.lineage.trained import is_about
    from titlecraft.cards.lineage_picture import draw_adapter
    from titlecraft.records.lineage import result_of

    there, record, raw = state.read(LINEAGE_PICTURE), state.training, state.require(TRAINING_RECORD)
    if there is None:
        return
    reports = [state.report(folder) for folder in state.readable_reports()]
    results = [result_of(one, "") for one in reports if is_about(one, raw)]
    with TemporaryDirectory() as folder:
        draw_adapter(record.dataset, record.base, state.pin.repo, results, file := Path(folder) / "lineage.png")
        yield rendered(checks, LINEAGE_PICTURE, there, file.read_bytes(), record.code, "training")
