"""Linux and macOS are supported, macOS without an affinity mask; on Windows the error names WSL."""

import os
import resource
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests import ROOT
from titlecraft.command_line import main
from titlecraft.process import machine

PACKAGES = ("titlecraft", "dataset_builder", "training", "evaluation", "model_card", "playground")
# a Python as on Windows: without the modules and functions that only Unix has
WINDOWS = """
import os, runpy, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("sched_getaffinity", "fork", "fchmod", "WNOHANG"):
    delattr(os, name)
sys.platform, sys.argv = "win32", ["titlecraft"]
for module in ("titlecraft.command_line.main", "dataset_builder", "training", "evaluation", "model_card", "local_hub"):
    try:
        runpy.run_module(module, run_name="__main__")
    except SystemExit as ended:
        print(module, ended.code)
"""


def test_every_entry_point_refuses_windows_in_one_line() -> None:
    process = subprocess.run([sys.executable, "-c", WINDOWS], cwd=ROOT, capture_output=True, text=True, timeout=60)
    modules = ["titlecraft.command_line.main", "dataset_builder", "training", "evaluation", "model_card", "local_hub"]
    assert process.stdout.split("\n")[:-1] == [f"{module} 2" for module in modules]
    lines = process.stderr.splitlines()
    assert len(lines) == len(modules)
    for module, line in zip(modules, lines, strict=True):
        name = "The Hub" if module == "local_hub" else "Titlecraft"
        assert line.startswith(f"error: {name} runs on Linux and macOS, and this is Windows: install WSL")


@pytest.mark.parametrize("platform", ["win32", "cygwin"])
def test_every_verb_refuses_windows(
    platform: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert main.main(["train", "--help"]) == main.main(["hub", "start"]) == main.main([]) == 2
    assert "WSL" in capsys.readouterr().err


def test_macos_has_no_affinity_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluation.processes import workers
    from training.data.examples import useful_processes

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    machine.require_unix()
    assert machine.usable_cores() == useful_processes(1_000_000) == workers(1000) == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)  # what it says where it cannot tell
    assert machine.usable_cores() == useful_processes(1_000_000) == 1


@pytest.mark.parametrize(("platform", "counted", "in_bytes"), [("linux", 5000, 5_120_000), ("darwin", 5000, 5000)])
def test_peak_memory_is_in_bytes_on_every_system(
    platform: str, counted: int, in_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=counted))
    assert machine.peak_memory() == in_bytes


def test_only_one_module_calls_functions_that_differ_between_systems() -> None:
    """Whoever needs cores or memory takes them from `titlecraft.process.machine`; the embedded Hub, which imports nothing of the house,
    asks for its own process."""
    results = [
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if "local_hub" not in file.parts
        and any(name in file.read_text() for name in ("sched_getaffinity", "sched_setaffinity", "ru_maxrss", "/proc/"))
    ]
    assert results == ["titlecraft/process/machine.py"]
