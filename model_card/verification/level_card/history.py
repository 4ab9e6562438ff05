"""Level card, history: the evaluated adapter is an earlier commit of this repo, the card shows the right report, and removed
reports are named.

A deleted file is still in the repo's history. If the history was rewritten, the commits that the records name are missing.
"""

from collections.abc import Iterator
from functools import lru_cache

from huggingface_hub import HfApi

from model_card.inputs import choose_report, report_ages
from model_card.lineage.trained import is_about
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState, is_report
from titlecraft.hub.data_revision import last_changes
from titlecraft.hub.errors import first_line, hub_errors
from titlecraft.hub.pins import read_file
from titlecraft.records import TRAINING_RECORD, EvaluationRecord, Pin, has_schema, read_record

MAX_COMMITS = 20  # that are searched for removed reports


def verify_history(state: RepoState) -> list[Line]:
    """Lines about the reports in the history of an adapter repo."""
    lines = []
    for check in (check_evaluated_adapter, check_shown_report, check_removed_reports):
        checks = Checks("card", "history")
        lines += checks.gather(check(checks, state))
    return lines


@lru_cache(maxsize=8)
def commits_of(pin: Pin) -> tuple[str, ...]:
    """The ids of all commits of a model up to a pin, newest first."""
    with hub_errors(f"looking into the history of {pin}", pin.repo, pin.type):
        return tuple(commit.commit_id for commit in HfApi().list_repo_commits(pin.repo, revision=pin.revision))


@lru_cache(maxsize=8)
def current_id(repo: str) -> str:
    """The current id of a model. A Hub redirects the old name of a renamed repo."""
    with hub_errors(f"looking up {repo}", repo, "model"):
        return str(HfApi().repo_info(repo).id)


def check_evaluated_adapter(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Each report evaluated a commit of this repo."""
    for folder in state.readable_reports():
        adapter = state.report(folder).adapter
        yield checks.equal(f"{folder}: repo of the evaluated adapter", current_id(adapter.repo), state.pin.repo)
        earlier = adapter.revision in commits_of(state.pin)
        yield checks.line(
            f"{folder}: the evaluated adapter is an earlier state of this repo",
            adapter.revision,
            "one of its commits" if earlier else "none of its commits",
            earlier,
            EXACT,
        )


def check_shown_report(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Lists the reports that the card does not show. It shows the one on the most titles, and the newest of those."""
    training = state.require(TRAINING_RECORD)
    reports = [state.report(folder) for folder in state.readable_reports()]
    about = [report for report in reports if is_about(report, training)]
    shown = choose_report(reports, training, state.pin)
    if shown is not None and len(about) > 1:
        ages = report_ages(state.pin, [report.id for report in about])
        for report in about:
            if report.id == shown.id:
                continue
            newer = shown.id in ages and report.id in ages and ages[report.id] < ages[shown.id]
            yield checks.not_looked_at(
                f"report {report.id} about this adapter, {'newer' if newer else 'older'}",
                result_of(report),
                f"the card shows {shown.id}",
                f"{shown.n} titles; its own numbers are looked at below",
            )
    for report in reports:
        if report not in about:
            claim, note = f"report {report.id}", "the card passes it over"
            yield checks.not_looked_at(claim, result_of(report), "about another adapter", note)


def check_removed_reports(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Lists reports about this adapter that are in the history and not in the repo. Titlecraft never removes a report."""
    trained = last_changes(state.pin, [TRAINING_RECORD])[TRAINING_RECORD].revision
    commits = list(commits_of(state.pin))
    since_training = commits[1 : commits.index(trained) + 1] if trained in commits else commits[1:]
    removed: dict[str, str] = {}
    for commit in since_training[:MAX_COMMITS]:
        with hub_errors(f"looking into {state.pin.repo}@{commit[:12]}", state.pin.repo, "model"):
            paths = HfApi().list_repo_files(state.pin.repo, revision=commit)
        for path in paths:
            if is_report(path) and path not in state.path_set:
                removed.setdefault(path, commit)
    training = state.require(TRAINING_RECORD)
    for path, commit in sorted(removed.items()):
        result = removed_result(Pin(type="model", repo=state.pin.repo, revision=commit), path, training)
        if result is not None:
            claim, claimed = f"{path}, a report about this adapter", f"taken out after commit {commit[:12]}"
            yield checks.not_looked_at(claim, claimed, result, "it is still in the history")
    if len(since_training) > MAX_COMMITS:
        yield checks.not_looked_at("older commits", len(since_training) - MAX_COMMITS, "not looked into")


def removed_result(commit: Pin, path: str, training: bytes) -> str | None:
    """The result of a removed report; None if it is not about the adapter of this training record."""
    try:
        raw = read_file(commit, path) or b""
        if not has_schema(raw, EvaluationRecord):
            return None
        report = read_record(raw, EvaluationRecord, f"{path} of {commit}")
        return result_of(report) if is_about(report, training) else None
    except Exception as error:  # a removed file may hold anything
        return f"not readable ({first_line(error)})"


def result_of(report: EvaluationRecord) -> str:
    """The primary measure of a report and its verdict, in one line."""
    primary = report.primary()
    return f"{primary.label} {primary.before:.4g} to {primary.after:.4g} on {report.n} titles: {primary.verdict()}"
