"""The Hub's name of a benchmark: a task of the `eval.yaml` in its dataset's root, which registers a benchmark on the Hub."""

from typing import Any

import yaml

from titlecraft.hub.pins import read_file
from titlecraft.records import BenchmarkResult, Measure, Pin
from titlecraft.records.repo_files import HUB_TASKS


def hub_task_id(dataset: Pin, config: str, split: str) -> str | None:
    """The id of the task of a dataset's `eval.yaml` over this configuration and split; None without exactly one."""
    raw = read_file(dataset, HUB_TASKS)
    try:
        content = yaml.safe_load(raw or b"")
    except yaml.YAMLError:
        return None  # the Hub refuses such a file, too
    tasks = content.get("tasks") if isinstance(content, dict) else None
    ids = [
        task.get("id")
        for task in (tasks if isinstance(tasks, list) else [])
        if isinstance(task, dict) and (task.get("config", "default"), task.get("split", "test")) == (config, split)
    ]
    return ids[0] if len(ids) == 1 and isinstance(ids[0], str) and ids[0] else None


def measure_name(task: str, metric: str, examples: int) -> str:
    """The name of a benchmark's measure: "arc:easy:acc, 2-shot"."""
    return f"{task}:{metric}" + (f", {examples}-shot" if examples else "")


def metric_names(config: Any) -> list[str]:
    """The names of a lighteval task's metrics, in its own order."""
    names = [metric.metric_name for metric in config.metrics]
    return [name for group in names for name in (group if isinstance(group, list) else [group])]


def benchmark_results(benchmarks: list[Any], measures: list[Measure]) -> list[BenchmarkResult]:
    """What was measured by each measure of these benchmarks. Only the first metric of a task can be its result on the Hub,
    which has one value for each task, and for which higher is better."""
    by_name, results = {measure.name: measure for measure in measures}, []
    for benchmark in benchmarks:
        config, split = benchmark.config.hf_subset or "default", next(iter(benchmark.config.evaluation_splits))
        task_id = hub_task_id(benchmark.dataset, config, split)
        for metric in metric_names(benchmark.config):
            measure = by_name.get(measure_name(benchmark.config.name, metric, benchmark.examples))
            if measure is None:
                continue
            on_hub = task_id if measure.better == "higher" else None
            results.append(BenchmarkResult(measure.name, benchmark.dataset, config, split, on_hub))
            task_id = None
    return results
