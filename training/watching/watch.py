"""Where a run can be watched while it runs: TensorBoard event files, or a trackio project. Both lie in a folder of this
machine beside the Hub client's cache; nothing of them is sent anywhere, and nothing of them is published.
"""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from titlecraft.errors import UserError

Watch = Literal["tensorboard", "trackio", "none"]
REMOTE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_BUCKET_ID")  # would make trackio send what it is told


def require_watch(watch: Watch) -> None:
    """Raises UserError where what `--watch` asks for is not installed, before anything is downloaded."""
    needed = {"tensorboard": ["tensorboard", "tensorboardX"], "trackio": ["trackio"]}.get(watch, [])
    if needed and not any(find_spec(name) for name in needed):
        raise UserError(
            f'--watch {watch}: {needed[0]} is not installed: pip install "titlecraft[watch]", or --watch none'
        )


def watchers(watch: Watch, repo: str, run: str) -> list[Any]:
    """Trainer callbacks for `--watch`; says where the run can be seen.

    Args:
        repo: NS/NAME of the adapter repo; names the trackio project, or the folder of event files.
        run: name of the run in there. Event files of an earlier run of this name go, unless it is resumed.
    """
    from huggingface_hub import constants

    folder = Path(constants.HF_HOME) / "titlecraft" / "watch"
    project = repo.replace("/", "--")
    match watch:
        case "tensorboard":
            print(f"watch it with: tensorboard --logdir {folder / project}")
            return [event_files(folder / project / run)]
        case "trackio":
            os.environ.setdefault("TRACKIO_DIR", str(folder / "trackio"))  # read when trackio is imported
            print(f"watch it with: TRACKIO_DIR={os.environ['TRACKIO_DIR']} trackio show --project {project}")
            return [trackio_run(project, run)]
        case _:
            return []


def event_files(folder: Path) -> Any:
    """The callback of transformers, with its writer in `folder`."""
    from transformers.integrations import TensorBoardCallback

    class EventFiles(TensorBoardCallback):
        """Starts with an empty folder unless the run is resumed."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.on_train_end(args, state, control)  # closes the writer of a try that ran out of memory
            if state.is_world_process_zero and state.global_step == 0:
                shutil.rmtree(folder, ignore_errors=True)
            super().on_train_begin(args, state, control, **kwargs)

    callback = EventFiles()
    callback.logging_dir = str(folder)
    return callback


def trackio_run(project: str, run: str) -> Any:
    """The callback of transformers, kept from everything that would leave this machine."""
    from transformers.integrations import TrackioCallback

    class LocalTrackio(TrackioCallback):
        """Opens the run here, whatever the environment says, and syncs nothing."""

        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            if self._initialized:  # by a try that ran out of memory
                self._trackio.finish()
                self._initialized = False
            super().on_train_begin(*args, **kwargs)

        def setup(self, args: Any, state: Any, model: Any, **kwargs: Any) -> None:
            if state.is_world_process_zero:
                for name in REMOTE:
                    os.environ.pop(name, None)
                resume = "allow" if state.global_step else "never"
                self._trackio.init(project=project, name=run, resume=resume, embed=False, auto_log_cpu=False)
            self._initialized = True

        def on_push_begin(self, *args: Any, **kwargs: Any) -> None:
            return None

    return LocalTrackio()
