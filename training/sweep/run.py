"""titlecraft sweep --dataset NS/NAME --repo NS/NAME --recipe FILE --sweep training.learning_rate=1e-4,5e-4

Choose a recipe by successive halving over one loaded base, on rows of the validation split. Publishes nothing: it writes
sweep.json, plots and the recipe to use into a folder. The test split is never read.
"""

import shutil
from dataclasses import replace
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.hub.data_revision import pin_data
from titlecraft.hub.licence import licence_of, require_name
from titlecraft.hub.pins import pin, require_write
from titlecraft.hub.publishing import sole_publisher, work_folder
from titlecraft.models.base.prompt_of_dataset import prompt_for
from titlecraft.models.base.quantisation import resolve_quantization
from titlecraft.records import Pin, RowSettings, current_code, digest
from titlecraft.rows.folder import read_rows, settings_for
from titlecraft.settings import Recipe
from training.checkpoints.saving import Saving
from training.data.validation_rows import count_rows
from training.job import Job
from training.run import PACKAGES, run_of
from training.sweep.combinations import SweepRequest, no_rows
from training.sweep.files import finished_record, require_folder, write_files
from training.sweep.impossible import require_possible
from training.sweep.one_base import OneBase
from training.sweep.record import SweepRecord
from training.sweep.show import Screen, quiet
from training.sweep.train_rungs import TrainRungs


def sweep(asked: SweepRequest, out: Path, *, fresh: bool = False) -> SweepRecord:
    """Run or resume the sweep, write its files to `out`, and return its record.

    No-op (prints a message) if `out` holds the same sweep. Raises UserError if the sweep cannot run; a later call resumes it.
    """
    combinations, screen = asked.combinations(), Screen()
    require_folder(out)
    require_write(asked.repo)
    with sole_publisher(asked.repo, "model"):
        settings = replace(asked.recipe.base, quantization=resolve_quantization(asked.recipe.base.quantization))
        recipe = replace(asked.recipe, base=settings)
        data, base = pin_data(asked.dataset), pin(f"{settings.repo}@{settings.revision}", "model")
        require_name(asked.repo, licence_of(base), base)
        rows = settings_for(data, RowSettings.of(recipe))
        code = current_code("sweep", *PACKAGES)
        combinations = [replace(one, recipe=replace(one.recipe, base=settings)) for one in combinations]
        runs = {one.number: run_of(data, base, one.recipe, code, rows) for one in combinations}
        key = digest({"runs": [run.key for run in runs.values()]})
        if done := finished_record(out, key, fresh):
            print(f"nothing to do: {out} holds this very sweep")
            return done
        require_possible(combinations, base)
        require_validation_rows(data, recipe, rows)
        work = work_folder("sweep", asked.repo)
        if fresh:
            shutil.rmtree(work)
            work.mkdir()
        one_base = OneBase(open_job(data, base, recipe, rows, work))
        with quiet(work / "output.log"):
            rungs = TrainRungs(combinations, runs, one_base, work, screen)
            rungs.require_effect(asked.swept)
            screen.plan(rungs)
            with screen.live():
                rungs.train()
            record = SweepRecord(
                key=key,
                code=code,
                dataset=data,
                base=base,
                base_settings=settings,
                lora=recipe.lora,
                training=recipe.training,
                prompt_format=recipe.prompt.format,
                swept=dict(asked.swept),
                rows=rows,
                **rungs.outcome(),
            )
        write_files(record, dict(asked.given), out)
        shutil.rmtree(work)
    screen.end(record)
    return record


def require_validation_rows(data: Pin, recipe: Recipe, rows: RowSettings | None) -> None:
    """Raise UserError if there are no validation rows to score."""
    if message := no_rows(data, recipe, count_rows(data, rows)):
        raise UserError(message)


def open_job(data: Pin, base: Pin, recipe: Recipe, row_settings: RowSettings | None, work: Path) -> Job:
    """The job that all runs share: dataset, base, prompt and row settings."""
    rows = read_rows(data, row_settings) if row_settings else None
    prompt, _ = prompt_for(data, base, recipe.prompt.format, rows)
    validating = replace(recipe.training, validate_every=None)
    saving = Saving(run_of(data, base, recipe, current_code("sweep"), row_settings), work)
    return Job(data, base, prompt, replace(recipe, training=validating), work, saving, False, rows=rows)
