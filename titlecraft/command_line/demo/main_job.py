"""The main job, small: the very commands that a user would type, one after another, against the embedded Hub."""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from local_hub.server import RunningHub, start
from titlecraft.errors import UserError
from titlecraft.records.repo_files import REPORT_PAGE

ROWS, CATALOGUE_SEED = 20_000, 7
QUESTION = "Harbourline Yellow Steel Kettle"
BASE, DATASET, ADAPTER = (
    "titlecraft/tiny-llama-base",
    "titlecraft/amazon-titles-alpaca",
    "titlecraft/tiny-llama-descriptions",
)


def commands(catalogue: Path, fresh: bool) -> list[tuple[str, list[str]]]:
    """What each step is for, and its command."""
    again = ["--fresh"] if fresh else []
    recipe = ["--recipe", "tiny", *again]
    return [
        ("a tiny base model, pre-trained on plain product texts", ["-m", "titlecraft.command_line.demo.tiny_base", BASE, *again]),
        ("catalogue -> dataset", ["-m", "titlecraft.command_line.main", "build", str(catalogue), "--repo", DATASET, "--public", *recipe]),
        ("dataset + base -> adapter", ["-m", "titlecraft.command_line.main", "train", "--dataset", DATASET, "--repo", ADAPTER, "--public", *recipe]),
        ("adapter -> before/after report", ["-m", "titlecraft.command_line.main", "evaluate", "--adapter", ADAPTER, *recipe]),
        ("every number on the card, derived again", ["-m", "titlecraft.command_line.main", "verify", ADAPTER, "--brief"]),
    ]  # fmt: skip


def run_main_job(root: Path, fresh: bool) -> None:
    """Start the Hub, write the catalogue, run every step. Raises UserError where a step fails; it has said why."""
    started = time.monotonic()
    hub = start(root / "hub")
    environment = os.environ | hub.environment(root / "hf_home")
    catalogue = ensure_catalogue(root / "trn.json.gz")
    for purpose, command in commands(catalogue, fresh):
        shown = ["titlecraft", *command[2:]] if command[1] == "titlecraft.command_line.main" else ["python", *command]
        print(f"\n── {purpose}\n$ {shlex.join(shown)}", flush=True)
        if status := subprocess.run([sys.executable, *command], env=environment).returncode:
            raise UserError(
                f"the step '{purpose}' ended with status {status}; what was published before it is still there"
            )
    print(f"\nDone in {time.monotonic() - started:.0f} s. Open in a browser:")
    for what, where in addresses(hub, environment).items():
        print(f"  {what:<9}{where}")
    print(f'Ask it: titlecraft ask "{QUESTION}" --adapter {ADAPTER} --both --hub local (or `play`, for a page)')
    print(f"The Hub goes on in the background (process {hub.pid}); `titlecraft hub stop` ends it.")


def ensure_catalogue(path: Path) -> Path:
    """The synthetic catalogue, written once: the same rows and seed give the same bytes."""
    if not path.exists():
        from titlecraft.command_line.demo.catalogue import write_catalogue

        print(f"writing a synthetic catalogue of {ROWS:,} rows to {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_catalogue(path, ROWS, CATALOGUE_SEED)
    return path


def addresses(hub: RunningHub, environment: dict[str, str]) -> dict[str, str]:
    """Where dataset, model and the newest report are shown."""
    os.environ.update(environment)  # before the client's first import in this process
    from huggingface_hub import HfApi

    api = HfApi()
    reports = [
        file for file in api.list_repo_files(ADAPTER) if file.startswith("evaluation/") and file.endswith(REPORT_PAGE)
    ]
    infos: list[Any] = api.get_paths_info(ADAPTER, reports, expand=True)
    newest = max(infos, key=lambda entry: entry.last_commit.date)
    return {
        "dataset": f"{hub.url}/datasets/{DATASET}",
        "model": f"{hub.url}/{ADAPTER}",
        "report": f"{hub.url}/{ADAPTER}/resolve/main/{newest.path}",
    }
