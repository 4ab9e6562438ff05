"""python -m tests.training.checkpoints.lost_runs FOLDER: run titlecraft commands that get killed, one for each line of stdin.

Torch and its libraries are imported once; each command then runs in a forked process of its own, and its death is real.
A line is JSON: {"accident": [name, …] or null, "arguments": [...]}; the answer {"status": …, "out": …, "err": …}.
"""

import json
import os
import signal
import sys
import weakref
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.evaluation.published_world import upload, write_dataset
from tests.tiny_world import save_base
from titlecraft.records import RepoType

BASE, DATASET = "titlecraft/small-base", "titlecraft/small-dataset"
GB = 10**9


def die() -> None:
    """As a machine does that loses its power."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_step(step: int) -> None:
    """SIGKILL when so many steps are done, and what was being pushed has arrived."""
    from transformers import Trainer

    plain = Trainer.training_step

    def training_step(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.state.global_step == step:
            if self.saving.push:
                self.saving.push.finish()
            die()
        return plain(self, *args, **kwargs)

    Trainer.training_step = training_step


def kill_while_writing(name: str, step: int) -> None:
    """SIGKILL in the middle of a file of the checkpoint after so many steps."""
    import torch

    plain = torch.save

    def save(content: Any, path: str) -> None:
        plain(content, path)
        if path.endswith(f"checkpoint-{step}/{name}"):
            os.truncate(path, Path(path).stat().st_size // 2)
            die()

    torch.save = save


def kill_before_its_place(step: int) -> None:
    """SIGKILL when a checkpoint is complete, and not yet where checkpoints are looked for."""
    from training.checkpoints import folder

    plain = folder.move_into_place
    folder.move_into_place = lambda unfinished, folder, at: die() if at == step else plain(unfinished, folder, at)


def fail_to_publish() -> None:
    """The Hub goes away when the training is done."""
    import training.publishing.publish
    from titlecraft.errors import UserError

    def publish(*args: Any, **kwargs: Any) -> None:
        raise UserError("the Hub is unreachable")

    training.publishing.publish.publish = publish


def lose_the_hub() -> None:
    """No checkpoint can be pushed."""
    from training.checkpoints import branch

    def push_checkpoint(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("no route to the Hub")

    branch.push_checkpoint = push_checkpoint


def fill_the_gpu(step: int) -> None:
    """A GPU of 2 GB, whose memory is full after so many steps, unless the batch is 1; nothing of the try may be left then."""
    import torch
    from transformers import Trainer

    from training.planning import fit

    plain, failed = Trainer.training_step, []

    def training_step(self: Any, *args: Any, **kwargs: Any) -> Any:
        assert not any(one() for one in failed), "the model of the failed try still fills the GPU"
        if self.state.global_step == step and self.args.per_device_train_batch_size > 1:
            failed.extend(weakref.ref(one) for one in (self, self.model, next(self.model.parameters())))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return plain(self, *args, **kwargs)

    Trainer.training_step = training_step
    fit.free_memory = lambda: 2 * GB


ACCIDENTS = {
    one.__name__: one
    for one in (kill_at_step, kill_while_writing, kill_before_its_place, fail_to_publish, lose_the_hub, fill_the_gpu)
}


def run(folder: Path, accident: list[Any] | None, arguments: list[str]) -> dict[str, Any]:
    """Exit status (negative: the signal that ended it) and output of a command in a forked process."""
    out, err = folder / "out.txt", folder / "err.txt"
    child = os.fork()
    if not child:
        from titlecraft.command_line.main import main

        for number, file in ((1, out), (2, err)):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        if accident:
            ACCIDENTS[accident[0]](*accident[1:])
        status = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"status": status, "out": out.read_text(), "err": err.read_text()}


def main(folder: Path) -> None:
    """Publish base and dataset in a process of their own, then run what is asked for."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what else is printed
    child = os.fork()
    if not child:
        repos: list[tuple[str, Callable[[Path], object], RepoType]] = [
            (BASE, save_base, "model"),
            (DATASET, write_dataset, "dataset"),
        ]
        for name, write, kind in repos:
            (folder / kind).mkdir()
            write(folder / kind)
            upload(folder / kind, name, kind)
        os._exit(0)
    os.waitpid(child, 0)
    for module in (
        "trl",
        "peft",
        "matplotlib.figure",
        "transformers.models.llama.modeling_llama",
        "torch._dynamo",
        "model_card.build",
        "training.run",
        "training.publishing.push_only",
    ):
        import_module(module)

    for line in sys.stdin:
        print(json.dumps(run(folder, **json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
