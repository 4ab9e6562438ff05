"""Trainer callbacks that write a run's metrics to this machine: TensorBoard event files, or a trackio project."""

import os
import shutil
from pathlib import Path
from typing import Any

from transformers.integrations import TensorBoardCallback, TrackioCallback

REMOTE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_BUCKET_ID")  # variables that make trackio send metrics


class EventFiles(TensorBoardCallback):
    """Writes event files into one folder. A run that starts at step 0 deletes the files of an earlier run of its name."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.logging_dir = str(folder)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Open a new writer."""
        self.on_train_end(args, state, control)  # closes the writer of an attempt that ran out of memory
        if state.is_world_process_zero and state.global_step == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
        super().on_train_begin(args, state, control, **kwargs)


class LocalTrackio(TrackioCallback):
    """Logs to a local trackio project; nothing is sent, whatever the environment variables of trackio say."""

    def __init__(self, project: str, run: str) -> None:
        super().__init__()
        self.project, self.run = project, run

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Open the run; close that of an attempt that ran out of memory."""
        if self._initialized:
            self._trackio.finish()
            self._initialized = False
        super().on_train_begin(*args, **kwargs)

    def setup(self, args: Any, state: Any, model: Any, **kwargs: Any) -> None:
        """Initialise the trackio run, without the variables that would make it a remote one."""
        if state.is_world_process_zero:
            for name in REMOTE:
                os.environ.pop(name, None)
            resume = "allow" if state.global_step else "never"
            self._trackio.init(project=self.project, name=self.run, resume=resume, embed=False, auto_log_cpu=False)
        self._initialized = True

    def on_push_begin(self, *args: Any, **kwargs: Any) -> None:
        """No-op: transformers' callback would upload the project here."""
