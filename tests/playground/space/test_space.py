"""`titlecraft space`: the published files, a run of the downloaded Space with its own requirements only, and errors."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from playground.space.app import require_pin
from playground.space.needs import suggested_hardware
from playground.space.publish import require_imports
from tests import present
from tests.evaluation.published_world import training_record
from tests.playground.export.exporting import ADAPTER, BASE, Desk, Outcome, desk
from tests.playground.space.site_packages import only_these
from tests.warm import PYTHON
from titlecraft.errors import UserError
from titlecraft.records import Pin, TrainingRecord, read_record
from titlecraft.records.repo_files import SPACE_APP, SPACE_REQUIREMENTS
from titlecraft.records.space import SpaceRecord

pytestmark = pytest.mark.slow

SPACE = "titlecraft/ask-it"
DATASET = "titlecraft/tiny-dataset"
NO_HUB = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": "/nowhere"}
LLAMA_3_8B = {"vocab_size": 128_256, "hidden_size": 4096, "tie_word_embeddings": False}
PUBLISH = ["space", "--adapter", ADAPTER, "--repo", SPACE]

ASK = """
import json, sys
from gradio_client import Client
client = Client(sys.argv[1], verbose=False)
job = client.submit("The red lamp of the attic", "Both", "Greedy", "Title", False, 0, 12, 0.7, 50, 0.95, api_name="/ask")
states = list(job)  # the first has sources and prompt, the last both answers
print(json.dumps([states[0], states[-1]]))
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("space")) as user:
        yield user


@pytest.fixture(scope="module")
def done(user: Desk) -> dict[str, Outcome]:
    """Outcomes of publishing a Space, of a repeat, of an empty Space made on the Hub, and of calls that must fail."""
    user.say("""
from huggingface_hub import HfApi
api = HfApi()
for name in ("taken", "empty"):
    api.create_repo(f"titlecraft/{name}", repo_type="space", space_sdk="gradio")
api.upload_file(repo_id="titlecraft/taken", repo_type="space", path_in_repo="app.py", path_or_fileobj=b"print()")
card = b"---\\nsdk: gradio\\nlicense: mit\\n---\\nTheir words.\\n"
api.upload_file(repo_id="titlecraft/empty", repo_type="space", path_in_repo="README.md", path_or_fileobj=card)
""")
    return user.session(
        {
            "space": PUBLISH,
            "again": PUBLISH,
            "verified": ["verify", f"spaces/{SPACE}", "--full"],
            "empty": [*PUBLISH[:-1], "titlecraft/empty"],
            "taken": [*PUBLISH[:-1], "titlecraft/taken"],
            "no adapter": ["space", "--adapter", BASE, "--repo", "titlecraft/other"],
            "somebody": [*PUBLISH[:-1], "somebody/ask"],
            "read token": [f"HF_TOKEN={user.hub.read_token}", *PUBLISH],
            "revision": [*PUBLISH[:-1], f"{SPACE}@dev"],
        }
    )


@pytest.fixture(scope="module")
def downloaded(user: Desk, done: dict[str, Outcome]) -> Path:
    """A folder with the Space's files, downloaded from the Hub."""
    assert done["space"].status == 0, done["space"].err
    folder = user.folder / "downloaded"
    user.say(f"""
from huggingface_hub import snapshot_download
snapshot_download({SPACE!r}, repo_type="space", local_dir={str(folder)!r})
""")
    return folder


def test_the_card_and_record_of_a_space(user: Desk, downloaded: Path) -> None:
    info = json.loads(
        user.say(f"""
import json
from huggingface_hub import HfApi
info = HfApi().space_info({SPACE!r})
print(json.dumps([info.sdk, info.private, info.models, info.datasets, info.card_data.to_dict(), HfApi().list_repo_commits({SPACE!r}, repo_type="space")[0].title]))
""")
    )
    sdk, private, models, datasets, card, title = info
    pins = user.pins
    assert (sdk, private, models, datasets) == ("gradio", True, [ADAPTER, BASE], [DATASET])
    assert title.startswith(f"The page of {ADAPTER}@")
    record = read_record((downloaded / "space_record.json").read_bytes(), SpaceRecord, "space_record.json")
    assert {pin.repo: f"{pin.repo}@{pin.revision}" for pin in (record.adapter, record.base, record.dataset)} == pins
    assert (card["app_file"], card["sdk_version"], card["python_version"]) == ("app.py", record.gradio, "3.11")
    assert card["suggested_hardware"] == record.hardware.flavor == "cpu-basic"
    app = (downloaded / "app.py").read_text()
    assert all(
        f'{role}="{pins[repo]}"' in app for role, repo in (("adapter", ADAPTER), ("base", BASE), ("dataset", DATASET))
    )
    assert len(app.splitlines()) < 20
    lines = (downloaded / "requirements.txt").read_text().splitlines()
    assert lines == record.requirements and f"gradio=={record.gradio}" in lines
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", line) for line in lines)
    files = {file.relative_to(downloaded).as_posix() for file in downloaded.rglob("*") if file.is_file()}
    files = {file for file in files if not file.startswith((".cache/", ".gitattributes"))}
    assert files == {file.path for file in record.files} | {"README.md", "SHA256SUMS", "space_record.json"}
    assert "playground/page/build.py" in files and not any(
        "local_hub" in file or file.endswith(".pyc") for file in files
    )


