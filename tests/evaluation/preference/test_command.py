"""`titlecraft judge` on an embedded Hub, and its refusals in one line."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from evaluation.preference.record import PreferenceRecord
from local_hub.server import RunningHub, start, stop
from tests import ROOT
from tests.evaluation.preference.judged_reports import better, mixed_rows
from tests.evaluation.preference.scripted_judge import running_judge
from tests.evaluation.side_by_side.test_comparison import upload_report
from tests.warm import PYTHON
from titlecraft.records import read_record

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    root = tmp_path_factory.mktemp("hub")
    running = start(root / "hub")
    upload_report(HfApi(endpoint=running.url, token=running.token), root / "a", "titlecraft/a", "aaaa", mixed_rows())
    yield running
    stop(root / "hub")


def judge(hub: RunningHub, home: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run `titlecraft judge` in a process of its own."""
    command = [PYTHON, "-m", "titlecraft.command_line.main", "judge", "--adapter", "titlecraft/a", *arguments]
    environment = os.environ | hub.environment(home) | {"COLUMNS": "120", "JUDGE_API_KEY": "sesame"}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_the_command_says_what_it_sends_and_writes_record_page_and_answers(hub: RunningHub, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with running_judge() as endpoint:
        endpoint.rule = better
        process = judge(hub, tmp_path, "--report", "aaaa", "--titles", "32", "--judge", endpoint.url, "--out", str(out))
    assert process.returncode == 0, process.stderr
    sent = f"to {endpoint.url} (this machine), model scripted: 64 requests"
    assert "sends 32 titles with both texts of titlecraft/a@" in process.stderr and sent in process.stderr
    assert endpoint.keys == {"Bearer sesame"} and len(endpoint.requests) == 64
    assert "The judge prefers after: after wins 75.0% of 32 titles" in process.stdout
    record = read_record((out / "preference.json").read_bytes(), PreferenceRecord, "it")
    assert (record.n, record.wins, record.losses, record.report.report_id) == (32, 24, 8, "aaaa")
    assert {file.name for file in out.iterdir()} == {"preference.json", "preference.html", "judge_answers.jsonl"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected --judge URL, a model to ask, or --people, a page of votes; nothing is sent anywhere without --judge"),
        (("--people", "--judge", "http://127.0.0.1:1/v1"), "expected --judge URL, a model to ask, or --people"),
        (("--report", "bbbb", "--judge", "http://127.0.0.1:1/v1"), "has no evaluation/bbbb/report.json"),
        (("--judge", "http://127.0.0.1:1/v1"), "no list of models at http://127.0.0.1:1/v1/models: no connection"),
        (("--judge", "http://127.0.0.1:1/v1", "--titles", "0"), "judge --titles 0: expected 1 or more"),
    ],
)  # fmt: skip
def test_refusals_are_one_line(hub: RunningHub, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    process = judge(hub, tmp_path / "home", "--out", str(tmp_path / "out"), *arguments)
    assert process.returncode == 2 and message in process.stderr and "Traceback" not in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1 and not (tmp_path / "out").exists()
