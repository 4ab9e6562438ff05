"""Level card, `.eval_results`: each result that the Hub shows is that of a report, at the commit that published the report."""

from collections.abc import Iterator
from dataclasses import asdict

from evaluation.lighteval_harness.hub_tasks import hub_task_id
from model_card.hub_results import expected_entries, from_yaml, results_of
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.records import BenchmarkResult
from titlecraft.records.repo_files import HUB_TASKS


def verify_hub_results(state: RepoState) -> list[Line]:
    """Lines about the results of standard benchmarks, a line for each field."""
    checks = Checks("card", "files")
    return checks.gather(check_hub_results(checks, state))


def check_hub_results(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Compares each file with the entry made from the reports, and each benchmark task with its dataset's eval.yaml."""
    reports = [state.report(folder) for folder in state.readable_reports()]
    for path, expected in expected_entries(state.pin, reports).items():
        raw = state.read(path)
        if raw is None:
            advice = "`titlecraft evaluate` with the same settings publishes it"
            yield checks.not_looked_at(path, "missing", "result in the report only", advice)
            continue
        published = asdict(from_yaml(raw, state.describe(path)))
        for field, value in asdict(expected).items():
            if (published[field], value) != (None, None):
                yield checks.equal(f"{path}: {field}", published[field], value)
    for report in reports:
        for result, _ in results_of(report):
            if result.task_id:
                yield check_task(checks, report.id, result)


def check_task(checks: Checks, id: str, result: BenchmarkResult) -> Line:
    """A line that holds if the dataset's eval.yaml has the task at the pinned commit."""
    found = hub_task_id(result.dataset, result.config, result.split)
    claim = f"report {id}: task of {result.measure} in {HUB_TASKS} of {result.dataset.repo}"
    return checks.equal(claim, result.task_id, found or "none")
