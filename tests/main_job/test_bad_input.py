"""User errors and failures: one line, a non-zero exit status, and no damage to published repos."""

import gzip
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local_hub.server import start, status, stop
from tests.main_job.conftest import ADAPTER, DATASET, World, plain_environment
from tests.warm import PYTHON

pytestmark = pytest.mark.slow

Refused = Callable[..., str]

# The client tries again as often as it does for users, without its 23 s of waiting in between.
IMPATIENT = """
import os, sys
os.environ["HF_HUB_DISABLE_XET"] = "1"
from huggingface_hub import constants
from huggingface_hub.utils import _http
from titlecraft.command_line.main import main
constants.HF_HUB_DISABLE_XET = True
for call in (_http.http_backoff, _http._http_backoff_base):
    call.__kwdefaults__ |= {"base_wait_time": 0.02, "max_wait_time": 0.1}
"""


def build(source: Path | str, repo: str = "titlecraft/spare") -> list[str]:
    return ["build", str(source), "--repo", repo, "--recipe", "recipe.yaml"]


def head(world: World, repo: str = DATASET) -> str:
    code = f"from huggingface_hub import HfApi; print(HfApi().dataset_info('{repo}').sha)"
    return world.python(code).stdout.strip()


def test_source_is_missing(refused: Refused) -> None:
    assert "nowhere.json.gz: no such file" in refused(*build("nowhere.json.gz"))


