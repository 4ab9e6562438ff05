"""Level card, history: the evaluated adapter is an earlier state of this repo, the card shows the report that it has to, and
reports that were taken out are named.

What a repo has lost is still in its history, unless that was rewritten; then the commits that the records name are gone, too.
"""

from collections.abc import Iterator
from functools import lru_cache

from huggingface_hub import HfApi

from model_card.inputs import choose_report, report_ages
from model_card.lineage.trained import is_about
from model_card.verification.lines.checks import EXACT, Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.data_revision import last_changes
from titlecraft.hub.errors import first_line, hub_errors
from titlecraft.hub.pins import read_file
from titlecraft.records import REPORT, TRAINING_RECORD, EvaluationRecord, Pin, has_schema, read_record

MOST = 20  # commits that are looked into


def verify_history(state: RepoState) -> list[Line]:
    """What an adapter's history says of its reports."""
    lines = []
    for find in (of_evaluated, of_shown, of_removed):
        checks = Checks("card", "history")
        lines += checks.gather(find(checks, state))
    return lines


@lru_cache(maxsize=8)
def commits_of(state: Pin) -> tuple[str, ...]:
    """Ids of all commits up to a state of a model, the newest first."""
    with hub_errors(f"looking into the history of {state}", state.repo, state.type):
        return tuple(one.commit_id for one in HfApi().list_repo_commits(state.repo, revision=state.revision))


@lru_cache(maxsize=8)
def id_of(repo: str) -> str:
    """What a model is called now; a Hub follows the old name of one that was renamed."""
    with hub_errors(f"looking up {repo}", repo, "model"):
        return str(HfApi().repo_info(repo).id)


def of_evaluated(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Each report measured a state of this very repo."""
    for folder in state.readable_reports():
        adapter = state.report(folder).adapter
        yield checks.equal(f"{folder}: repo of the evaluated adapter", id_of(adapter.repo), state.pin.repo)
        earlier = adapter.revision in commits_of(state.pin)
        yield checks.line(f"{folder}: the evaluated adapter is an earlier state of this repo", adapter.revision,
                          "one of its commits" if earlier else "none of its commits", earlier, EXACT)  # fmt: skip


def of_shown(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Of several reports about this adapter the card shows the one on the most titles, and of those the newest."""
    training = state.require(TRAINING_RECORD)
    reports = [state.report(folder) for folder in state.readable_reports()]
    about = [one for one in reports if is_about(one, training)]
    shown = choose_report(reports, training, state.pin)
    ages = report_ages(state.pin, [one.id for one in about]) if len(about) > 1 else {}
    for one in about if shown and len(about) > 1 else ():
        if one.id != shown.id:
            newer = shown.id in ages and one.id in ages and ages[one.id] < ages[shown.id]
            when = "newer" if newer else "older"
            yield checks.not_looked_at(f"report {one.id} about this adapter, {when}", in_words(one), f"the card shows {shown.id}",
                                       f"{shown.n} titles; its own numbers are looked at below")  # fmt: skip
    for one in reports:
        if one not in about:
            yield checks.not_looked_at(
                f"report {one.id}", in_words(one), "about another adapter", "the card passes it over"
            )


def of_removed(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Reports about this adapter that are in the history and no longer in the repo: taken out by hand, for nothing else does."""
    trained = last_changes(state.pin, [TRAINING_RECORD])[TRAINING_RECORD].revision
    commits = list(commits_of(state.pin))
    since = commits[1 : commits.index(trained) + 1] if trained in commits else commits[1:]
    training, here = state.require(TRAINING_RECORD), set(state.paths)
    gone: dict[str, str] = {}
    for commit in since[:MOST]:
        with hub_errors(f"looking into {state.pin.repo}@{commit[:12]}", state.pin.repo, "model"):
            paths = HfApi().list_repo_files(state.pin.repo, revision=commit)
        for path in paths:
            if path.startswith("evaluation/") and path.endswith(f"/{REPORT}") and path not in here:
                gone.setdefault(path, commit)
    for path, commit in sorted(gone.items()):
        before = Pin(type="model", repo=state.pin.repo, revision=commit)
        try:
            raw = read_file(before, path) or b""
            report = (
                read_record(raw, EvaluationRecord, f"{path} of {before}") if has_schema(raw, EvaluationRecord) else None
            )
            if report is None or not is_about(report, training):
                continue
            said = in_words(report)
        except Exception as error:  # what was taken out may be anything
            said = f"not readable ({first_line(error)})"
        yield checks.not_looked_at(f"{path}, a report about this adapter", f"taken out after commit {commit[:12]}", said,
                                   "it is still in the history")  # fmt: skip
    if len(since) > MOST:
        yield checks.not_looked_at("older commits", len(since) - MOST, "not looked into")


def in_words(report: EvaluationRecord) -> str:
    """What a report found, in a few words."""
    primary = report.primary()
    return f"{primary.label} {primary.before:.4g} to {primary.after:.4g} on {report.n} titles: {primary.verdict()}"
