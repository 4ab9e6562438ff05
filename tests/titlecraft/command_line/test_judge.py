"""`titlecraft judge` on an embedded Hub, and its refusals in one line."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import httpx
import pytest
from huggingface_hub import HfApi

from evaluation.preference.record import PreferenceRecord
from local_hub.server import RunningHub, start, stop
from tests import ROOT
from tests.evaluation.preference.judged_reports import better, mixed_rows
from tests.evaluation.preference.scripted_judge import running_judge
from tests.evaluation.side_by_side.test_comparison import upload_report
from tests.warm import PYTHON
from titlecraft.command_line.verbs.judge import main
from titlecraft.errors import UserError
from titlecraft.records import read_record

pytestmark = pytest.mark.slow
VERB = ("-m", "titlecraft.command_line.main", "judge", "--adapter", "titlecraft/a")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    root = tmp_path_factory.mktemp("hub")
    running = start(root / "hub")
    upload_report(HfApi(endpoint=running.url, token=running.token), root / "a", "titlecraft/a", "aaaa", mixed_rows())
    yield running
    stop(root / "hub")


def environment(hub: RunningHub, home: Path) -> dict[str, str]:
    """The environment of a command on this Hub."""
    return os.environ | hub.environment(home) | {"COLUMNS": "120", "JUDGE_API_KEY": "sesame"}


def judge(hub: RunningHub, home: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run `titlecraft judge` in a process of its own."""
    command = [PYTHON, *VERB, *arguments]
    return subprocess.run(command, env=environment(hub, home), cwd=ROOT, capture_output=True, text=True, timeout=120)


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


def test_people_vote_until_ctrl_c(hub: RunningHub, tmp_path: Path) -> None:
    command = [PYTHON, *VERB, "--people", "--port", "0", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        command, env=environment(hub, tmp_path), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    greeting, url = process.stdout.readline(), process.stdout.readline().strip()
    assert "votes on titlecraft/a@" in greeting and "Ctrl-C ends and writes the result" in greeting
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        while True:  # printed a moment before it listens
            try:
                asked = client.post("/vote", json={"voter": "Ana"}).json()
                break
            except httpx.ConnectError:
                sleep(0.05)
        for _ in range(4):
            answer = "1" if asked["texts"][0].startswith("good") else "2"
            asked = client.post("/vote", json={"voter": "Ana", "uid": asked["uid"], "answer": answer}).json()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "after wins 75.0% of 4 titles, ties half: too few titles for an interval." in out
    record = read_record((tmp_path / "out/preference.json").read_bytes(), PreferenceRecord, "it")
    assert (record.n, record.votes) == (4, 4)


def test_a_report_that_does_not_exist_is_refused_in_one_line(hub: RunningHub, tmp_path: Path) -> None:
    process = judge(hub, tmp_path, "--report", "bbbb", "--people", "--out", str(tmp_path / "out"))
    assert process.returncode == 2 and "has no evaluation/bbbb/report.json" in process.stderr
    assert len(process.stderr.strip().splitlines()) == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), r"expected --judge URL, a model to ask, or --people, a page of votes; nothing is sent anywhere without --judge"),
        (("--people", "--judge", "http://127.0.0.1:1/v1"), r"expected --judge URL, a model to ask, or --people"),
        (("--people", "--judge-model", "x"), r"--judge-model is for --judge URL; leave it out"),
        (("--judge", "http://127.0.0.1:1/v1", "--titles", "0"), r"judge --titles 0: expected 1 or more"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        main(["--adapter", "titlecraft/a", "--out", str(tmp_path), *arguments])
