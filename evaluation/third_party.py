"""titlecraft evaluate --dataset: the report of an adapter without a training record, in a folder or as a pull request.

The adapter's repo may belong to anybody, so nothing is written to its main branch.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi

from evaluation.inputs import Inputs, published_report, read_inputs
from evaluation.run import check_report, work_of
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import pin
from titlecraft.hub.publishing import sole_publisher, verify_published
from titlecraft.models.adapter.third_party import Stated
from titlecraft.records import REPORT, EvaluationRecord, Pin, file_sha256, read_record, record_key
from titlecraft.settings import Recipe

WriteResults = Callable[[Path, Pin, EvaluationRecord], None]


def evaluate_to_folder(adapter: str, stated: Stated, recipe: Recipe, out: Path, *, fresh: bool) -> EvaluationRecord:
    """Measure an adapter without a training record and write the report to a folder; return its record.

    Does nothing if the folder has the report of these inputs, settings and code, unless `fresh`. Raises UserError.
    """
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / REPORT).is_file())):
        raise UserError(f"--out {out} holds something else: expected a folder that is new, empty, or a report")
    inputs = read_inputs(adapter, recipe, stated)
    if not fresh and (out / REPORT).is_file() and record_key((out / REPORT).read_bytes()) == inputs.key:
        print(f"nothing to do: {out} has the report of these very inputs, recipe and code")
        return read_record((out / REPORT).read_bytes(), EvaluationRecord, str(out / REPORT))
    with sole_publisher(inputs.adapter.repo, "model"):
        folder, record = measured(inputs, recipe, fresh=fresh)
        check_report(folder / inputs.folder, record)
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder / inputs.folder, out)
        shutil.rmtree(folder.parent)
    return record


def propose(
    adapter: str, stated: Stated, recipe: Recipe, *, fresh: bool, write_results: WriteResults
) -> tuple[str, EvaluationRecord]:
    """Measure an adapter without a training record and open a pull request with the report; return its address and the record.

    Does nothing if an open pull request has the report of these inputs, settings and code, unless `fresh`.

    Args:
        write_results: called with the folder of the pull request's files, the head that it starts from, and the record; writes
            README.md with the `model-index`, and `.eval_results`. (It is an argument because this stage must not import
            `model_card`.)

    Raises:
        UserError: an adapter that cannot be used, too few titles, no right to open a pull request, an unreachable Hub.
    """
    inputs = read_inputs(adapter, recipe, stated)
    repo = inputs.adapter.repo
    with hub_errors(f"asking who may open a pull request in {repo}", repo, "model"):
        HfApi().whoami()
    if not fresh and (opened := opened_before(inputs)):
        print("nothing to do: this pull request has the report of these very inputs, recipe and code")
        return opened
    head = pin(repo, "model")
    with sole_publisher(repo, "model"):
        folder, record = measured(inputs, recipe, fresh=fresh)
        write_results(folder, head, record)
        paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        with hub_errors(f"opening a pull request in {repo} did not finish", repo, "model"):
            commit = HfApi().create_commit(
                repo,
                [CommitOperationAdd(name, str(path)) for name, path in paths.items()],
                commit_message=title_of(inputs),
                commit_description=f"Made by `titlecraft evaluate`. {record_sentence(record)}",
                parent_commit=head.revision,
                create_pr=True,
            )
        proposed = Pin(type="model", repo=repo, revision=commit.oid)
        sums = {name: file_sha256(path) for name, path in paths.items()}
        verify_published(proposed, sums, lambda local: check_report(local / inputs.folder, record))
        shutil.rmtree(folder.parent)
    return str(commit.pr_url), record


def measured(inputs: Inputs, recipe: Recipe, *, fresh: bool) -> tuple[Path, EvaluationRecord]:
    """Measure; return the folder that has evaluation/<id>/ below it, and the record. An interrupted run continues."""
    from evaluation.experiment import measure

    work = work_of(inputs, fresh)
    folder = work / "publish"
    return folder, measure(inputs, recipe, folder / inputs.folder, kept=work / "batches")


def title_of(inputs: Inputs) -> str:
    """The title of the pull request."""
    return f"Evaluation {inputs.id}: held-out titles of {inputs.training.dataset.repo}, before and after"


def record_sentence(record: EvaluationRecord) -> str:
    """What no record says of the adapter, for the pull request's description."""
    return record.third_party.unknown() if record.third_party else ""


def opened_before(inputs: Inputs) -> tuple[str, EvaluationRecord] | None:
    """Address and record of an open pull request with the report of this key; None without one."""
    repo = inputs.adapter.repo
    with hub_errors(f"listing the pull requests of {repo}", repo, "model"):
        opened = HfApi().get_repo_discussions(repo, discussion_type="pull_request", discussion_status="open")
        numbers = [one for one in opened if one.title == title_of(inputs)]
    for one in numbers:
        if record := published_report(inputs, pin(f"{repo}@refs/pr/{one.num}", "model")):
            return one.url, record
    return None
