"""titlecraft VERB … --on hf-jobs --flavor a10g-large: run build, train, sweep or evaluate on Hugging Face Jobs.

The recipe with all its settings and the source that runs here are uploaded in one commit to a private repo,
NAMESPACE/titlecraft-jobs. The job installs that source from the commit, verifies the checksums in its command line, runs the verb
and publishes. The token is passed as a secret of the job only.
"""

import hashlib
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml
from huggingface_hub import CommitOperationAdd, HfApi, JobHardwareInfo, JobInfo, get_token, snapshot_download

from titlecraft.command_line.jobs.__main__ import RESULTS
from titlecraft.command_line.jobs.follow import follow
from titlecraft.command_line.jobs.machines import describe
from titlecraft.command_line.jobs.source_archive import NAME, source_archive
from titlecraft.errors import UserError
from titlecraft.hub import PUBLIC_HUB
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import address, endpoint
from titlecraft.records import Chosen, Pin, sources_sha256
from titlecraft.settings import Recipe, Training

RECIPE = "recipe.yaml"
ARCHIVE = f"{NAME}.tar.gz"


@dataclass(frozen=True)
class Request:
    """A verb to run on a machine of the Hub.

    Args:
        verb: of titlecraft.
        stage: the stage whose source checksum the job verifies (titlecraft.records.stage_sources).
        repo: NS/NAME that the verb publishes to.
        recipe: all settings; those of `sections` are sent.
        sections: sections of the recipe that the verb reads.
        options: options of the verb, except for the recipe.
        extras: extras of the package, separated by commas.
        processes: number of processes: one for each GPU, or one.
        results: local folder for files that the verb writes and does not publish.
        chosen: the sweep that chose the recipe.
    """

    verb: str
    stage: str
    repo: str
    recipe: Recipe
    sections: tuple[str, ...]
    options: list[str]
    extras: str = "gpu"
    processes: int = 1
    results: Path | None = None
    chosen: Chosen | None = None


def run_on_hub(request: Request, machine: JobHardwareInfo, timeout: str) -> int:
    """Submit a job, print its output, fetch its results, and return its exit status."""
    job, sent = submit(request, machine, timeout)
    print(f"job {job.id} on {describe(machine)}, at most {timeout}: {job.url}\nCtrl-C does not stop it")
    status = follow(job)
    if status == 0 and request.results:
        fetch_results(sent, request.results)
    return status


def submit(request: Request, machine: JobHardwareInfo, timeout: str) -> tuple[JobInfo, Pin]:
    """Upload recipe and source and submit the job; return the job and the commit of the upload."""
    files = {RECIPE: yaml.safe_dump(settings_of(request), sort_keys=False).encode(), ARCHIVE: source_archive()}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    title = f"{request.verb.capitalize()} {request.repo}"
    needs = upload(files, f"{title}: recipe {sums[RECIPE][:12]}, source {sums[ARCHIVE][:12]}")
    launch = ["-m"]
    if request.processes > 1:
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={request.processes}", "-m"]
    extras = f"[{request.extras}]" if request.extras else ""
    elsewhere = {} if endpoint() == PUBLIC_HUB else {"HF_ENDPOINT": endpoint()}
    with hub_errors("submitting the job", needs.repo.split("/")[0], "model"):
        job = HfApi().run_uv_job(
            "python",
            script_args=[
                *launch,
                "titlecraft.command_line.jobs",
                request.verb,
                request.stage,
                needs.repo,
                needs.revision,
                sums[RECIPE],
                sources_sha256(request.stage),
                *request.options,
                *([f"--out={RESULTS}"] if request.results else []),
            ],
            dependencies=[f"titlecraft{extras} @ {address(needs, ARCHIVE)}#sha256={sums[ARCHIVE]}"],
            env={"PYTHONUNBUFFERED": "1", **elsewhere},
            secrets={"HF_TOKEN": get_token()},
            flavor=machine.name,
            timeout=timeout,
            name=re.sub(r"[^A-Za-z0-9_-]", "-", f"titlecraft-{request.repo}"),
        )
    return job, needs


def settings_of(request: Request) -> dict[str, Any]:
    """The settings that are sent, by section."""
    settings = {name: section for name, section in asdict(request.recipe).items() if name in request.sections}
    settings |= {"chosen": msgspec.to_builtins(request.chosen)} if request.chosen else {}
    training = request.recipe.training
    if "training" in settings and training.max_steps and training.epochs == Training.epochs:
        del settings["training"]["epochs"]  # max_steps overrides it; the job would print a note about it
    return settings


def upload(files: dict[str, bytes], message: str) -> Pin:
    """Commit the files to the user's private repo for jobs. Raises UserError if that repo is public."""
    api = HfApi()
    repo = f"{api.whoami()['name']}/titlecraft-jobs"
    with hub_errors(f"uploading what the job needs to {repo}", repo, "model"):
        api.create_repo(repo, private=True, exist_ok=True)
        if not api.repo_info(repo).private:
            raise UserError(f"{endpoint()}/{repo} is public: make it private, the source that runs here goes there")
        operations = [CommitOperationAdd(name, content) for name, content in files.items()]
        commit = api.create_commit(repo, operations, commit_message=message)
    return Pin(type="model", repo=repo, revision=commit.oid)


def fetch_results(sent: Pin, folder: Path) -> None:
    """Copy the files that the job uploaded into a local folder. Raises UserError if there are none."""
    below = f"{RESULTS}/{sent.revision}"
    with hub_errors(f"downloading the job's results from {sent.repo}", sent.repo, "model"):
        local = Path(snapshot_download(sent.repo, allow_patterns=[f"{below}/*"]))
    if not (local / below).is_dir():
        raise UserError(f"the job left no results in {sent.repo}, {below}: its output says why")
    shutil.copytree(local / below, folder, dirs_exist_ok=True)
    print(f"results of the job in {folder}")


def options_of(arguments: Any, left_out: set[str]) -> list[str]:
    """Rebuild the command-line options from parsed arguments, without defaults and without those in `left_out`.

    An option that may be repeated is repeated.
    """
    options = []
    for name, value in vars(arguments).items():
        is_setting = "." in name or name in Recipe.__dataclass_fields__
        if name in left_out or is_setting or value is None or value is False:
            continue
        option = f"--{name.replace('_', '-')}"
        values = value if isinstance(value, list) else [value]
        options += [option if entry is True else f"{option}={entry}" for entry in values]
    return options
