"""titlecraft evaluate --adapter NS/NAME[@REV]: adapter repo @A -> one commit with evaluation/<id>/ and a new card.

Model libraries are imported only if a report has to be computed; an existing report is returned at once.
"""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

from evaluation.inputs import Inputs, published_report, read_inputs
from titlecraft.errors import UserError
from titlecraft.hub.pins import published_pin, require_write
from titlecraft.hub.publishing import publish, sole_publisher, work_folder
from titlecraft.records import (
    PREDICTIONS,
    REPORT,
    EvaluationRecord,
    Pin,
    column,
    read_record,
)
from titlecraft.settings import Recipe


def evaluate(
    adapter: str, recipe: Recipe, *, fresh: bool, write_card: Callable[[Path, str, Pin], None]
) -> tuple[Pin, EvaluationRecord]:
    """Measure an adapter before and after, and publish the report beside it.

    Args:
        adapter: NAMESPACE/NAME or NAMESPACE/NAME@REVISION of a repo that `titlecraft train` published.
        recipe: only its `evaluation` and `generation` sections are used; all other settings are in the training record.
        fresh: measure again even if the repo has a report of the same inputs and settings, and ignore finished batches of
            an interrupted run.
        write_card: called with the folder to publish, which contains the new report, the repo's id, and the head that is its
            parent commit; writes README.md. (It is an argument because this stage must not import `model_card`.)

    Returns:
        The repo's new head (its current head if the report already exists) and the report's record.

    Raises:
        UserError: not an adapter of Titlecraft, too few titles, a guard that fails, no write access, an unreachable Hub.
    """
    inputs = read_inputs(adapter, recipe)
    repo = inputs.adapter.repo
    head = published_pin(repo, "model") or inputs.adapter
    if not fresh and (record := published_report(inputs, head)):
        print(f"nothing to do: {repo} has the report of these very inputs, recipe and code")
        return head, record
    from evaluation.experiment import measure

    require_write(repo)
    with sole_publisher(repo, "model"):
        work = work_of(inputs, fresh)
        folder = work / "publish"
        record = measure(inputs, recipe, folder / inputs.folder, kept=work / "batches")
        write_card(folder, repo, head)
        with warnings.catch_warnings():
            # predictions.parquet belongs beside the report
            warnings.filterwarnings("ignore", message=".*commit a data file.* to a model repository")
            published = publish(
                repo,
                "model",
                head,
                folder,
                f"Evaluation {record.id}: {record.n} titles, before and after",
                private=True,
                replaces=(f"{inputs.folder}/*",),
                check=lambda local: check_report(local / inputs.folder, record),
            )
        shutil.rmtree(work)
    return published, record


def work_of(inputs: Inputs, fresh: bool) -> Path:
    """Return the evaluation's work folder, named by its key, with an empty folder "publish"; `fresh` empties all of it."""
    work = work_folder("evaluation", inputs.adapter.repo) / inputs.key
    shutil.rmtree(work if fresh else work / "publish", ignore_errors=True)
    (work / "publish").mkdir(parents=True)
    return work


def check_report(folder: Path, record: EvaluationRecord) -> None:
    """Raise UserError if the downloaded report differs, or its predictions do not give the mean of its primary measure."""
    from evaluation.report.predictions import read_predictions

    downloaded = read_record((folder / REPORT).read_bytes(), EvaluationRecord, f"{folder}/{REPORT}")
    rows = read_predictions(folder / PREDICTIONS)
    primary = downloaded.primary()
    both = [[row[column(primary.name, arm)] for arm in downloaded.arms] for row in rows]
    read = [after for before, after in both if before is not None and after is not None]
    mean = sum(read) / len(read)
    if downloaded != record or len(rows) != record.n or not abs(mean - primary.after) <= 1e-9:
        raise UserError(f"the report on the Hub is not the one that was published: {folder}")