TAMPERED = """
import json, shutil, tempfile
from pathlib import Path
import model_card.verification.lines.hub_files as hub_files
import playground.space.verification as verification
from model_card.verification.repo_state import RepoState
from model_card.verification.run import find, verify_state
state = RepoState.download(find("spaces/{space}"))
raw = (state.folder / "space_record.json").read_text()
record = json.loads(raw)
read = verification.read_file
def changed(**values):
    return lambda folder: (folder / "space_record.json").write_text(json.dumps(record | values, indent=2))
def card(old, new):
    return lambda folder: (folder / "README.md").write_text((state.folder / "README.md").read_text().replace(old, new))
def served(path, content):
    return lambda folder: setattr(
        verification, "read_file", lambda pin, name: content if name == path and pin.type == "space" else read(pin, name)
    )
other = record["adapter"] | {{"repo": record["base"]["repo"], "revision": record["base"]["revision"]}}
sums = [file | {{"sha256": "0" * 64}} if file["path"] == "playground/page/build.py" else file for file in record["files"]]
for name, change in {{
    "nothing": lambda folder: None,
    "another adapter": changed(adapter=other),
    "another base": changed(base=record["dataset"]),
    "other sums": changed(files=sums),
    "more hardware": changed(hardware=record["hardware"] | {{"flavor": "a100-large"}}),
    "a package more": changed(requirements=[*record["requirements"], "evil==1.0"]),
    "an app of their own": served("app.py", b"print()"),
    "other requirements": served("requirements.txt", b"evil"),
    "a name on the card": card("{adapter}", "titlecraft/better"),
    "a file beside ours": lambda folder: state.paths + ["sitecustomize.py"],
}}.items():
    verification.read_file = read
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path in ("README.md", "space_record.json"):
            shutil.copy(state.folder / path, folder / path)
        paths = change(folder)
        tampered = RepoState(state.pin, folder, paths if isinstance(paths, list) else state.paths)
        result = verify_state(tampered, "card", [], None, verification.verify_space)
        print(name, "|", result.verdict, "|", "; ".join(line.claim for line in result.failures()))
"""


def test_a_space_is_verified_against_its_adapter_and_each_forgery_is_refused(
    user: Desk, done: dict[str, Outcome]
) -> None:
    assert done["verified"].status == 0, done["verified"].out
    lines = user.say(TAMPERED.format(space=SPACE, adapter=ADAPTER)).splitlines()
    verdicts = dict(line.split(" | ")[:2] for line in lines if " | " in line)
    assert verdicts.pop("nothing") == "holds"
    assert len(verdicts) == 9 and set(verdicts.values()) == {"does not hold"}, lines


def pins_in(html: str) -> set[str]:
    """The dataset revisions, as NAMESPACE/NAME@COMMIT, that the links point to."""
    return {f"{repo}@{sha}" for repo, sha in re.findall(r"/datasets/([\w/-]+)/blob/([0-9a-f]{40})/", html)}


