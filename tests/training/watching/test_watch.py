"""What can be seen of a run while it goes and afterwards: event files, a trackio project, log, plot, energy."""

import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from transformers import TrainerCallback

from tests.training.test_trainer import SETTINGS, adapter_on_base, examples
from titlecraft.errors import UserError
from training.record import plot_loss, smoothed, write_log
from training.trainer import make_trainer, run_all_steps
from training.watching.energy import Energy, add_up, metered, metered_parts
from training.watching.grid import require_meter
from training.watching.progress import Pace, shown
from training.watching.watch import require_watch, watchers

pytestmark = pytest.mark.slow

ADAPTER = "ns/titles"


def watched(watch: Any, home: Path, monkeypatch: pytest.MonkeyPatch, tries: int = 1) -> None:
    """A training of two steps; all tries but the last run out of memory after their first step, and the watchers stay."""
    monkeypatch.setattr(constants, "HF_HOME", str(home))
    found = watchers(watch, ADAPTER, "run")
    for number in range(1, tries + 1):
        model, tokenizer = adapter_on_base()
        trainer = make_trainer(model, tokenizer, examples(), SETTINGS, "float32", home / "trainer")
        for callback in found:
            trainer.add_callback(callback)
        if number < tries:
            trainer.add_callback(OutOfMemory())
            with pytest.raises(torch.OutOfMemoryError):
                run_all_steps(trainer)
        else:
            run_all_steps(trainer)


class OutOfMemory(TrainerCallback):
    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step:
            raise torch.OutOfMemoryError


def steps_of(folder: Path) -> dict[str, list[int]]:
    """Steps of each tag in the only file of events in there."""
    from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]

    [file] = folder.glob("events.out.tfevents.*")
    raw, found = file.read_bytes(), {}
    while raw:  # length (8 bytes), its checksum (4), the event, its checksum (4)
        length = int.from_bytes(raw[:8], "little")
        event = Event.FromString(raw[12 : 12 + length])
        for value in event.summary.value:
            found.setdefault(value.tag, []).append(event.step)
        raw = raw[16 + length :]
    return found


@pytest.mark.parametrize("tries", [1, 2])
def test_event_files_have_each_step_once_however_often_the_run_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    for _ in range(3 - tries):
        watched("tensorboard", tmp_path, monkeypatch, tries)
    found = steps_of(tmp_path / "titlecraft" / "watch" / "ns--titles" / "run")
    assert found["train/loss"] == found["train/tokens_seen"] == found["train/tokens_per_second"] == [1, 2]


@pytest.mark.skipif(not find_spec("trackio"), reason="needs the extra `watch`")
def test_trackio_keeps_the_run_here_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_SPACE_ID", "somebody/space")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", None)
    watched("trackio", tmp_path, monkeypatch, tries=2)
    from trackio.sqlite_storage import SQLiteStorage  # pyright: ignore[reportMissingImports]

    found = [entry.get("train/examples_seen") for entry in SQLiteStorage.get_logs("ns--titles", "run")]
    assert found[:2] == [8, 16]  # then the summary, which has no such figure


@pytest.mark.skipif(bool(find_spec("trackio")), reason="it is installed")
def test_a_watcher_that_is_not_installed_is_said_in_one_line() -> None:
    with pytest.raises(
        UserError, match=r'--watch trackio: trackio is not installed: pip install "titlecraft\[watch\]"'
    ):
        require_watch("trackio")
    require_watch("tensorboard")
    require_watch("none")


def test_the_log_has_what_was_seen_and_no_clock(tmp_path: Path) -> None:
    history = [
        {"loss": 2.5, "learning_rate": 0.1, "grad_norm": 1.0, "examples_seen": 8, "tokens_seen": 100, "padding_share": 0.1,
         "tokens_per_second": 31.4, "peak_memory_gb": 0.5, "epoch": 0.5, "step": 1},
        {"train_runtime": 1.0, "step": 1},
    ]  # fmt: skip
    write_log(history, tmp_path / "log")
    assert json.loads((tmp_path / "log").read_text()) == {
        "step": 1, "epoch": 0.5, "examples_seen": 8, "tokens_seen": 100, "loss": 2.5, "learning_rate": 0.1, "grad_norm": 1.0,
    }  # fmt: skip
    assert shown(history[0]) == {"loss": "2.500", "tokens/s": "31", "padding": "10%", "peak": "0.5 GB"}


def test_tokens_that_a_resumed_run_saw_before_do_not_count_into_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 12.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    pace = Pace()
    pace.begin(1000)
    assert pace.rate(1500) == 250


def test_the_plot_smooths_many_steps_and_is_the_same_every_time(tmp_path: Path) -> None:
    assert smoothed([float(place % 2) for place in range(100)])[2:6] == [0.4, 0.6, 0.4, 0.6]
    assert smoothed([3.0, 1.0]) == [3.0, 1.0]
    for count in (2, 100):
        lines = [{"step": place, "loss": 2.0 + place % 3, "learning_rate": 1e-4} for place in range(1, count + 1)]
        for name in ("a", "b"):
            plot_loss(lines, tmp_path / f"{name}.png")
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def tracker(gpu: float, cpu: float, mode: str) -> SimpleNamespace:
    """As codecarbon leaves it, with the memory that it always estimates."""
    CPU, RAM = type("CPU", (), {"_mode": mode}), type("RAM", (), {})
    return SimpleNamespace(
        final_emissions_data=SimpleNamespace(gpu_energy=gpu, cpu_energy=cpu, ram_energy=5.0), _hardware=[RAM(), CPU()]
    )


def test_only_what_has_a_meter_counts_as_measured_energy() -> None:
    assert metered_parts(tracker(0.5, 0.25, "intel_rapl")) == {"GPU": 0.5, "CPU": 0.25}
    assert metered_parts(tracker(0.5, 0.25, "constant")) == {"GPU": 0.5}
    assert metered_parts(tracker(0.0, 0.25, "cpu_load")) == {}
    energy = Energy()
    add_up(energy, {}, 100.0, "BRA")
    assert energy == Energy()


@pytest.mark.skipif(bool(find_spec("codecarbon")), reason="it is installed")
def test_energy_without_codecarbon_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r'--energy BRA: .*codecarbon.*pip install "titlecraft\[energy\]"'):
        require_meter("BRA")
    require_meter(None)


@pytest.mark.skipif(not find_spec("codecarbon"), reason="needs the extra `energy`")
def test_codecarbon_measures_nothing_here_that_has_no_meter() -> None:
    with pytest.raises(UserError, match="--energy Brazil: expected the ISO code of a country"):
        require_meter("Brazil")
    with metered("BRA") as energy:
        sum(range(1_000_000))
    import torch

    assert (energy.kwh is None) == (not torch.cuda.is_available()) or energy.parts == "CPU"
    gpu = Energy()
    add_up(gpu, {"GPU": 0.5}, 100.0, "BRA")
    assert (gpu.kwh, gpu.parts, gpu.co2_grams, gpu.country) == (0.5, "GPU", 50.0, "BRA")
