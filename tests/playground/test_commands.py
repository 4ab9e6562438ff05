"""`titlecraft ask` and `titlecraft play` as subprocesses, against the embedded Hub."""

import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import present
from tests.evaluation.served_world import ADAPTER, BASE, ROOT, World, served_world
from tests.warm import PYTHON

pytestmark = pytest.mark.slow

NO_GRADIO = "raise ImportError('No module named gradio')"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served_world(tmp_path_factory.mktemp("world")) as served:
        yield served


def start(world: World, *arguments: str, **environment: str) -> subprocess.Popen:
    command = [PYTHON, "-m", "titlecraft.command_line.main", *arguments]
    variables = os.environ | world.hub.environment(world.root / "home") | environment
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=variables, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=pipe)


def refused(world: World, *arguments: str, **environment: str) -> str:
    out, err = (process := start(world, *arguments, **environment)).communicate(timeout=120)
    assert process.returncode == 2 and out == "" and "Traceback" not in err
    return err.splitlines()[-1]


def test_ask_through_a_pipe(world: World) -> None:
    process = start(
        world, "ask", "--adapter", world.pins[ADAPTER], "--both", "--greedy", "--max-new-tokens", "9", "--show-prompt"
    )
    out, err = process.communicate(
        "The small clock of the library\n\nIs a tent quiet?\n" + "x" * 2001 + "\n", timeout=120
    )
    assert process.returncode == 0 and "Traceback" not in err and "\x1b" not in out, err
    first, second = out.split("The prompt, without BOS:")[0], out.split("### Response:")[1]
    assert "Base model:\n" in first and "Tuned model:\n" in first and "NLL of the reference" in first
    assert "the training data: only in the test split.\n1. The small clock of the library\n" in first
    assert "Read as a title · greedy, at most 9 tokens" in first and "Read as a question" in second
    assert f"{world.hub.url}/datasets/titlecraft/tiny-dataset/blob/" in first
    assert "error: the text has 2,001 characters: expected at most 2,000" in err


def test_ask_with_output_that_is_not_unicode(world: World) -> None:
    out, err = (
        process := start(
            world, "ask", "A lamp", "--adapter", ADAPTER, "--max-new-tokens", "3", PYTHONIOENCODING="ascii"
        )
    ).communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in err, err
    assert "* 3 tokens *" in out and "Read as a title * T 0.7" in out


def test_questions_that_are_refused(world: World, tmp_path: Path) -> None:
    assert "error: nothing was asked: type a title" in refused(world, "ask", " ", "--adapter", ADAPTER)
    message = refused(world, "ask", "A lamp", "--adapter", BASE)
    assert "has no training_record.json" in message and "titlecraft train" in message
    (tmp_path / "gradio.py").write_text(NO_GRADIO)
    message = refused(world, "play", "--adapter", ADAPTER, PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert message == 'error: the page needs Gradio (No module named gradio): pip install "titlecraft[play]"'
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for verb in ("play", "serve"):
            assert f"error: cannot serve on 127.0.0.1 port {port}" in refused(
                world, verb, "--adapter", ADAPTER, "--port", port
            )


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_an_invalid_port_is_refused(world: World, port: str) -> None:
    message = refused(world, "play", "--adapter", ADAPTER, "--port", port)
    assert f"cannot serve on 127.0.0.1 port {port} (a port is 0 to 65535): choose another --port" in message


def test_play_listens_on_loopback_and_ends_with_ctrl_c(world: World) -> None:
    process = start(world, "play", "--adapter", ADAPTER, "--port", "0")
    assert (
        present(process.stdout).readline() == f"{world.pins[ADAPTER][: len(ADAPTER) + 13]} on cpu, float32 from nf4\n"
    )
    url = present(process.stdout).readline().strip()
    port = f"{int(url.rstrip('/').rpartition(':')[2]):04X}"
    rows = [line.split() for file in ("tcp", "tcp6") for line in Path(f"/proc/net/{file}").read_text().splitlines()[1:]]
    assert [row[1] for row in rows if row[1].endswith(f":{port}") and row[3] == "0A"] == [f"0100007F:{port}"]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in err


def test_serve_prints_an_address_and_a_command_that_works_and_ends_with_ctrl_c(world: World) -> None:
    process = start(world, "serve", "--adapter", ADAPTER, "--port", "0")
    said = [present(process.stdout).readline().rstrip("\n") for _ in range(5)]
    assert said[2:4] == [f"  {ADAPTER}  (the adapter)", f"  {BASE}  (its base)"]
    command = shlex.split(said[4])
    assert command[0] == "curl" and command[1].startswith("http://127.0.0.1:") and said[1].split()[0] in command[1]
    for _ in range(100):  # the address is printed before the server listens
        try:
            answer = httpx.post(command[1], content=command[-1], timeout=60)
            break
        except httpx.ConnectError:
            time.sleep(0.1)
    assert answer.status_code == 200 and answer.json()["choices"][0]["message"]["content"]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "Traceback" not in err
    assert "has no model titlecraft/nowhere" in refused(world, "serve", "--adapter", "titlecraft/nowhere")
