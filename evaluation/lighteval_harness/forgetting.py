"""Runs standard benchmarks of lighteval before and after (`--also "lighteval|arc:easy|0"`), to measure forgetting.

The benchmark's dataset is pinned to its current commit and named in the record.
"""

import copy
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from evaluation.lighteval_harness.hub_tasks import measure_name
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
    """A lighteval task, its number of few-shot examples, and its pinned dataset."""

    config: Any
    examples: int
    dataset: Pin


def task_modules(name: str) -> list[ModuleType]:
    """lighteval's modules that define a task of this name. Sources are searched as text: some modules need a network to import."""
    spec = find_spec(TASKS)
    assert spec is not None and spec.submodule_search_locations
    (folder,) = spec.submodule_search_locations
    defines = (f'name="{name}"', f'name=f"{name.partition(":")[0]}:')
    files = [
        file
        for file in sorted(Path(folder).rglob("*.py"))
        if any(definition in file.read_text() for definition in defines)
    ]
    return [
        import_module(".".join([TASKS, *file.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__"))
        for file in files
    ]


def find_benchmark(requested: str) -> Benchmark:
    """The benchmark named "lighteval|arc:easy|0" or "arc:easy|0". Raises UserError if it does not exist or has no choices."""
    from lighteval.tasks.requests import SamplingMethod

    name, _, examples = requested.removeprefix("lighteval|").partition("|")
    if not examples.isdecimal() or not examples.isascii():
        raise UserError(f'--also {requested!r}: expected "lighteval|TASK|EXAMPLES", such as "lighteval|arc:easy|0"')
    tables = [getattr(module, "TASKS_TABLE", []) for module in task_modules(name)]
    configs = [config for table in tables for config in table if config.name == name]
    if not configs:
        raise UserError(
            f"--also {requested!r}: lighteval has no task {name!r}; its tasks are listed in its documentation"
        )
    if any(metric.category != SamplingMethod.LOGPROBS for metric in configs[0].metrics):
        raise UserError(f"--also {requested!r}: it is answered in text; only tasks with choices can be compared here")
    if corpus_metrics := [metric.metric_name for metric in configs[0].metrics if not is_mean(metric)]:
        raise UserError(
            f"--also {requested!r}: its metric {corpus_metrics[0]} is none of single questions, which a paired comparison needs; take a "
            "task with accuracies"
        )
    dataset = pin(configs[0].hf_repo, "dataset")
    if script := [name for name in files_of(dataset) if name == f"{dataset.repo.split('/')[-1]}.py"]:
        raise UserError(
            f"--also {requested!r}: {dataset} is made by a script of its own ({script[0]}), which is never run here: it could do "
            "anything with this machine and its tokens; take another task"
        )
    return Benchmark(configs[0], int(examples), dataset)


def is_mean(metric: Any) -> bool:
    """Whether a lighteval metric is a mean over questions, and not a perplexity, F1 or correlation over all of them."""
    aggregate = metric.corpus_level_fn
    return all(function is np.mean for function in (aggregate.values() if isinstance(aggregate, dict) else [aggregate]))


def find_benchmarks(names: list[str]) -> list[Benchmark]:
    """The benchmarks of these names, without repeats. Raises UserError; see `find_benchmark`."""
    if not names:
        return []
    with restored_process():
        by_name = {(benchmark.config.name, benchmark.examples): benchmark for benchmark in map(find_benchmark, names)}
    return list(by_name.values())


def task_of_arm(benchmark: Benchmark, arm: str) -> Any:
    """A copy of the benchmark's task over the pinned dataset, with arm and number of examples in its name."""
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
    """All metrics of all benchmarks before and after, paired by question, with p-values corrected among themselves."""
    if not benchmarks:
        return []
    with restored_process():
        from evaluation.lighteval_harness.choices import BothArmsChoose
        from evaluation.lighteval_harness.tasks import ARMS

        tasks = {
            (index, arm): task_of_arm(benchmark, arm) for index, benchmark in enumerate(benchmarks) for arm in ARMS
        }
        names = {(index, arm): f"{task.name}|{benchmarks[index].examples}" for (index, arm), task in tasks.items()}
        with registry_of(list(tasks.values())) as module:
            model = BothArmsChoose(loaded, settings.batch_size, progress, finished)
            pipeline = make_pipeline(list(names.values()), module, model, scratch)
            pipeline.evaluate()
    details = pipeline.evaluation_tracker.details_logger.details
    measures = []
    for index, benchmark in enumerate(benchmarks):
        values = {arm: metrics_by_question(details[names[index, arm]]) for arm in ARMS}
        measures += compare_benchmark(benchmark, values, settings)
    return correct(measures, primary="")


def metrics_by_question(details: list[Any]) -> dict[str, dict[str, float]]:
    """Id of the question -> name of the metric -> value, from lighteval's details."""
    return {detail.doc.id: {name: float(value) for name, value in detail.metric.items()} for detail in details}


def compare_benchmark(
    benchmark: Benchmark, values: dict[str, dict[str, dict[str, float]]], settings: Evaluation
) -> list[Measure]:
    """The metrics of one benchmark before and after. Raises UserError if the arms have different questions."""
    before, after = values["before"], values["after"]
    name, questions = benchmark.config.name, sorted(before)
    if questions != sorted(after):
        raise UserError(f"the arms were not asked the same questions of {name}: please report it")
    better = {}
    for metric in benchmark.config.metrics:
        higher = metric.higher_is_better
        names = metric.metric_name if isinstance(metric.metric_name, list) else [metric.metric_name]
        better |= higher if isinstance(higher, dict) else dict.fromkeys(names, higher)
    measures, shots = [], f", {benchmark.examples}-shot" if benchmark.examples else ""
    for metric in sorted(before[questions[0]]):
        entry = Entry(
            name=measure_name(name, metric, benchmark.examples),
            label=f"{name} {metric}{shots}",
            group="forgetting",
            unit="0–1",
            better="higher" if better[metric] else "lower",
            definition=f"lighteval's metric {metric} of its task {name} with {benchmark.examples} examples before each "
            "question; the mean over questions. Choices are compared by their likelihood, in plain text.",
            source=f"lighteval; {benchmark.dataset}",
            reads=Scored,
            value=float,
        )
        measures.append(
            compare(
                entry,
                [before[question][metric] for question in questions],
                [after[question][metric] for question in questions],
                settings,
            )
        )
    return measures
