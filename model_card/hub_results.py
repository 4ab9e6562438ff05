"""`.eval_results/*.yaml`: the results of standard benchmarks as the Hub shows them on the model's page and on the benchmark's leaderboard.

The fields: https://huggingface.co/docs/hub/eval-results. A result links to its report at the commit that published it, so the files
are a commit of their own, after the report's.
"""

import re
import tempfile
from pathlib import Path

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml, parse_eval_result_entries
from huggingface_hub.hf_api import LastCommitInfo
from msgspec import UNSET

from model_card.inputs import report_ages, reports
from model_card.lineage.trained import is_about
from titlecraft.errors import UserError
from titlecraft.hub.data_revision import last_commits
from titlecraft.hub.pins import read_file, require_write
from titlecraft.hub.publishing import publish, sole_publisher
from titlecraft.records import REPORT, TRAINING_RECORD, BenchmarkResult, EvaluationRecord, Measure, Pin
from titlecraft.records.repo_files import HUB_RESULTS

HUB = "https://huggingface.co"  # a link in a published file must be absolute


def results_of(report: EvaluationRecord) -> list[tuple[BenchmarkResult, Measure]]:
    """What each benchmark of a report was measured on, with its measure; empty for reports of earlier versions."""
    measures = {measure.name: measure for measure in report.also}
    results = [] if report.benchmark_results is UNSET else report.benchmark_results
    return [(result, measures[result.measure]) for result in results if result.measure in measures]


def file_of(result: BenchmarkResult) -> str:
    """The path of a result: ".eval_results/arc_easy_acc_2-shot.yaml"."""
    return f"{HUB_RESULTS}/{re.sub('[^A-Za-z0-9.-]+', '_', result.measure)}.yaml"


def entry_of(
    repo: str, report: EvaluationRecord, result: BenchmarkResult, measure: Measure, at: LastCommitInfo
) -> EvalResultEntry:
    """The Hub's entry of a result. `at` is the commit that published the report."""
    assert result.task_id is not None
    return EvalResultEntry(
        dataset_id=result.dataset.repo,
        task_id=result.task_id,
        value=percent(measure.after),
        dataset_revision=result.dataset.revision,
        date=at.date.date().isoformat(),
        source_url=f"{HUB}/{repo}/blob/{at.oid}/evaluation/{report.id}/{REPORT}",
        source_name="Titlecraft report",
        notes=f"lighteval {measure.label}, in percent of {measure.n} questions; {percent(measure.before)} before tuning",
    )


def percent(value: float) -> float:
    """A mean of 0 to 1 in percent with two decimals, as the Hub's benchmarks are given."""
    return round(100 * value, 2)


def to_yaml(entry: EvalResultEntry) -> bytes:
    """The bytes of a file with this one entry."""
    return yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True).encode()


def from_yaml(raw: bytes, where: str) -> EvalResultEntry:
    """The one entry of a file. Raises UserError if it is not a list of one entry with the Hub's fields."""
    try:
        (entry,) = parse_eval_result_entries(yaml.safe_load(raw))
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{where}: expected a list of one result with dataset.id, dataset.task_id and value") from None
    return entry


def expected_entries(state: Pin, candidates: list[EvaluationRecord]) -> dict[str, EvalResultEntry]:
    """Path -> the entry that belongs there, from the reports in `state` about its adapter; of two reports the newest counts.

    Raises UserError if the Hub does not answer.
    """
    with_results = [report for report in candidates if any(result.task_id for result, _ in results_of(report))]
    if not with_results:
        return {}
    training = read_file(state, TRAINING_RECORD) or b""
    about = [report for report in with_results if is_about(report, training)]
    ages = report_ages(state, [report.id for report in about])
    commits = last_commits(state, [f"evaluation/{report.id}/{REPORT}" for report in about])
    entries: dict[str, EvalResultEntry] = {}
    for report in sorted(about, key=lambda report: -ages.get(report.id, 0)):
        commit = commits.get(f"evaluation/{report.id}/{REPORT}")
        for result, measure in results_of(report) if commit else ():
            if result.task_id and commit:
                entries[file_of(result)] = entry_of(state.repo, report, result, measure, commit)
    return entries


def publish_hub_results(head: Pin) -> Pin:
    """Publish the results of all reports in the head for the Hub; return the new head, or `head` if nothing changes.

    Raises UserError: no write access, a head that moved, an unreachable Hub.
    """
    files = {path: to_yaml(entry) for path, entry in expected_entries(head, reports(None, head, head.repo)).items()}
    if all(read_file(head, path) == raw for path, raw in files.items()):
        return head
    require_write(head.repo)
    with tempfile.TemporaryDirectory() as temporary, sole_publisher(head.repo, "model"):
        for path, raw in files.items():
            (Path(temporary) / path).parent.mkdir(exist_ok=True)
            (Path(temporary) / path).write_bytes(raw)

        def check(local: Path) -> None:
            for path in files:
                from_yaml((local / path).read_bytes(), path)

        message = f"Results of {len(files)} standard benchmark{'s' * (len(files) > 1)} for the Hub"
        replaces = (f"{HUB_RESULTS}/*",)
        return publish(head.repo, "model", head, Path(temporary), message, private=True, replaces=replaces, check=check)


def words(report: EvaluationRecord) -> list[str]:
    """Lines for the console: where each result of a report is shown on the Hub."""
    lines = []
    for result, _ in results_of(report):
        where = f"{result.dataset.repo} ({result.config}, {result.split})"
        if result.task_id:
            lines.append(f"{result.measure}: {file_of(result)}, task {result.task_id} of {where}")
        else:
            reason = f"no task of an eval.yaml in {where} is this one"
            lines.append(f"{result.measure}: in the card's model-index, because {reason}")
    return lines