def test_source_is_cut(world: World, refused: Refused, tmp_path: Path) -> None:
    full = (world.folder / "trn.json.gz").read_bytes()
    (tmp_path / "cut.json.gz").write_bytes(full[: len(full) // 2])
    message = refused(*build(tmp_path / "cut.json.gz"))
    assert "the gzip data is cut after line" in message and "fetch the whole file again" in message


def test_source_is_not_gzip(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "plain.json.gz").write_text('{"title": "a", "content": "b"}\n')
    assert "not a gzip file, whatever its name says" in refused(*build(tmp_path / "plain.json.gz"))


def test_source_has_other_columns(refused: Refused, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "other.json.gz", "wt") as stream:
        stream.write('{"name": "Kettle", "text": "A kettle that boils water."}\n' * 3)
    message = refused(*build(tmp_path / "other.json.gz"))
    assert (
        "no line has 'title' and 'content'; the lines have 'name', 'text'" in message
        and "--data.title_column=name" in message
    )


def test_unknown_recipe_key(world: World, refused: Refused) -> None:
    (world.folder / "typo.yaml").write_text("lora:\n  r: 4\n  alhpa: 8\n")
    message = refused("train", "--dataset", DATASET, "--repo", ADAPTER, "--recipe", "typo.yaml")
    assert message == "error: typo.yaml:3: unknown key 'lora.alhpa'; did you mean 'lora.alpha'?"


def test_unknown_recipe_and_option(refused: Refused) -> None:
    assert "no such recipe; there are auto, fast-convergence, full-epoch, " in refused(
        *build("trn.json.gz")[:-1], "enormous"
    )
    assert "--data.limitt" in refused(*build("trn.json.gz"), "--data.limitt=3")


def test_misspelt_repo(refused: Refused) -> None:
    message = refused("train", "--dataset", "titlecraft/amazn", "--repo", ADAPTER, "--recipe", "recipe.yaml")
    assert "no dataset titlecraft/amazn" in message and "check the spelling" in message
    assert "expected NAMESPACE/NAME" in refused("evaluate", "--adapter", "adapter", "--recipe", "recipe.yaml")


def test_no_write_right(world: World, refused: Refused) -> None:
    assert "no write right on titlecraft/spare" in refused(*build("trn.json.gz"), HF_TOKEN=world.hub.read_token)
    assert "no write right on somebody/spare" in refused(*build("trn.json.gz", "somebody/spare"))


def test_bad_token(refused: Refused) -> None:
    message = refused(*build("trn.json.gz"), HF_TOKEN="hf_nonsense")
    assert "refused the token" in message and "HF_TOKEN" in message
    assert "there is no token for http://" in refused(*build("trn.json.gz"), HF_TOKEN="")


def test_unsloth_without_a_gpu(world: World, refused: Refused, dataset: str) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    world.python("from huggingface_hub import create_repo; create_repo('titlecraft/any', exist_ok=True)")
    options = ["--recipe", "recipe.yaml", "--training.backend=unsloth", "--base.repo=titlecraft/any"]
    message = refused("train", "--dataset", DATASET, "--repo", "titlecraft/unsloth", *options)
    assert "needs a CUDA GPU" in message and "--training.backend=trl" in message


def test_port_in_use(refused: Refused, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        message = refused("hub", "serve", "--root", str(tmp_path / "hub"), "--port", port)
    assert port in message and "--port 0" in message


def test_nobody_answers(refused: Refused) -> None:
    message = refused(*build("trn.json.gz"), HF_ENDPOINT="http://127.0.0.1:9")
    assert "http://127.0.0.1:9 does not answer" in message and "run the same command again" in message


def test_the_hub_is_killed_during_an_upload(tmp_path: Path, world: World) -> None:
    """The Hub is killed while shards are uploaded; after its restart the same command finishes, and the repo is complete."""
    hub = start(tmp_path / "hub")
    environment = plain_environment(hub, tmp_path / "hf_home")
    arguments = build(world.folder / "trn.json.gz")
    process = subprocess.Popen(
        [PYTHON, "-c", IMPATIENT + f"sys.exit(main({arguments!r}))"],
        env=environment,
        cwd=world.folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    objects = tmp_path / "hub" / "repos"

    def kill_at_first_upload() -> None:
        while process.poll() is None and not any("lfs" in path.parts and path.is_file() for path in objects.rglob("*")):
            time.sleep(0.002)
        os.kill(hub.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_at_first_upload)
    killer.start()
    _, stderr = process.communicate(timeout=200)
    killer.join()
    assert process.returncode == 2 and "Traceback" not in stderr, stderr
    assert re.search(
        r"^error: publishing to dataset titlecraft/spare did not finish: (the Hub at \S+ does not answer|.* still answer\?)",
        stderr,
        re.MULTILINE,
    ), stderr
    second = start(tmp_path / "hub", port=int(hub.url.rsplit(":", 1)[1]))
    command = [PYTHON, "-m", "titlecraft.command_line.main", *arguments]
    done = subprocess.run(command, env=environment, cwd=world.folder, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert second.url == hub.url
    stop(tmp_path / "hub")


def test_disk_full_while_publishing(world: World, tmp_path: Path, dataset: str) -> None:
    """HF_HOME is on a disk of 150 kB; the published dataset is unchanged."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or not shutil.which("mount")
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150k", "tmpfs", str(disk)]).returncode
    ):
        pytest.skip("no right to mount a small disk here")
    before = head(world)
    try:
        process = world.titlecraft(*build("trn.json.gz", DATASET), "--fresh", HF_HOME=str(disk / "hf_home"))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    assert process.returncode == 2 and "Traceback" not in process.stderr, process.stderr
    assert "disk full" in process.stderr.splitlines()[-1]
    assert head(world) == before


def test_a_second_run_at_the_same_time(world: World, dataset: str) -> None:
    """Of two builds of one repo, one publishes and the other names the run that holds the lock."""
    command = [PYTHON, "-m", "titlecraft.command_line.main", *build("trn.json.gz", "titlecraft/twice")]
    both = [
        subprocess.Popen(
            command, env=world.environment, cwd=world.folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    ends = [(process.communicate(timeout=200)[1], process.returncode) for process in both]
    assert sorted(status for _, status in ends) in ([0, 2], [0, 0]), ends
    for stderr, code in ends:
        assert code == 0 or "another run is publishing to dataset titlecraft/twice" in stderr, stderr


def test_a_head_that_moved_is_refused(world: World, dataset: str) -> None:
    """Across machines the parent commit decides: a commit on an outdated head is refused in one line."""
    process = world.python("""
import titlecraft.hub.publishing as publishing
from huggingface_hub import HfApi
from pathlib import Path
from titlecraft.command_line.main import main
real = publishing.HfApi.list_repo_files
def meanwhile(self, *args, **kwargs):
    files = real(self, *args, **kwargs)
    HfApi().upload_file(path_or_fileobj=b"x", path_in_repo="other.txt", repo_id="titlecraft/raced", repo_type="dataset")
    return files
publishing.HfApi.list_repo_files = meanwhile
raise SystemExit(main(["build", "trn.json.gz", "--repo", "titlecraft/raced", "--recipe", "recipe.yaml"]))
""")
    assert process.returncode == 2 and "Traceback" not in process.stderr, process.stderr
    assert "somebody else published to dataset titlecraft/raced in the meantime" in process.stderr.splitlines()[-1]


def test_repos_with_other_contents_are_refused(world: World, refused: Refused) -> None:
    """A repo with somebody else's data, or with the base model, is not overwritten."""
    outcome = world.python("""
from huggingface_hub import HfApi
for kind in ("dataset", "model"):
    HfApi().create_repo("titlecraft/precious", repo_type=kind)
    HfApi().upload_file(path_or_fileobj=b"x", path_in_repo="data/thesis.csv", repo_id="titlecraft/precious", repo_type=kind)
""")
    assert outcome.returncode == 0, outcome.stderr
    message = refused(*build("trn.json.gz", "titlecraft/precious"))
    assert "holds 1 files that this command did not publish (data/thesis.csv)" in message and "another repo" in message


def test_a_deleted_repo_is_published_again(world: World, dataset: str) -> None:
    command = build("trn.json.gz", "titlecraft/again")
    assert "nothing to do" not in world.titlecraft(*command).stdout
    assert "nothing to do" in world.titlecraft(*command).stdout
    code = "from huggingface_hub import HfApi; HfApi().delete_folder('data', 'titlecraft/again', repo_type='dataset')"
    assert world.python(code).returncode == 0
    process = world.titlecraft(*command)
    assert process.returncode == 0 and "nothing to do" not in process.stdout, process.stderr


def test_a_split_without_training_rows_is_refused(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "few.jsonl").write_text('{"title": "Kettle", "content": "A kettle that boils water."}\n')
    message = refused(*build(tmp_path / "few.jsonl"), "--data.test_share=0.99", "--data.validation_share=0")
    assert "no row is left for the training split" in message


def test_abbreviated_and_repeated_options_are_refused(refused: Refused) -> None:
    assert "unrecognized arguments: --rec" in refused(*build("trn.json.gz")[:-2], "--rec", "recipe.yaml")
    assert "--hub is given 2 times" in refused(*build("trn.json.gz"), "--hub", "local", "--hub=http://127.0.0.1:9")
    assert "--hub '': expected `local` or an address" in refused(*build("trn.json.gz"), "--hub=")


def test_the_hub_is_undamaged_at_the_end(world: World, dataset: str) -> None:
    """After all tests above, the server answers and git fsck finds no fault in any repo."""
    assert status(world.folder / "hub")
    repos = [path.parent for path in (world.folder / "hub" / "repos").rglob("HEAD")]
    assert repos
    for repo in repos:
        checked = subprocess.run(
            ["git", "--git-dir", str(repo), "fsck", "--full", "--strict"], capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
