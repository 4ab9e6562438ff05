"""The main job at a small size: the commands of a user, one after another, on the embedded Hub."""

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
TITLECRAFT = ["-m", "titlecraft.command_line.main"]
TINY_BASE = ["-m", "titlecraft.command_line.demo.tiny_base"]


def commands(catalogue: Path, fresh: bool) -> list[tuple[str, list[str]]]:
    """Return each step's purpose and its arguments to Python."""
    again = ["--fresh"] if fresh else []
    recipe = ["--recipe", "tiny", *again]
    build = ["build", str(catalogue), "--repo", DATASET, "--public", *recipe]
    train = ["train", "--dataset", DATASET, "--repo", ADAPTER, "--public", *recipe]
    return [
        ("a tiny base model, pre-trained on plain product texts", [*TINY_BASE, BASE, *again]),
        ("catalogue -> dataset", [*TITLECRAFT, *build]),
        ("dataset + base -> adapter", [*TITLECRAFT, *train]),
        ("adapter -> before/after report", [*TITLECRAFT, "evaluate", "--adapter", ADAPTER, *recipe]),
        ("every number on the card, derived again", [*TITLECRAFT, "verify", ADAPTER, "--brief"]),
    ]


def run_main_job(root: Path, fresh: bool) -> None:
    """Start the Hub, write the catalogue and run every step. Raises UserError if a step fails, which prints its own error."""
    started = time.monotonic()
    hub = start(root / "hub")
    environment = os.environ | hub.environment(root / "hf_home")
    catalogue = ensure_catalogue(root / "trn.json.gz")
    for purpose, command in commands(catalogue, fresh):
        shown = ["titlecraft", *command[2:]] if command[:2] == TITLECRAFT else ["python", *command]
        print(f"\n── {purpose}\n$ {shlex.join(shown)}", flush=True)
        if status := subprocess.run([sys.executable, *command], env=environment).returncode:
            raise UserError(f"the step '{purpose}' ended with status {status}; earlier steps stay published")
    print(f"\nDone in {time.monotonic() - started:.0f} s. Open in a browser:")
    for name, address in addresses(hub, environment).items():
        print(f"  {name:<9}{address}")
    print(f'Ask it: titlecraft ask "{QUESTION}" --adapter {ADAPTER} --both --hub local (or `play`, for a page)')
    print(f"The Hub keeps running in the background (process {hub.pid}); `titlecraft hub stop` stops it.")


def ensure_catalogue(path: Path) -> Path:
    """Return the path of the synthetic catalogue; it is written if it does not exist."""
    if not path.exists():
        from titlecraft.command_line.demo.catalogue import write_catalogue

        print(f"writing a synthetic catalogue of {ROWS:,} rows to {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_catalogue(path, ROWS, CATALOGUE_SEED)
    return path


def addresses(hub: RunningHub, environment: dict[str, str]) -> dict[str, str]:
    """Return the addresses of dataset, model and newest report."""
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
