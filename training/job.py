"""The objects that a training run passes on: the user's run options, the job that rank 0 broadcasts, and what rank 0 adds to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from titlecraft.prompt import PromptFormat
from titlecraft.records import Chosen, Code, Licence, Pin, ReadRows, RowSettings, TrainedPrompt
from titlecraft.settings import Recipe
from training.checkpoints.saving import Saving
from training.watching.watch import Watch


@dataclass(frozen=True)
class RunOptions:
    """Options of `titlecraft train` that do not change the trained adapter.

    Args:
        private: create the target repo as a private one.
        fresh: train and publish even if the same inputs were trained before; delete unfinished checkpoints.
        resume: continue from the newest checkpoint of the same training, in the work folder or on the Hub.
        save_every: steps between checkpoints; None saves one about every ten minutes, 0 saves none.
        push_every: steps between checkpoints that are pushed to a branch of the target repo; None pushes none.
        auto_batch: after a CUDA out-of-memory error, retry the same steps with a smaller batch and more accumulation.
        watch: tracker that shows the run on this machine.
        publish_metrics: publish what the tracker wrote, with the adapter.
        country: measure the energy, with the carbon intensity of this country's grid (ISO 3166, three letters).
        chosen: the sweep that chose the recipe, for record and card.
    """

    private: bool
    fresh: bool = False
    resume: bool = False
    save_every: int | None = None
    push_every: int | None = None
    auto_batch: bool = False
    watch: Watch = "none"
    publish_metrics: bool = False
    country: str | None = None
    chosen: Chosen | None = None


@dataclass(frozen=True)
class Job:
    """One training. Rank 0 creates it and broadcasts it to the other ranks.

    Args:
        data: pin of the dataset.
        base: pin of the base model.
        trained_prompt: the prompt of every example, and why it has its format.
        recipe: all settings.
        folder: where adapter, tokenizer, log and plot are written, by rank 0.
        saving: when and where checkpoints are saved.
        auto_batch: as in RunOptions.
        given: dotted names of the settings that a recipe file or an option set; the others are defaults.
        rows: how the rows of a dataset were read that Titlecraft did not build.
    """

    data: Pin
    base: Pin
    trained_prompt: TrainedPrompt
    recipe: Recipe
    folder: Path
    saving: Saving
    auto_batch: bool
    given: frozenset[str] = frozenset()
    rows: ReadRows | None = None

    @property
    def prompt(self) -> PromptFormat:
        """The prompt of every example."""
        return self.trained_prompt.prompt

    @property
    def row_settings(self) -> RowSettings | None:
        """How the rows of the dataset are read; None for a dataset that Titlecraft built."""
        return self.rows.settings if self.rows else None


@dataclass(frozen=True)
class Rank0:
    """What rank 0 needs beside the job: fields of the record, trackers, and the energy meter.

    Args:
        key: of the training.
        code: versions of the code that trains.
        licence: of the base.
        callbacks: trainer callbacks of the trackers.
        country, chosen: as in RunOptions.
    """

    key: str
    code: Code
    licence: Licence
    callbacks: Sequence[Any] = ()
    country: str | None = None
    chosen: Chosen | None = None
