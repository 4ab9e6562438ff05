"""`titlecraft train` and `sweep` killed at any moment, on a machine that is lost, with a Hub or a GPU that fails: nothing is lost."""

import json
import shutil
import signal

import pytest

from tests import present
from tests.training.checkpoints.lost_runs import DATASET
from tests.training.checkpoints.runner import Runner, runner
from titlecraft.command_line.chosen_recipe import read_chosen
from titlecraft.records import TrainingRecord, file_sha256

__all__ = ["runner"]
pytestmark = pytest.mark.slow
SWEEP = ["--training.validate_every=10", "--sweep", "training.learning_rate=3e-2,1e3", "--sweep", "training.weight_decay=0.01,1e3"]  # fmt: skip


@pytest.fixture(scope="module")
def uninterrupted(runner: Runner) -> tuple[list[bytes], TrainingRecord]:
    done = runner.train("whole")
    assert done["status"] == 0, done["err"]
    return runner.published("whole")


def test_killed_four_times_the_adapter_is_that_of_an_uninterrupted_run(
    runner: Runner, uninterrupted: tuple[list[bytes], TrainingRecord]
) -> None:
    every = ["--save-every", "2"]
    assert runner.train("cut", *every, accident=["kill_at_step", 2])["status"] == -signal.SIGKILL
    assert runner.steps("cut") == ["step-2"]
    refused = runner.train("cut", *every)
    assert refused["status"] == 2 and refused["err"].startswith(
        f"error: this training for titlecraft/cut was interrupted at step 2 of 10 (in {runner.work('cut')}"
    )
    assert "add --resume to continue it, or --fresh to start again" in refused["err"]
    other = runner.train("cut", "--training.seed=1", "--resume")
    assert other["status"] == 2 and "with another training.*: run its own command with --resume" in other["err"]
    writing = ["kill_while_writing", "optimizer.pt", 4]
    assert runner.train("cut", *every, "--resume", accident=writing)["status"] == -signal.SIGKILL
    assert runner.steps("cut") == ["step-2"]
    assert runner.train("cut", *every, "--resume", accident=["kill_at_step", 7])["status"] == -signal.SIGKILL
    assert runner.steps("cut") == ["step-4", "step-6"]
    complete = ["kill_before_its_place", 8]
    assert runner.train("cut", *every, "--resume", accident=complete)["status"] == -signal.SIGKILL
    assert runner.steps("cut") == ["step-4", "step-6"]
    done = runner.train("cut", "--resume")
    assert done["status"] == 0, done["err"]
    assert "resuming after step 6 of 10" in done["out"]
    files, record = runner.published("cut")
    assert files == uninterrupted[0]
    # the first until step 2, the second lost, the third until step 6, the fourth lost, the last
    assert record.measured.parts == 3 and record.measured.wall_seconds > 0
    as_if = {
        name: getattr(record, name) for name in record.__struct_fields__ if name not in ("measured", "key", "code")
    }
    assert as_if == {name: getattr(uninterrupted[1], name) for name in as_if}
    assert record.key == uninterrupted[1].key
    assert not runner.work("cut").exists()


