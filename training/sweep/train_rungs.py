"""Trains the recipes of a sweep rung by rung and drops the worse half after each rung. Results on disk are reused."""

from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from titlecraft.errors import UserError
from titlecraft.models.base.model import device_name
from titlecraft.records import digest
from training.checkpoints.folder import Run
from training.data.packing import packed_dataset
from training.planning.validation_schedule import forward_passes
from training.steps import Steps, count_steps
from training.sweep.combinations import Combination, no_effect
from training.sweep.finished import Finished
from training.sweep.halving import plan_rungs, rows_to_score, survivors
from training.sweep.intervals import CONFIDENCE, paired_interval
from training.sweep.one_base import OneBase
from training.sweep.record import Difference, Judged, PlannedRung, SweptRun, nll

FEWEST_ROWS = 64  # validation rows of a rung, if the split has as many


class Watcher(Protocol):
    """Interface for progress output; `training.sweep.show.Screen` implements it."""

    def running(self, rungs: "TrainRungs", number: int, step: int) -> None:
        """Called when recipe `number` starts to train until `step`."""

    def finished(self, rungs: "TrainRungs", number: int) -> None:
        """Called when recipe `number` has a new validation loss, or has failed."""

    def show(self, rungs: "TrainRungs", alive: list[int] | None) -> None:
        """Called at the end of a rung; `alive` are the recipes of the next one."""


