"""Standard benchmarks of lighteval before and after (`--also "lighteval|arc:easy|0"`): what did the adapter forget?

The benchmark's data set is pinned to its present commit and named in the record.
"""

import copy
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from evaluation.lighteval_harness.pipeline import make_pipeline, registry_of, restored_process
from evaluation.measures import Entry, Scored
from evaluation.model.finished_batches import FinishedBatches
from evaluation.progress import Progress
from evaluation.statistics.paired import compare, correct
from titlecraft.errors import UserError
from titlecraft.hub.pins import pin
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.base.files import files_of
from titlecraft.records import Measure, Pin
from titlecraft.settings import Evaluation

TASKS = "lighteval.tasks.tasks"


@dataclass(frozen=True)
class Benchmark:
    """One task of lighteval, with how many examples stand in front of a question, and its pinned data set."""

    config: Any
    examples: int
    dataset: Pin


def task_modules(name: str) -> list[ModuleType]:
    """lighteval's modules that define a task of this name, found by reading: importing them all would need a network."""
    spec = find_spec(TASKS)
    assert spec is not None and spec.submodule_search_locations
    (folder,) = spec.submodule_search_locations
    defines = (f'name="{name}"', f'name=f"{name.partition(":")[0]}:')
    files = [file for file in sorted(Path(folder).rglob("*.py")) if any(said in file.read_text() for said in defines)]
    return [
        import_module(".".join([TASKS, *file.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__"))
        for file in files
    ]


def find_benchmark(asked: str) -> Benchmark:
    """The benchmark of "lighteval|arc:easy|0" or "arc:easy|0". Raises UserError where there is none, or it has no choices."""
    from lighteval.tasks.requests import SamplingMethod

    name, _, examples = asked.removeprefix("lighteval|").partition("|")
    if not examples.isdecimal() or not examples.isascii():
        raise UserError(f'--also {asked!r}: expected "lighteval|TASK|EXAMPLES", such as "lighteval|arc:easy|0"')
    tables = [getattr(module, "TASKS_TABLE", []) for module in task_modules(name)]
    found = [config for table in tables for config in table if config.name == name]
    if not found:
        raise UserError(f"--also {asked!r}: lighteval has no task {name!r}; its tasks are listed in its documentation")
    if any(metric.category != SamplingMethod.LOGPROBS for metric in found[0].metrics):
        raise UserError(f"--also {asked!r}: it is answered in text; only tasks with choices can be compared here")
    if whole := [metric.metric_name for metric in found[0].metrics if not is_mean(metric)]:
        raise UserError(
            f"--also {asked!r}: its metric {whole[0]} is none of single questions, which a paired comparison needs; take a "
            "task with accuracies"
        )
    dataset = pin(found[0].hf_repo, "dataset")
    if script := [name for name in files_of(dataset) if name == f"{dataset.repo.split('/')[-1]}.py"]:
        raise UserError(
            f"--also {asked!r}: {dataset} is made by a script of its own ({script[0]}), which is never run here: it could do "
            "anything with this machine and its tokens; take another task"
        )
    return Benchmark(found[0], int(examples), dataset)


def is_mean(metric: Any) -> bool:
    """Whether a metric of lighteval is a mean over questions; not so a perplexity, an F1 or a correlation over all of them."""
    over_all = metric.corpus_level_fn
    return all(one is np.mean for one in (over_all.values() if isinstance(over_all, dict) else [over_all]))


def find_benchmarks(asked: list[str]) -> list[Benchmark]:
    """All that were asked for, each once, before anything else is computed. Raises UserError."""
    if not asked:
        return []
    with restored_process():
        found = {(one.config.name, one.examples): one for one in map(find_benchmark, asked)}
    return list(found.values())


def for_arm(benchmark: Benchmark, arm: str) -> Any:
    """The task again, under a name that says the arm and the examples, over the pinned data set."""
    config = copy.copy(benchmark.config)
    config.name, config.hf_revision = f"{arm}_{benchmark.examples}_{config.name}", benchmark.dataset.revision
    return config


def compare_benchmarks(
    loaded: Loaded,
    benchmarks: list[Benchmark],
    settings: Evaluation,
    progress: Progress,
    finished: FinishedBatches,
    scratch: Path,
) -> list[Measure]:
    """Every metric of every benchmark before and after, paired by question, corrected among themselves."""
    if not benchmarks:
        return []
    with restored_process():
        from evaluation.lighteval_harness.choices import BothArmsChoose
        from evaluation.lighteval_harness.tasks import ARMS

        tasks = {(place, arm): for_arm(one, arm) for place, one in enumerate(benchmarks) for arm in ARMS}
        names = {(place, arm): f"{task.name}|{benchmarks[place].examples}" for (place, arm), task in tasks.items()}
        with registry_of(list(tasks.values())) as module:
            model = BothArmsChoose(loaded, settings.batch_size, progress, finished)
            pipeline = make_pipeline(list(names.values()), module, model, scratch)
            pipeline.evaluate()
    details = pipeline.evaluation_tracker.details_logger.details
    measures = []
    for place, one in enumerate(benchmarks):
        values = {arm: by_question(details[names[place, arm]]) for arm in ARMS}
        measures += compare_one(one, values, settings)
    return correct(measures, primary="")


def by_question(details: list[Any]) -> dict[str, dict[str, float]]:
    """lighteval's metrics by the question's id and the metric's name."""
    return {detail.doc.id: {name: float(value) for name, value in detail.metric.items()} for detail in details}


def compare_one(
    benchmark: Benchmark, values: dict[str, dict[str, dict[str, float]]], settings: Evaluation
) -> list[Measure]:
    """The metrics of one benchmark. Raises UserError where the arms were not asked the same questions."""
    before, after = values["before"], values["after"]
    name, questions = benchmark.config.name, sorted(before)
    if questions != sorted(after):
        raise UserError(f"the arms were not asked the same questions of {name}: please report it")
    better = {}
    for metric in benchmark.config.metrics:
        higher = metric.higher_is_better
        names = metric.metric_name if isinstance(metric.metric_name, list) else [metric.metric_name]
        better |= higher if isinstance(higher, dict) else dict.fromkeys(names, higher)
    found, behind = [], f", {benchmark.examples}-shot" if benchmark.examples else ""
    for metric in sorted(before[questions[0]]):
        entry = Entry(
            name=f"{name}:{metric}{behind}",
            label=f"{name} {metric}{behind}",
            group="forgetting",
            unit="0–1",
            better="higher" if better[metric] else "lower",
            definition=f"lighteval's metric {metric} of its task {name}, {benchmark.examples} examples in front of a "
            "question; the mean over questions. Choices are compared by their likelihood, in plain text.",
            source=f"lighteval; {benchmark.dataset}",
            reads=Scored,
            value=float,
        )
        found.append(
            compare(
                entry, [before[one][metric] for one in questions], [after[one][metric] for one in questions], settings
            )
        )
    return found