def listens(port: int) -> bool:
    """Whether a server accepts connections on this port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_downloaded_space_runs_with_its_own_requirements_only(user: Desk, downloaded: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = [line.partition("==")[0] for line in (downloaded / "requirements.txt").read_text().splitlines()]
    environment = user.environment | {
        "PYTHONPATH": str(only_these(names, user.folder / "installed")),
        "GRADIO_SERVER_PORT": str(port),
        "HF_HOME": str(user.folder / "fresh home"),
    }
    app = subprocess.Popen(
        [sys.executable, "-S", "app.py"],
        cwd=downloaded,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        while not listens(port):
            assert app.poll() is None, present(app.stderr).read()[-3000:].decode()
            time.sleep(0.2)
        lines = [present(app.stdout).readline().decode() for _ in range(2)]
        assert lines[0].startswith(f"{ADAPTER}@") and lines[1] == f"http://127.0.0.1:{port}/\n"
        client = user.run(PYTHON, "-c", ASK, f"http://127.0.0.1:{port}")
        assert client.returncode == 0, client.stderr[-3000:]
    finally:
        app.kill()
        app.wait()
    (_, sources, prompt), (answers, _, _) = json.loads(client.stdout.splitlines()[-1])
    arms = re.findall(r'<h3>(.*?)</h3>\n<p class="text">(.*?)</p>.*?NLL of the reference ([0-9.]+)', answers, re.DOTALL)
    (base, base_text, _), (tuned, tuned_text, _) = arms
    assert (base, tuned) == ("Base model", "Tuned model") and base_text != tuned_text
    assert "<b>The red lamp of the attic</b>" in sources and pins_in(sources) == {user.pins[DATASET]}
    assert "a description of the product &#39;The red lamp of the attic&#39;?" in prompt


def test_a_repeat_is_a_no_op_and_user_errors_are_one_line(done: dict[str, Outcome]) -> None:
    second = done["again"].out.splitlines()
    assert second[0] == f"nothing to do: {SPACE} has this very page, adapter and requirements"
    assert second[1:] == done["space"].out.splitlines()
    assert "has no training_record.json" in done["no adapter"].refusal()
    assert "no write right on somebody/ask" in done["somebody"].refusal()
    assert f"no write right on {SPACE}" in done["read token"].refusal()
    assert f"--repo {SPACE}@dev: expected NAMESPACE/NAME" in done["revision"].refusal()


def test_a_space_with_other_contents_is_refused_and_an_empty_one_is_used(user: Desk, done: dict[str, Outcome]) -> None:
    assert "space titlecraft/taken holds 1 files that this command did not publish (app.py)" in done["taken"].refusal()
    assert done["empty"].status == 0 and "Space titlecraft/empty@" in done["empty"].out
    card = user.say("""
from huggingface_hub import hf_hub_download
print(open(hf_hub_download("titlecraft/empty", "README.md", repo_type="space")).read())
""")
    assert "\nlicense: mit\n" in card and "\napp_file: app.py\n" in card
    assert card.endswith("<!-- /titlecraft:space -->\n\nTheir words.\n\n")


def test_an_app_with_another_base_does_not_start() -> None:
    pin = Pin(type="model", repo="a/b", revision="1" * 40)
    require_pin("base", pin, f"a/b@{'1' * 40}")
    with pytest.raises(
        UserError, match=r"app\.py names the base a/b@2{40}, and the adapter was trained with a/b@1{40}"
    ):
        require_pin("base", pin, f"a/b@{'2' * 40}")


def test_files_that_cannot_be_imported_are_refused_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only files that passed are remembered."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "home"))
    space = tmp_path / "space"
    (space / "playground").mkdir(parents=True)
    for name in (SPACE_APP, SPACE_REQUIREMENTS):
        (space / name).touch()
    for reason in ("broken", "other"):
        (space / "playground" / "__init__.py").write_text(f"raise RuntimeError({reason!r})")
        for _ in range(2):
            with pytest.raises(UserError, match=f"cannot be imported: RuntimeError: {reason}"):
                require_imports(space)
    assert not (tmp_path / "home").exists()


def test_an_address_that_cannot_be_served_is_said() -> None:
    # Gradio reads the variable on import; the warm process has imported it before.
    code = """
import sys
for name in [name for name in sys.modules if name.partition(".")[0] == "gradio"]:
    del sys.modules[name]
from playground.page.build import import_gradio
from playground.space.app import open_page
from tests.warm import PYTHON
from titlecraft.errors import UserError
with import_gradio().Blocks(analytics_enabled=False) as page:
    pass
try:
    open_page(page)
except UserError as error:
    print(error)
"""
    # RFC 5737 reserves the address for documentation, so no machine has it.
    environment = os.environ | {"GRADIO_SERVER_NAME": "192.0.2.1"} | NO_HUB
    process = subprocess.run([PYTHON, "-c", code], env=environment, capture_output=True, text=True)
    assert process.stdout.startswith("the page cannot be served"), process.stderr[-3000:]
    assert "check GRADIO_SERVER_NAME and GRADIO_SERVER_PORT" in process.stdout


@pytest.mark.parametrize(
    ("parameters", "quantization", "precision", "flavor", "weights"),
    [
        (1_200_000, "nf4", "float32", "cpu-basic", 0.005),
        (8_030_261_248, "nf4", "float16", "t4-small", 5.702),
        (8_030_261_248, "nf4", "bfloat16", "l4x1", 5.702),
        (8_030_261_248, "none", "bfloat16", "l4x1", 16.061),
        (70_553_706_496, "nf4", "bfloat16", "a100-large", 37.956),
    ],
)
def test_hardware_follows_from_the_size_of_the_base(
    parameters: int, quantization: str, precision: str, flavor: str, weights: float
) -> None:
    pin = Pin(type="model", repo="a/b", revision="0" * 40)
    record: TrainingRecord = training_record(pin, pin, quantization)
    record = msgspec.structs.replace(record, base_parameters=parameters, precision=precision)
    hardware = suggested_hardware(record, LLAMA_3_8B)
    assert (hardware.flavor, hardware.weights_gb, hardware.gpu) == (flavor, weights, flavor != "cpu-basic")
