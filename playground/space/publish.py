"""titlecraft space --adapter NS/NAME[@REV] --repo NS/SPACE: publish the page of `titlecraft play` as a Gradio Space."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from huggingface_hub import constants

from playground.space.files import SOURCES, source_files, write_card, write_files
from playground.space.needs import pinned_requirements, suggested_hardware
from titlecraft.errors import UserError
from titlecraft.hub.pins import (
    current_name,
    find_record,
    published_pin,
    read_file,
    require_own,
    require_write,
    split_revision,
)
from titlecraft.hub.publishing import publish, sole_publisher, work_folder
from titlecraft.models.adapter.read import read_adapter
from titlecraft.records import Pin, TrainingRecord, current_code, describe_file, digest, file_sha256
from titlecraft.records.repo_files import MODEL_CONFIG, SPACE_APP, SPACE_RECORD, SPACE_REQUIREMENTS
from titlecraft.records.space import SpaceRecord

REPLACED = (*(f"{name}/*" for name in SOURCES), SPACE_APP, SPACE_REQUIREMENTS)
IMPORTS = "import playground.space.app; from playground.page.build import import_gradio; import_gradio()"


def publish_space(adapter: str, repo: str, *, private: bool, fresh: bool) -> tuple[Pin, SpaceRecord]:
    """Publish the page of an adapter as a Space; returns the Space's revision and its record.

    No-op (prints a message) if `repo` already holds a Space with the same inputs.

    Raises UserError: not a Titlecraft adapter, a Space with other contents, no write access, missing packages,
    the Hub is unreachable.
    """
    if split_revision(repo)[1] != "main":
        raise UserError(f"--repo {repo}: expected NAMESPACE/NAME; a Space is published to its main branch")
    inputs = read_adapter(adapter)
    requirements = pinned_requirements(("datasets",) if inputs.training.rows else ())
    require_write(repo)
    repo = current_name(repo, "space")
    assert isinstance(inputs.training, TrainingRecord), "no base or dataset was stated for it"
    training, code = inputs.training, current_code("space", "gradio", "transformers", "peft", "torch")
    config = json.loads(read_file(training.base, MODEL_CONFIG) or b"{}")
    adapter_pin, base, dataset = inputs.adapter, training.base, training.dataset
    key = digest(
        {
            "stage": "space",
            "adapter": adapter_pin,
            "base": base,
            "dataset": dataset,
            "requirements": requirements,
            "sources": [file_sha256(file) for file in source_files()],
        }
    )
    with sole_publisher(repo, "space"):
        head = published_pin(repo, "space")
        require_own(head, SPACE_RECORD)
        if not fresh and (record := find_record(head, SPACE_RECORD, SpaceRecord, key, lambda record: record.files)):
            print(f"nothing to do: {repo} has this very page, adapter and requirements")
            assert head is not None, "a record is found in a head"
            return head, record
        work = work_folder("space", repo)
        shutil.rmtree(work)
        work.mkdir()
        write_files(work, adapter_pin, base, dataset, requirements)
        files = sorted(file for file in work.rglob("*") if file.is_file())
        record = SpaceRecord(
            key=key,
            code=code,
            adapter=adapter_pin,
            base=base,
            dataset=dataset,
            hardware=suggested_hardware(training, config),
            gradio=version("gradio"),
            requirements=requirements,
            files=[describe_file(work, file) for file in files],
        )
        write_card(work, repo, record, training.licence.id, head)
        (work / SPACE_RECORD).write_bytes(record.to_json())
        published = publish(
            repo,
            "space",
            head,
            work,
            f"The page of {inputs.adapter}",
            private=private,
            replaces=REPLACED,
            check=require_imports,
        )
        shutil.rmtree(work)
    return published, record


def require_imports(folder: Path) -> None:
    """Raise UserError unless the page's modules can be imported from the Space's own files.

    The import takes seconds, so files and requirements that passed on this machine are not imported again.
    """
    compile((folder / SPACE_APP).read_text(encoding="utf-8"), SPACE_APP, "exec")
    read = [
        folder / SPACE_REQUIREMENTS,
        *sorted(file for name in SOURCES for file in (folder / name).rglob("*") if file.is_file()),
    ]
    key = digest({"python": sys.version, "files": [describe_file(folder, file) for file in read]})
    imported = Path(constants.HF_HOME) / "titlecraft" / "space_imports" / key
    if imported.is_file():
        return
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-B", "-c", IMPORTS], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"status {done.returncode}"
        raise UserError(f"the Space's files cannot be imported: {last}")
    imported.parent.mkdir(parents=True, exist_ok=True)
    imported.touch()
