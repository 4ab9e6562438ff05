"""Runs the experiment in lighteval 0.13 and works around its faults; each "because" names one fault.

Used of lighteval: the tasks and their documents from the pinned dataset, the calls to the model, each metric of each
document, and the details. Not used: its prediction cache, its standard errors, and its results file with clock times
and empty provenance.
"""

import logging
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from evaluation.lighteval_harness.without_inspect import INSPECT, SKLEARN, without
from evaluation.lookup.sources import Lookup
from evaluation.model.finished_batches import FinishedBatches
from evaluation.outcome import Outcome
from evaluation.progress import Progress
from evaluation.titles.draw import Sample, Title
from titlecraft.errors import UserError
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.decoding.decoder import Decoder
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin
from titlecraft.settings import Recipe


@contextmanager
def restored_process() -> Iterator[None]:
    """Restore after the block what lighteval changes for the whole process; it finds no scikit-learn meanwhile.

    Needed because importing lighteval disables gradients globally, and its pipeline reseeds `random` and NumPy.
    """
    gradients, python_state, numpy_state = torch.is_grad_enabled(), random.getstate(), np.random.get_state()
    try:
        with without(SKLEARN):
            yield
    finally:
        torch.set_grad_enabled(gradients)
        random.setstate(python_state)
        np.random.set_state(numpy_state)


@contextmanager
def registry_of(tasks: list[Any]) -> Iterator[Any]:
    """Yield a task module for the pipeline, while lighteval's registry loads only these tasks.

    Needed because the registry imports every built-in task, and one of them downloads a pickle when imported: lighteval
    cannot start without a network, and an evaluation must not download what it does not pin.
    """
    from lighteval.tasks.registry import Registry

    def load_tasks(custom_tasks: Any = None, load_multilingual: bool = False) -> dict[str, Any]:
        return {task.name: task for task in custom_tasks.TASKS_TABLE}

    with patch.object(Registry, "load_all_task_configs", staticmethod(load_tasks)):
        yield SimpleNamespace(TASKS_TABLE=tasks)


def make_pipeline(names: list[str], tasks: Any, model: Any, scratch: Path) -> Any:
    """lighteval's pipeline over tasks with these full names ("before|0"); `tasks` is the module that `registry_of` yields."""
    from lighteval.logging.evaluation_tracker import EvaluationTracker
    from lighteval.pipeline import ParallelismManager, Pipeline, PipelineParameters

    return Pipeline(
        tasks=",".join(names),
        pipeline_parameters=PipelineParameters(
            launcher_type=ParallelismManager.NONE,
            custom_tasks_directory=tasks,
            bootstrap_iters=0,  # because its standard errors are wrong; significance.py has intervals
            remove_reasoning_tags=False,  # because it edits answers that hold <think>
        ),
        evaluation_tracker=EvaluationTracker(output_dir=str(scratch), save_details=False),
        model=model,
    )


def run_pipeline(
    loaded: Loaded,
    decoder: Decoder,
    sample: Sample,
    lookup: Lookup,
    dataset: Pin | Path,
    prompt: PromptFormat,
    recipe: Recipe,
    progress: Progress,
    finished: FinishedBatches,
    scratch: Path,
    grounded: Sequence[Title] = (),
) -> dict[str, list[Outcome]]:
    """Run both arms over the sample. Return arm -> outcomes in the order of the sample.

    Sampled answers add the arms "before_sampled" and "after_sampled"; titles with sources in their prompts add "grounded".

    `dataset` is the dataset's pin, or the folder that its rows were read into if Titlecraft did not build it.

    Raises UserError if the lighteval task over the pinned dataset does not have exactly the titles that were drawn.
    """
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # because its import fails without a git program
    with restored_process():
        with progress.part("importing lighteval"), without(INSPECT):
            import datasets

            from evaluation.lighteval_harness.arms import TwoArms
            from evaluation.lighteval_harness.tasks import build_tasks

        logging.getLogger("lighteval").setLevel(logging.ERROR)
        datasets.disable_progress_bars()  # it shows three bars for one small file
        tasks = build_tasks(
            dataset,
            prompt,
            sample.titles,
            lookup,
            recipe.generation.max_new_tokens,
            loaded.tokenizer.eos_token_id,
            recipe.evaluation,
            grounded,
        )
        with registry_of(tasks) as module:
            # Not lighteval's model, because it cuts the prompt to fit max_new_tokens, has no NLL per title with our token
            # boundaries, and caches predictions by name.
            model = TwoArms(loaded, decoder, sample.titles, lookup, recipe, progress, finished, grounded)
            pipeline = make_pipeline([f"{task.name}|0" for task in tasks], module, model, scratch)
            with progress.part("model and measures"):
                pipeline.evaluate()
    details = pipeline.evaluation_tracker.details_logger.details
    return {task.name: outcomes(details[f"{task.name}|0"], sample.titles) for task in tasks}


def outcomes(details: Sequence[Any], titles: Sequence[Title]) -> list[Outcome]:
    """One outcome per title, from lighteval's details of one task (one per document and kind of request)."""
    by_title: dict[str, list[Any]] = {title.title: [] for title in titles}
    for detail in details:
        by_title[detail.doc.specific["title"]].append(detail)
    result = []
    for title in titles:
        requests = by_title[title.title]
        kinds = [bool(detail.model_response.text) for detail in requests]
        if sorted(kinds) not in ([True], [False, True]):
            raise UserError(
                f"lighteval made {len(requests)} requests of {title.title!r}, expected one to generate and at most one to "
                "score: does the dataset hold the row twice?"
            )
        values: dict[str, float | None] = {
            name: float(value) for detail in requests for name, value in detail.metric.items()
        }
        (generated,) = [detail for detail in requests if detail.model_response.text]
        texts, tokens = generated.model_response.text, len(generated.model_response.output_tokens[0])
        result.append(Outcome(prompt=generated.doc.query, texts=texts, tokens=tokens, values=values))
    return result