class TrainRungs:
    """A sweep in progress: the validation results of each recipe, or its error.

    Args:
        combinations: the recipes, numbered from 1.
        runs: number -> key of the recipe's training.
        one_base: trains the recipes.
        work: folder for checkpoints and results.
        screen: shows the progress.
    """

    def __init__(
        self, combinations: list[Combination], runs: Mapping[int, Run], one_base: OneBase, work: Path, screen: Watcher
    ) -> None:
        self.combinations = {one.number: one for one in combinations}
        self.runs, self.one_base, self.work, self.screen = runs, one_base, work, screen
        self.finished = Finished(work / "results")
        self.tokens = [len(answer) for _, answer in one_base.sample]
        self.judged: dict[int, list[Judged]] = {number: [] for number in self.combinations}
        self.failed: dict[int, str] = {}
        self.steps = {number: self.steps_of(one).count for number, one in self.combinations.items()}
        self.rungs = self.plan()

    def items(self) -> int:
        """Examples of the training split, or packed rows; the same for all recipes."""
        examples, training = self.one_base.encoded.examples, self.one_base.job.recipe.training
        if not training.packing:
            return len(examples.dataset)
        return len(packed_dataset(examples.dataset, examples.lengths, self.one_base.encoded.longest, training.seed))

    def steps_of(self, combination: Combination) -> Steps:
        """Steps of a recipe's whole run."""
        return count_steps(self.items(), combination.recipe.training)

    def plan(self) -> list[PlannedRung]:
        """The rungs, each with its validation rows."""
        rungs, share_of_items = (
            plan_rungs(len(self.combinations)),
            len(self.one_base.encoded.examples.dataset) / self.items(),
        )
        cheapest = min(
            forward_passes(one.recipe.training) * self.steps_of(one).items_seen * share_of_items
            for one in self.combinations.values()
        )
        return [
            PlannedRung(
                share=rung.share,
                runs=rung.runs,
                rows=rows_to_score(rung, rungs, int(cheapest), len(self.tokens), FEWEST_ROWS),
            )
            for rung in rungs
        ]

    def require_effect(self, swept: Mapping[str, list[Any]]) -> None:
        """Raise UserError if a swept setting is not used, so that recipes would be the same."""
        for number, one in self.combinations.items():
            config = self.one_base.encoded.config
            if note := no_effect(swept, one.recipe, config, self.items(), self.steps[number]):
                raise UserError(f"titlecraft sweep: {note}")

    def step(self, number: int, position: int) -> int:
        """The step at which a recipe is judged in a rung."""
        return max(1, int(np.ceil(self.rungs[position].share * self.steps[number])))

    def train(self) -> None:
        """Train all rungs. Raises UserError if no recipe could be trained."""
        alive = list(self.combinations)
        for position, rung in enumerate(self.rungs):
            for number in alive:
                self.judge(number, position)
            losses = {number: self.nll(number) for number in alive if number not in self.failed}
            while len(losses) < rung.runs and (dropped := self.best_dropped(position)):
                for missing in range(len(self.judged[dropped]), position + 1):
                    if dropped not in self.failed:
                        self.judge(dropped, missing)
                if dropped not in self.failed:
                    losses[dropped] = self.nll(dropped)
            if not losses:
                first = next(iter(self.failed.values()))
                raise UserError(f"titlecraft sweep: none of the recipes could be trained: {first}")
            if position + 1 < len(self.rungs):
                alive = survivors(losses, self.rungs[position + 1].runs)
            self.screen.show(self, alive)

    def best_dropped(self, position: int) -> int | None:
        """The recipe to train instead of one that failed in this rung: of those that came furthest, the lowest loss; None without one."""
        known = {number: judged for number, judged in self.judged.items() if number not in self.failed}
        dropped = [number for number, judged in known.items() if len(judged) <= position]
        return min(dropped, key=lambda number: (-len(known[number]), self.nll(number), number), default=None)

    def judge(self, number: int, position: int) -> None:
        """Train a recipe until the step of a rung and store its validation result. No-op if the result is on disk."""
        run, step, rows = self.runs[number], self.step(number, position), self.rungs[position].rows
        judged = self.finished.read(run.key, step, rows)
        if judged is None:
            self.screen.running(self, number, step)
            folder = self.work / "runs" / run.key[:16] / "checkpoints"
            try:
                judged = self.one_base.train_until(self.combinations[number].recipe, run, folder, step, rows)
            except (UserError, torch.OutOfMemoryError) as error:
                memory = "the GPU's memory is full"
                self.failed[number] = memory if isinstance(error, torch.OutOfMemoryError) else str(error)
                self.screen.finished(self, number)
                return
            self.finished.write(judged)
        self.judged[number].append(judged)
        self.screen.finished(self, number)

    def fault(self, number: int) -> str | None:
        """The error of a recipe, without its advice for a single training; None if the recipe did not fail."""
        return self.failed[number].partition("; ")[0] if number in self.failed else None

    def nll(self, number: int) -> float:
        """The latest validation NLL of a recipe; infinity before the first one."""
        return nll(self.judged[number][-1].losses, self.tokens) if self.judged[number] else inf

    def base_losses(self) -> list[float]:
        """Summed NLL of each validation row under the base alone."""
        key = digest(
            {"base": [run.key for run in self.runs.values()]}
        )  # a dataset or base that changed has other losses
        known = self.finished.read(key, 0, len(self.tokens))
        if known is None:
            known = Judged(key=key, step=0, losses=self.one_base.base_losses(), seconds=0.0, tokens=0)
            self.finished.write(known)
        return known.losses

    def outcome(self) -> dict[str, Any]:
        """The results as fields of SweepRecord."""
        last = len(self.rungs)
        finalists = [
            number for number in self.combinations if len(self.judged[number]) == last and number not in self.failed
        ]
        best = survivors({number: self.nll(number) for number in finalists}, 1)[0]
        return {
            "rungs": self.rungs,
            "tokens": self.tokens,
            "base_losses": self.base_losses(),
            "runs": [
                SweptRun(
                    number=number,
                    key=self.runs[number].key,
                    settings=one.settings,
                    steps=self.steps[number],
                    judged=self.judged[number],
                    failed=self.fault(number),
                )
                for number, one in self.combinations.items()
            ],
            "best": best,
            "differences": [
                self.difference(number, best) for number in self.combinations if number != best and self.judged[number]
            ],
            "confidence": CONFIDENCE,
            "device": device_name(),
        }

    def difference(self, number: int, best: int) -> Difference:
        """A recipe compared with the best one, at the last rung of the recipe and on the rows of that rung."""
        rung = len(self.judged[number]) - 1
        losses, others = (np.array(self.judged[one][rung].losses) for one in (number, best))
        difference, low, high = paired_interval(losses, others, np.array(self.tokens[: len(losses)]))
        return Difference(
            number=number, rung=rung, difference=round(difference, 6), low=round(low, 6), high=round(high, 6)
        )
