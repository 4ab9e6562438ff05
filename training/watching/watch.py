"""`--watch`: a tracker that shows a run on this machine while it goes.

The files are in a folder beside the Hub client's cache. They are not sent anywhere, and published with `--publish-metrics` alone.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from titlecraft.errors import UserError

Watch = Literal["tensorboard", "trackio", "none"]
PACKAGES = {"tensorboard": ["tensorboard", "tensorboardX"], "trackio": ["trackio"], "none": []}
"""Tracker -> packages, one of which it needs."""


def require_watch(watch: Watch) -> None:
    """Raises UserError if the package of the tracker is not installed; nothing has been downloaded then."""
    packages = PACKAGES[watch]
    if packages and not any(find_spec(name) for name in packages):
        raise UserError(
            f'--watch {watch}: {packages[0]} is not installed: pip install "titlecraft[watch]", or --watch none'
        )


def watchers(watch: Watch, repo: str, run: str, published: bool = False) -> list[Any]:
    """Trainer callbacks of the tracker; prints the command that shows the run.

    Args:
        repo: NS/NAME of the adapter repo; names the trackio project, or the folder of event files.
        run: name of the run in the project or folder.
        published: the metrics will be published; the trackio project is then one of published runs only.
    """
    if watch == "none":
        return []
    folder, project = watch_folder(), trackio_project(repo, published)
    os.environ.setdefault("TRACKIO_DIR", str(folder / "trackio"))  # trackio reads it when it is imported
    from training.watching.trackers import EventFiles, LocalTrackio

    if watch == "tensorboard":
        files = event_files(repo, run)
        print(f"watch it with: tensorboard --logdir {files.parent}")
        return [EventFiles(files)]
    print(f"watch it with: TRACKIO_DIR={os.environ['TRACKIO_DIR']} trackio show --project {project}")
    return [LocalTrackio(project, run)]


def watch_folder() -> Path:
    """The folder of all trackers, beside the cache of the Hub's client."""
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "titlecraft" / "watch"


def event_files(repo: str, run: str) -> Path:
    """The folder with the event files of a run."""
    return watch_folder() / repo.replace("/", "--") / run


def trackio_project(repo: str, published: bool = False) -> str:
    """The trackio project of a repo's runs. A project is published whole, so published runs have one of their own."""
    return repo.replace("/", "--") + ("--published" if published else "")