def test_a_lost_machine_costs_no_more_than_the_steps_since_the_last_push(
    runner: Runner, uninterrupted: tuple[list[bytes], TrainingRecord]
) -> None:
    push = ["--save-every", "0", "--push-checkpoints", "3"]
    assert runner.train("gone", *push, accident=["kill_at_step", 7])["status"] == -signal.SIGKILL
    shutil.rmtree(runner.work("gone"))
    assert runner.branches("gone") == ["checkpoints", "main"]
    api, repo = runner.api(), "titlecraft/gone"
    assert api.list_repo_files(repo) == [".gitattributes"] and api.model_info(repo).private
    assert sorted(api.list_repo_files(repo, revision="checkpoints")) == [
        ".gitattributes",
        "adapter_config.json",
        "adapter_model.safetensors",
        "checkpoint.json",
        "optimizer.pt",
        "rng_state.pth",
        "scheduler.pt",
        "trainer_state.json",
    ]
    commits = api.list_repo_commits(repo, revision="checkpoints")
    assert [one.title for one in commits] == ["Checkpoint at step-6", "Checkpoint at step-3", "initial commit"]
    refused = runner.train("gone", *push)
    assert "was interrupted at step 6 of 10 (on the branch checkpoints of titlecraft/gone)" in refused["err"]
    done = runner.train("gone", *push, "--resume", accident=["fail_to_publish"])
    assert done["status"] == 2 and "downloading the checkpoint at step 6" in done["out"], done
    assert runner.branches("gone") == ["checkpoints", "main"]
    folder = runner.work("gone") / "publish"
    assert (
        f"error: the Hub is unreachable; the trained adapter is complete, and `titlecraft train --push-only {folder}`"
        in done["err"]
    )

    waiting = runner.train("gone", "--training.seed=1")
    assert waiting["status"] == 2 and f"another training waits in {folder} to be published" in waiting["err"]
    copy = runner.home / "copy"
    shutil.copytree(folder, copy)
    nowhere = runner.run("train", "--push-only", str(copy))
    assert nowhere["status"] == 2 and "give --repo NAMESPACE/NAME" in nowhere["err"]
    (copy / "adapter_model.safetensors").write_bytes(b"other")
    damaged = runner.run("train", "--push-only", str(copy), "--repo", "titlecraft/gone")
    assert damaged["status"] == 2 and "adapter_model.safetensors is not the file that was trained" in damaged["err"]
    pushed = runner.run("train", "--push-only", str(folder))
    assert pushed["status"] == 0, pushed["err"]
    files, record = runner.published("gone")
    assert files == uninterrupted[0] and record.measured.parts == 2
    assert runner.branches("gone") == ["main"]
    assert not runner.work("gone").exists()
    assert "nothing to do" in runner.train("gone", "--resume")["out"]


def test_killed_and_lost_an_early_stopped_run_publishes_the_best_step_of_a_run_left_alone(runner: Runner) -> None:
    """The machine is lost after the best step and before patience is over: the best weights are on the branch only."""
    options = ["--training.validate_every=1", "--training.patience=4", "--training.learning_rate=0.1"]
    done = runner.train("stopped", *options)
    assert done["status"] == 0, done["err"]
    files, record = runner.published("stopped")
    validation = present(record.validation)
    kept, last = validation.kept, record.steps
    assert validation.stopped_early and last == kept + 4 < 10
    losses = {point.step: point.validation_loss for point in validation.points}
    assert min(losses[step] for step in losses if step) == losses[kept] < losses[last]
    assert f"stopped after {last} of 10 steps; published is step {kept}" in done["out"]
    push = ["--save-every", "0", "--push-checkpoints", str(kept + 1)]
    killed = runner.train("lost", *options, *push, accident=["kill_at_step", kept + 2])
    assert killed["status"] == -signal.SIGKILL
    shutil.rmtree(runner.work("lost"))
    assert "best_adapter.safetensors" in runner.api().list_repo_files("titlecraft/lost", revision="checkpoints")
    resumed = runner.train("lost", *options, *push, "--resume")
    assert resumed["status"] == 0, resumed["err"]
    again, other = runner.published("lost")
    assert again == files and other.validation == validation and (other.steps, other.key) == (last, record.key)


def test_a_hub_that_is_away_is_warned_of_once_and_training_goes_on(
    runner: Runner, uninterrupted: tuple[list[bytes], TrainingRecord]
) -> None:
    done = runner.train("away", "--push-checkpoints", "2", "--resume", accident=["lose_the_hub"])
    assert done["status"] == 0, done["err"]
    assert "--resume: there is no checkpoint, so training starts at the first step" in done["out"]
    assert done["out"].count("not pushed: no route to the Hub; training continues") == 1
    assert runner.published("away")[0] == uninterrupted[0]


def test_a_full_gpu_is_one_message_or_the_same_steps_cut_smaller(runner: Runner) -> None:
    full = runner.train("full", accident=["fill_the_gpu", 0])
    assert full["status"] == 2 and "Traceback" not in full["err"]
    (said,) = [line for line in full["err"].splitlines() if line.startswith("error: ")]
    assert said.startswith("error: the GPU's memory is full: no checkpointing, batch 2 × 1, 256 tokens each")
    assert "--training.batch_size=1 --training.accumulation=2 --training.gradient_checkpointing=false would fit" in said
    assert said.endswith("--auto-batch takes that by itself")
    # after four steps, the fourth saved: the rest of the same run, in smaller pieces
    done = runner.train("full", "--auto-batch", "--save-every", "4", accident=["fill_the_gpu", 4])
    assert done["status"] == 0, done["err"]
    assert "batch 2 × 1 ran out of GPU memory: no checkpointing, batch 1 × 2, with the same examples" in done["out"]
    _, record = runner.published("full")
    whole = runner.published("whole")[1]
    assert (record.training.batch_size, record.training.accumulation, record.measured.parts) == (1, 2, 2)
    assert record.memory_note == "no checkpointing, batch 2 × 1 ran out of GPU memory: no checkpointing, batch 1 × 2"
    assert (record.examples, record.steps, record.key) == (whole.examples, whole.steps, whole.key)
    assert record.loss.last == pytest.approx(whole.loss.last, rel=1e-3)


def test_a_killed_sweep_goes_on_and_its_choice_is_the_training_of_the_recipe_step_for_step(runner: Runner) -> None:
    killed = runner.sweep("swept", *SWEEP, accident=["kill_at_step", 7])
    assert killed["status"] == -signal.SIGKILL, killed["err"]
    judged = {file.name: file.stat().st_mtime_ns for file in (runner.work("swept", "sweep") / "results").iterdir()}
    assert len(judged) == 3, "the finished runs are lost"
    done = runner.sweep("swept", *SWEEP)
    assert done["status"] == 0 and not runner.work("swept", "sweep").exists(), done["err"]
    record = json.loads((runner.out("swept") / "sweep.json").read_bytes())
    assert [rung["runs"] for rung in record["rungs"]] == [4, 2] and {run["steps"] for run in record["runs"]} == {10}
    best, broken = record["runs"][record["best"] - 1], record["runs"][3]
    assert best["settings"] == {"training.learning_rate": 3e-2, "training.weight_decay": 0.01}
    assert [judgement["step"] for judgement in best["judged"]] == [5, 10]
    assert (
        broken["failed"].endswith("is nan")
        and not broken["judged"]
        and "recipe 4 failed: training stopped" in done["out"]
    )
    recipe = runner.out("swept") / "recipe.yaml"
    chosen = present(read_chosen(recipe))
    assert chosen.sweep == file_sha256(runner.out("swept") / "sweep.json") and chosen.settings == best["settings"]
    assert f"--recipe {recipe}" in done["out"] and (runner.out("swept") / "sweep.svg").is_file()
    trained = runner.run(
        "train", "--dataset", DATASET, "--repo", "titlecraft/swept", "--recipe", str(recipe), "--watch=none"
    )
    assert trained["status"] == 0, trained["err"]
    _, published = runner.published("swept")
    losses, tokens, validation = best["judged"][-1]["losses"], record["tokens"], present(published.validation)
    assert validation.loss_at(10) == pytest.approx(sum(losses) / sum(tokens), abs=2e-6)
    assert validation.loss_at(0) == pytest.approx(sum(record["base_losses"]) / sum(tokens), abs=1e-4)
    assert published.chosen == chosen and "was chosen among 4 recipes by the validation NLL" in runner.card("swept")
    assert "nothing to do" in runner.sweep("swept", *SWEEP)["out"]
    other = runner.sweep("swept", *SWEEP[:-1], "training.weight_decay=0.01,0.1")
    assert other["status"] == 2 and "is of another sweep, with other recipes, rows or code" in other["err"]
